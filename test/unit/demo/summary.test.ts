import { describe, expect, test } from "vitest";
import { judgeRun, summarise } from "../../../tools/demo/summary.ts";
import {
  type ClientLane,
  type RequestRecord,
  type Step,
  type Timeline,
  cutIntoSlots,
  findAbsences,
  findStretches,
  judgeRequest,
} from "../../../tools/demo/timeline.ts";

/** One rotation with an overlap at 1 to 2 s, one without any at 3 to 4 s. */
const steps: readonly Step[] = [
  step(0, "file", [1], 0),
  step(0, "server", [1], 0),
  step(1, "file", [1, 2], 1_000),
  step(1, "server", [2], 1_500),
  step(1, "file", [2], 2_000),
  step(2, "server", [3], 3_000),
  step(2, "file", [3], 4_000),
];

function step(
  rotation: number,
  where: Step["where"],
  authorities: readonly number[],
  at: number,
): Step {
  return { rotation, where, authorities, beganAt: at, endedAt: rotation === 0 ? 0 : at + 10 };
}

/** A request every 100 ms, of 5 ms each; those that `fails` says fail. */
function requests(fails: (startedAt: number) => boolean): RequestRecord[] {
  return Array.from({ length: 60 }, (_, index) => {
    const startedAt = index * 100;
    const ok = !fails(startedAt);
    return { startedAt, endedAt: startedAt + 5, ok, code: ok ? undefined : "REFUSED" };
  });
}

function lane(label: string, isReanchor: boolean, records: RequestRecord[]): ClientLane {
  return { id: label, label, detail: "", isReanchor, records };
}

const isAbsentAt = (at: number): boolean => at >= 3_000 && at <= 4_100;
const readOnce = lane(
  "CA read once",
  false,
  requests((at) => at >= 1_500),
);

function run(...clients: ClientLane[]): Timeline {
  return { clients, steps, durationMs: 6_000 };
}

const good = (): ClientLane =>
  lane(
    "reanchor on Node",
    true,
    requests(() => false),
  );

describe("findAbsences()", () => {
  test("finds the span from before the server's step to after the file's", () => {
    expect(findAbsences(steps)).toEqual([{ from: 3_000, to: 4_010, endBeganAt: 4_000 }]);
  });

  test("leaves a span open when the file's step has not come yet", () => {
    const never = Number.POSITIVE_INFINITY;
    expect(findAbsences(steps.slice(0, -1))).toMatchObject([{ from: 3_000, to: never }]);
  });
});

describe("judgeRequest()", () => {
  const absences = findAbsences(steps);

  test.each([
    [2_999, "failed"],
    [3_000, "excused"],
    [4_160, "excused"],
    [4_161, "failed"],
  ])("judges a failure that began at %i ms as %s", (startedAt, outcome) => {
    expect(judgeRequest({ startedAt, endedAt: 9_999, ok: false }, absences)).toBe(outcome);
  });

  test("judges an answer as ok while the CA is absent", () => {
    expect(judgeRequest({ startedAt: 3_500, endedAt: 3_505, ok: true }, absences)).toBe("ok");
  });
});

describe("cutIntoSlots()", () => {
  test("shows the worst that began in each, and nothing where nothing did", () => {
    const records: RequestRecord[] = [
      { startedAt: 10, endedAt: 20, ok: true },
      { startedAt: 1_010, endedAt: 1_020, ok: true },
      { startedAt: 1_020, endedAt: 1_030, ok: false },
      { startedAt: 3_020, endedAt: 3_030, ok: false },
    ];
    const slots = cutIntoSlots(records, findAbsences(steps), { slotMs: 1_000, count: 4 });
    expect(slots).toEqual(["ok", "failed", "none", "excused"]);
  });
});

