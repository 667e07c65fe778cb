import { describe, expect, test } from "vitest";
import { jobDone, podReady, rolledOut } from "../../../src/resources/workload-conditions.ts";
import type { ConditionState } from "../../../src/watch/wait-conditions.ts";

type Row = [what: string, spec: object, status: object | undefined, state: ConditionState];

/** An object of generation 2, as the server has it. */
function stored(kind: string, spec: object, status: object | undefined): never {
  const metadata = {
    name: "web",
    uid: "u",
    resourceVersion: "1",
    creationTimestamp: "",
    generation: 2,
  };
  return { apiVersion: "v1", kind, metadata, spec, status } as never;
}

const unobserved = { done: false, progress: "the change has not been observed yet" };
const done = { done: true };
const progress = (text: string): ConditionState => ({ done: false, progress: text });
const failure = (text: string): ConditionState => ({ done: false, failure: text });

describe("rolledOut", () => {
  const seen = { observedGeneration: 2 };
  const exceeded = {
    type: "Progressing",
    status: "False",
    reason: "ProgressDeadlineExceeded",
    message: "it has timed out",
  };

  test.each<Row>([
    ["without a status", { replicas: 3 }, undefined, unobserved],
    ["with a status of null", { replicas: 3 }, null as never, unobserved],
    ["from before the change", { replicas: 0 }, { observedGeneration: 1 }, unobserved],
    [
      "of which some are updated",
      { replicas: 3 },
      { ...seen, replicas: 3, updatedReplicas: 2, availableReplicas: 3 },
      progress("2 of 3 replicas are updated"),
    ],
    [
      "of which old ones are left",
      { replicas: 3 },
      { ...seen, replicas: 4, updatedReplicas: 3, availableReplicas: 3 },
      progress("1 old replicas are still to end"),
    ],
    [
      "of which some are available",
      { replicas: 3 },
      { ...seen, replicas: 3, updatedReplicas: 3, availableReplicas: 1 },
      progress("1 of 3 updated replicas are available"),
    ],
    [
      "that exceeded its deadline",
      { replicas: 3 },
      { ...seen, conditions: [exceeded] },
      failure("it is Progressing=False (ProgressDeadlineExceeded: it has timed out)"),
    ],
    [
      "that exceeded the deadline of the change before",
      { replicas: 3 },
      { observedGeneration: 1, conditions: [exceeded] },
      unobserved,
    ],
    ["of nothing", { replicas: 0 }, seen, done],
    [
      "that is complete",
      { replicas: 3 },
      { ...seen, replicas: 3, updatedReplicas: 3, availableReplicas: 3 },
      done,
    ],
  ])("judges a Deployment %s as kubectl does", (_what, spec, status, state) => {
    expect(rolledOut.check(stored("Deployment", spec, status))).toEqual(state);
  });

  const rolling = { updateStrategy: { type: "RollingUpdate" } };

  test.each<Row>([
    ["without a status", rolling, undefined, unobserved],
    ["from before the change", rolling, { observedGeneration: 1 }, unobserved],
    [
      "of which some are updated",
      rolling,
      { ...seen, desiredNumberScheduled: 3, updatedNumberScheduled: 1, numberAvailable: 3 },
      progress("1 of 3 pods are updated"),
    ],
    [
      "of which some are available",
      rolling,
      { ...seen, desiredNumberScheduled: 3, updatedNumberScheduled: 3, numberAvailable: 2 },
      progress("2 of 3 updated pods are available"),
    ],
    [
      "that is complete",
      rolling,
      { ...seen, desiredNumberScheduled: 3, updatedNumberScheduled: 3, numberAvailable: 3 },
      done,
    ],
    [
      "that rolls nothing out",
      { updateStrategy: { type: "OnDelete" } },
      seen,
      failure("its update strategy is OnDelete, and only RollingUpdate rolls out"),
    ],
  ])("judges a DaemonSet %s as kubectl does", (_what, spec, status, state) => {
    expect(rolledOut.check(stored("DaemonSet", spec, status))).toEqual(state);
  });

  const partition = (at: number): object => ({
    replicas: 3,
    updateStrategy: { type: "RollingUpdate", rollingUpdate: { partition: at } },
  });

  test.each<Row>([
    ["without a status", { replicas: 3, ...rolling }, undefined, unobserved],
    ["from before the change", partition(0), { observedGeneration: 1 }, unobserved],
    [
      "of which some are ready",
      partition(0),
      { ...seen, readyReplicas: 2 },
      progress("2 of 3 replicas are ready"),
    ],
    [
      "of which some are updated",
      partition(0),
      { ...seen, readyReplicas: 3, updatedReplicas: 2 },
      progress("2 of 3 replicas are updated"),
    ],
    [
      "that is complete up to its partition",
      partition(2),
      { ...seen, readyReplicas: 3, updatedReplicas: 1 },
      done,
    ],
    [
      "of two revisions",
      { replicas: 3, ...rolling },
      { ...seen, readyReplicas: 3, updatedReplicas: 1, currentRevision: "a", updateRevision: "b" },
      progress("1 replicas are updated"),
    ],
    [
      "of one revision",
      { replicas: 3, ...rolling },
      { ...seen, readyReplicas: 3, currentRevision: "b", updateRevision: "b" },
      done,
    ],
    [
      "that rolls nothing out",
      { updateStrategy: { type: "OnDelete" } },
      seen,
      failure("its update strategy is OnDelete, and only RollingUpdate rolls out"),
    ],
  ])("judges a StatefulSet %s as kubectl does", (_what, spec, status, state) => {
    expect(rolledOut.check(stored("StatefulSet", spec, status))).toEqual(state);
  });

  test("rejects other kinds", () => {
    expect(() => rolledOut.check(stored("Pod", {}, {}))).toThrow(
      "Cannot wait for a Pod to be rolled out: only Deployments, StatefulSets and DaemonSets are",
    );
  });
});

