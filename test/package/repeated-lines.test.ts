import { glob, readFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { root } from "../../tools/run.ts";
import { repeatedRuns } from "./repeated-lines.ts";

/** As many lines as that are a rule, which is written once. */
const RUN = 6;

test("no run of six lines occurs twice in src and runtimes", async () => {
  const files = new Map<string, string>();
  for await (const path of glob(["src/**/*.ts", "runtimes/**/*.ts"], { cwd: root })) {
    if (!path.includes("/generated/")) files.set(path, await readFile(join(root, path), "utf8"));
  }
  expect(files.size).toBeGreaterThan(100);
  expect(repeatedRuns(files, RUN)).toEqual([]);
});

test("repeatedRuns() finds a run that differs in its comments and indentation", () => {
  const lines = ["one();", "two();", "three();"];
  const files = new Map([
    ["a.ts", `zero();\n${lines.join("\n")}`],
    ["b.ts", `  ${lines.join(" // Why.\n\n  ")}`],
  ]);
  expect(repeatedRuns(files, 3)).toEqual([
    { places: ["a.ts:2", "b.ts:1"], text: lines.join("\n") },
  ]);
  expect(repeatedRuns(files, 4)).toEqual([]);
});