describe("findStretches()", () => {
  test("joins what went the same way and leaves a gap where nothing was asked", () => {
    const records: RequestRecord[] = [
      { startedAt: 0, endedAt: 5, ok: true },
      { startedAt: 100, endedAt: 105, ok: true },
      { startedAt: 1_000, endedAt: 1_005, ok: false },
      { startedAt: 1_100, endedAt: 1_105, ok: true },
    ];
    expect(findStretches(records, [])).toEqual([
      { from: 0, to: 105, outcome: "ok" },
      { from: 1_000, to: 1_100, outcome: "failed" },
      { from: 1_100, to: 1_105, outcome: "ok" },
    ]);
  });
});

const counts = { handshakes: 4, reloads: "4" };

describe("summarise()", () => {
  test("counts, and measures the outage and the recovery", () => {
    const client = lane("client-node list", false, requests(isAbsentAt));
    expect(summarise(client, run(client), counts)).toEqual({
      requests: 60,
      failed: 0,
      excused: 12,
      longestOutageMs: 1_205,
      isBack: true,
      recoveryMs: 205,
      longestWaitMs: 5,
      codes: [],
      ...counts,
    });
  });

  test("measures the longest wait of a request that was answered", () => {
    const records = [
      { startedAt: 3_100, endedAt: 4_150, ok: true },
      { startedAt: 4_200, endedAt: 4_205, ok: true },
      { startedAt: 4_300, endedAt: 5_900, ok: false, code: "REFUSED" },
    ];
    const client = lane("reanchor on Node", true, records);
    expect(summarise(client, run(client), counts)).toMatchObject({ longestWaitMs: 1_050 });
  });

  test("reports an outage to the end, and no recovery, where no answer came again", () => {
    expect(summarise(readOnce, run(readOnce), counts)).toMatchObject({
      failed: 33,
      excused: 12,
      longestOutageMs: 4_500,
      isBack: false,
      recoveryMs: undefined,
      codes: ["REFUSED"],
    });
  });
});

describe("judgeRun()", () => {
  test("passes when reanchor failed none", () => {
    const { passed, text } = judgeRun(run(readOnce, good()), 2);
    expect(passed).toBe(true);
    expect(text).toContain("60 requests on Node and failed none.");
  });

  test("fails when reanchor failed a request, also while the file did not hold the server's CA", () => {
    const impatient = lane("reanchor on Bun", true, requests(isAbsentAt));
    const { passed, text } = judgeRun(run(readOnce, good(), impatient), 2);
    expect(passed).toBe(false);
    expect(text).toContain("reanchor on Bun failed 12 requests, the first at 3.0 s (REFUSED)");
    expect(summarise(impatient, run(impatient), counts)).toMatchObject({ failed: 12, excused: 0 });
  });

  test.each([
    ["before the first rotation", 0, 1_000],
    ["after rotation 1", 2_000, 3_000],
    ["after rotation 2", 4_000, 6_000],
  ])("fails when there was no answer %s", (name, from, to) => {
    const client = good();
    const kept = client.records.filter(({ startedAt }) => startedAt < from || startedAt >= to);
    const { passed, text } = judgeRun(run(readOnce, { ...client, records: kept }), 2);
    expect(passed).toBe(false);
    expect(text).toContain(`reanchor on Node got no answer ${name}`);
  });

  test("fails when a process died", () => {
    const died = { ...good(), died: "by SIGSEGV" };
    expect(judgeRun(run(readOnce, died), 2)).toEqual({
      passed: false,
      text: "Not passed: reanchor on Node ended early (by SIGSEGV).",
    });
  });

  test("fails when reanchor did not run", () => {
    expect(judgeRun(run(readOnce), 2).passed).toBe(false);
  });

  test("fails when the client that reads its CA once came through too", () => {
    const unharmed = lane("CA read once", false, requests(isAbsentAt));
    expect(judgeRun(run(unharmed, good()), 2).text).toContain("can't have had an effect");
  });

  test("fails when fewer rotations took place than there should have been", () => {
    expect(judgeRun(run(readOnce, good()), 3).text).toContain("only 2 of 3 rotations");
  });
});
