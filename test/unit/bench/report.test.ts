import { describe, expect, test } from "vitest";
import { type Figure, atLeast, atMost, exactly, judge, under } from "../../bench/figures.ts";
import { type Report, drawMarkdown, drawTable, toJson } from "../../bench/report.ts";

const fast: Figure = {
  name: "kube.get",
  value: 1.755,
  unit: "times",
  goal: atLeast(1.7),
  detail: "9/s against 5/s",
};
const slow: Figure = {
  name: "start-up",
  value: 1.2,
  unit: "times",
  goal: atMost(1.15),
  detail: "",
};
const report: Report = {
  machine: "Measured on one core.",
  isQuick: false,
  subjects: [
    { name: "throughput", figures: [fast] },
    { name: "start-up", figures: [slow] },
  ],
  leftOut: [],
};

describe("judge()", () => {
  test.each([
    [atLeast(2), 1.99, "missed"],
    [atLeast(2), 2, "ok"],
    [atMost(2), 2.01, "missed"],
    [atMost(2), 2, "ok"],
    [under(2), 2, "missed"],
    [under(2), 1.99, "ok"],
    [exactly(0), 1, "missed"],
    [exactly(0), 0, "ok"],
    [undefined, 1e9, "reported"],
  ])("with the goal %j, %d is %s", (goal, value, verdict) => {
    expect(judge({ ...fast, value, goal })).toBe(verdict);
  });

  test("no goal is met by a figure that is not a number", () => {
    expect(judge({ ...slow, value: Number.NaN })).toBe("missed");
  });
});

describe("drawTable()", () => {
  test("shows each figure with its goal and verdict, in columns", () => {
    expect(drawTable(report, (verdict, text) => `[${verdict}]${text}`)).toBe(
      [
        "Measured on one core.",
        "",
        "throughput",
        "  kube.get  1.75 times  at least 1.7 times  [ok]ok        9/s against 5/s",
        "",
        "start-up",
        "  start-up  1.20 times  at most 1.15 times  [missed]missed",
        "",
        "One goal was missed.",
        "",
      ].join("\n"),
    );
  });

  test("says so when there were few rounds", () => {
    expect(drawTable({ ...report, isQuick: true }, (_, text) => text)).toContain("--quick");
  });
});

test("drawMarkdown() makes a table and names the machine", () => {
  const figures = [{ ...fast, name: "a | b" }, slow];
  expect(drawMarkdown({ ...report, subjects: [{ name: "all", figures }] })).toBe(
    [
      "| figure | measured | goal |",
      "|---|---|---|",
      String.raw`| a \| b | 1.75 times | at least 1.7 times |`,
      "| start-up | 1.20 times | at most 1.15 times, missed |",
      "",
      "Measured on one core.",
      "",
    ].join("\n"),
  );
});

test("every report names what was left out, and why", () => {
  const leftOut = [{ name: "large-informer", reason: "Go is not installed" }];
  const line = "Left out: large-informer. Go is not installed.";
  expect(drawTable({ ...report, leftOut }, (_, text) => text)).toContain(`${line}\n`);
  expect(drawMarkdown({ ...report, leftOut })).toContain(`${line}\n`);
  expect(JSON.parse(toJson({ ...report, leftOut }))).toMatchObject({ leftOut });
});

test("toJson() has every figure with its verdict", () => {
  const { subjects } = JSON.parse(toJson(report)) as { subjects: { figures: unknown[] }[] };
  expect(subjects[1]?.figures).toEqual([{ ...slow, verdict: "missed" }]);
});
