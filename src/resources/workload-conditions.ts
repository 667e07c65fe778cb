/**
 * Conditions to wait for that no single condition of the status says.
 *
 * @module
 */

import {
  type ConditionState,
  type ObjectCondition,
  conditionsOf,
  describeCondition,
  statusCondition,
} from "../watch/wait-conditions.ts";
import type { DaemonSet, Deployment, Job, Pod, StatefulSet } from "./generated/kinds.ts";

/**
 * The condition that a Deployment, StatefulSet or DaemonSet has rolled out its latest change, by the rules of
 * `kubectl rollout status`. It fails if a Deployment exceeds its progress deadline, and for an update strategy of
 * `OnDelete`, which rolls nothing out.
 *
 * @example
 * ```ts
 * import type { KubeClient } from "@reanchor/reanchor";
 * import { Deployment, rolledOut } from "@reanchor/reanchor/resources";
 *
 * async function setImage(kube: KubeClient, image: string): Promise<void> {
 *   const deployments = kube.resource(Deployment);
 *   const spec = { template: { spec: { containers: [{ name: "web", image }] } } };
 *   await deployments.patch("web", { spec }, { type: "strategic" });
 *   await deployments.waitFor("web", rolledOut, { timeoutMs: 300_000, onProgress: console.log });
 * }
 * console.assert(typeof setImage === "function");
 * ```
 */
export const rolledOut: ObjectCondition<DaemonSet | Deployment | StatefulSet> = {
  name: "rolled out",
  check(object) {
    // Go writes what is empty as null here and there.
    const loose = { ...object, spec: object.spec ?? {}, status: object.status ?? {} };
    if (object.kind === "Deployment") return deploymentState(loose);
    if (object.kind === "StatefulSet") return statefulSetState(loose as Loose<StatefulSet>);
    if (object.kind === "DaemonSet") return daemonSetState(loose);
    throw new TypeError(
      `Cannot wait for a ${object.kind} to be rolled out: only Deployments, StatefulSets and DaemonSets are`,
    );
  },
};

/** The condition that a Job has completed. It fails if the Job has failed. */
export const jobDone: ObjectCondition<Job> = {
  name: "done",
  check(job) {
    const { done } = statusCondition("Complete").check(job);
    if (done) return { done };
    const failed = conditionsOf(job).find(
      ({ type, status }) => type === "Failed" && status === "True",
    );
    if (failed !== undefined) return { done, failure: `it is ${describeCondition(failed)}` };
    const { succeeded = 0, failed: failures = 0, active = 0 } = job.status ?? {};
    const { completions } = job.spec ?? {};
    const wanted = completions === undefined ? "" : ` of ${completions}`;
    return {
      done,
      progress: `${succeeded}${wanted} pods have succeeded, ${active} are active, ${failures} have failed`,
    };
  },
};

/** The condition that a Pod is ready. It fails if the Pod has ended. */
export const podReady: ObjectCondition<Pod> = {
  name: "ready",
  check(pod) {
    const state = statusCondition("Ready").check(pod);
    const { phase, reason, message } = pod.status ?? {};
    if (state.done || (phase !== "Failed" && phase !== "Succeeded")) return state;
    const why = [reason, message].filter((text) => text).join(": ");
    return { done: false, failure: `it has ended in phase ${phase}${why && ` (${why})`}` };
  },
};

// The rules are those of kubectl `pkg/polymorphichelpers/rollout_status.go`.

const UNOBSERVED = "the change has not been observed yet";

function deploymentState({ metadata, spec = {}, status = {} }: Loose<Deployment>): ConditionState {
  const { observedGeneration = 0, replicas = 0, updatedReplicas = 0 } = status;
  const { availableReplicas = 0, conditions = [] } = status;
  if ((metadata.generation ?? 0) > observedGeneration) return missing(UNOBSERVED);
  const progressing = conditions?.find(({ type }) => type === "Progressing");
  if (progressing?.reason === "ProgressDeadlineExceeded") {
    return { done: false, failure: `it is ${describeCondition(progressing)}` };
  }
  if (spec.replicas !== undefined && updatedReplicas < spec.replicas) {
    return missing(`${updatedReplicas} of ${spec.replicas} replicas are updated`);
  }
  if (replicas > updatedReplicas) {
    return missing(`${replicas - updatedReplicas} old replicas are still to end`);
  }
  if (availableReplicas < updatedReplicas) {
    return missing(`${availableReplicas} of ${updatedReplicas} updated replicas are available`);
  }
  return { done: true };
}

function daemonSetState({ metadata, spec = {}, status = {} }: Loose<DaemonSet>): ConditionState {
  const type = spec.updateStrategy?.type;
  if (type !== "RollingUpdate") return notRolling(type);
  const { observedGeneration = 0, desiredNumberScheduled = 0 } = status;
  const { updatedNumberScheduled = 0, numberAvailable = 0 } = status;
  if ((metadata.generation ?? 0) > observedGeneration) return missing(UNOBSERVED);
  if (updatedNumberScheduled < desiredNumberScheduled) {
    return missing(`${updatedNumberScheduled} of ${desiredNumberScheduled} pods are updated`);
  }
  if (numberAvailable < desiredNumberScheduled) {
    return missing(`${numberAvailable} of ${desiredNumberScheduled} updated pods are available`);
  }
  return { done: true };
}

function statefulSetState(object: Loose<StatefulSet>): ConditionState {
  const { metadata, spec = {}, status = {} } = object;
  const { type, rollingUpdate } = spec.updateStrategy ?? {};
  if (type !== "RollingUpdate") return notRolling(type);
  const { observedGeneration = 0, readyReplicas = 0, updatedReplicas = 0 } = status;
  if (observedGeneration === 0 || (metadata.generation ?? 0) > observedGeneration) {
    return missing(UNOBSERVED);
  }
  const { replicas } = spec;
  if (replicas !== undefined && readyReplicas < replicas) {
    return missing(`${readyReplicas} of ${replicas} replicas are ready`);
  }
  if (rollingUpdate) {
    // The server fills in a partition of 0. kubectl takes one that is missing for any number.
    const wanted = (replicas ?? 0) - (rollingUpdate.partition ?? 0);
    return updatedReplicas < wanted
      ? missing(`${updatedReplicas} of ${wanted} replicas are updated`)
      : { done: true };
  }
  return status.updateRevision === status.currentRevision
    ? { done: true }
    : missing(`${updatedReplicas} replicas are updated`);
}

/** A workload of which the server has left out what is empty. */
interface Loose<T extends DaemonSet | Deployment | StatefulSet> {
  readonly metadata: { readonly generation?: number | undefined };
  readonly spec?: Partial<NonNullable<T["spec"]>> | undefined;
  readonly status?: Partial<NonNullable<T["status"]>> | undefined;
}

function missing(progress: string): ConditionState {
  return { done: false, progress };
}

function notRolling(type: string | undefined): ConditionState {
  return {
    done: false,
    failure: `its update strategy is ${type ?? "unknown"}, and only RollingUpdate rolls out`,
  };
}
