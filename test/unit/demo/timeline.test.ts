import { describe, expect, test } from "vitest";
import { svg } from "../../../examples/demo/svg.ts";
import {
  type ClientRecord,
  type RequestRecord,
  type TrustStep,
  absences,
  outcome,
  slots,
  verdict,
} from "../../../examples/demo/timeline.ts";

const steps: readonly TrustStep[] = [
  { at: 0, settledAt: 0, what: "start", server: 1, file: [1] },
  { at: 1_000, settledAt: 1_010, what: "server", server: 2, file: [1] },
  { at: 2_000, settledAt: 2_000, what: "file", server: 2, file: [2] },
];

function at(startedAt: number, error?: string): RequestRecord {
  return { startedAt, endedAt: startedAt + 10, error };
}

function client(requests: RequestRecord[], isReanchor = true): ClientRecord {
  return { name: "reanchor", isReanchor, requests, reloads: 1 };
}

const served = [at(500), at(1_500, "UNTRUSTED"), at(2_140, "UNTRUSTED"), at(2_200)];

test("absences() lasts from the server's change to the grace after the file's", () => {
  expect(absences(steps)).toEqual([[1_000, 2_150]]);
  expect(absences(steps.slice(0, 2))).toEqual([[1_000, Number.POSITIVE_INFINITY]]);
});

test("outcome() tells failures that had to be from those that had not", () => {
  expect(outcome(client([...served, at(2_151, "UNTRUSTED")]), steps)).toMatchObject({
    requests: 5,
    failed: 1,
    unavoidable: 2,
    recoveries: [210],
  });
  expect(outcome(client([at(2_500, "UNTRUSTED")]), steps).recoveries).toEqual([undefined]);
});

describe("verdict()", () => {
  test("passes when nothing failed but what had to", () => {
    expect(verdict([client(served)], steps).passed).toBe(true);
  });

  test("fails when a request failed that could have been served", () => {
    const failing = client([...served, at(2_300, "UNTRUSTED")]);
    expect(verdict([failing], steps)).toMatchObject({
      passed: false,
      sentence: "reanchor failed 1 of 5 requests that it could have served.",
    });
  });

  test("fails when a client made no request in a phase, or did not run", () => {
    expect(verdict([client([at(500), at(2_200)])], steps).passed).toBe(false);
    expect(verdict([client(served, false)], steps).passed).toBe(false);
  });
});

test("slots() shows the worst of each", () => {
  const found = slots(client([...served, at(2_300, "X")]), steps, 500, 6);
  expect(found).toEqual(["idle", "ok", "idle", "unavoidable", "failed", "idle"]);
});

test("svg() is well-formed and carries each client's figures", () => {
  const picture = svg([client(served)], steps, 3_000);
  expect(picture).toMatch(/^<svg [^>]*>/);
  expect(picture.match(/<text/g)?.length).toBe(picture.match(/<\/text>/g)?.length);
  expect(picture).toContain(">4</text>");
  expect(picture).toContain("210 ms");
  expect(picture).not.toContain("NaN");
});