describe("jobDone", () => {
  test.each<[what: string, status: object | undefined, state: ConditionState]>([
    [
      "has not begun",
      undefined,
      progress("0 of 4 pods have succeeded, 0 are active, 0 have failed"),
    ],
    [
      "goes on",
      { succeeded: 1, active: 2, failed: 3 },
      progress("1 of 4 pods have succeeded, 2 are active, 3 have failed"),
    ],
    [
      "has failed",
      { conditions: [{ type: "Failed", status: "True", reason: "BackoffLimitExceeded" }] },
      failure("it is Failed=True (BackoffLimitExceeded)"),
    ],
    ["is complete", { conditions: [{ type: "Complete", status: "True" }] }, done],
  ])("judges a Job that %s", (_what, status, state) => {
    expect(jobDone.check(stored("Job", { completions: 4 }, status))).toMatchObject(state);
  });
});

describe("podReady", () => {
  const ready = (status: string): object => ({ type: "Ready", status, reason: "Why" });

  test.each<[what: string, status: object | undefined, state: ConditionState]>([
    ["has no status", undefined, { done: false }],
    ["is pending", { phase: "Pending" }, { done: false }],
    [
      "is not ready",
      { phase: "Running", conditions: [ready("False")] },
      progress("Ready=False (Why)"),
    ],
    ["is ready", { phase: "Running", conditions: [ready("True")] }, done],
    [
      "has failed",
      {
        phase: "Failed",
        reason: "Evicted",
        message: "out of memory",
        conditions: [ready("False")],
      },
      failure("it has ended in phase Failed (Evicted: out of memory)"),
    ],
    [
      "has succeeded",
      { phase: "Succeeded", conditions: [ready("False")] },
      failure("it has ended in phase Succeeded"),
    ],
    [
      "was ready before its change",
      { observedGeneration: 1, conditions: [ready("True")] },
      progress("its status is of generation 1, and not yet of 2"),
    ],
  ])("judges a Pod that %s", (_what, status, state) => {
    expect(podReady.check(stored("Pod", {}, status))).toMatchObject(state);
  });
});
