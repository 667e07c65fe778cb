/**
 * Draining a node, by the rules of kubectl's `pkg/drain`.
 *
 * @module
 */

import { sleep } from "../abort.ts";
import { ApiError } from "../api/api-error.ts";
import { DrainError, type UndrainedPod } from "../api/drain-error.ts";
import { listPages } from "../api/list.ts";
import type { KubeObject, Stored } from "../api/object.ts";
import type { ObjectTarget } from "../api/object-target.ts";
import { ResourceTarget } from "../api/resource-target.ts";
import { selectorQuery } from "../api/selectors.ts";
import { deletionCall } from "../api/verbs.ts";
import { callSafely, messageOf } from "../callback.ts";
import { TimeoutError } from "../errors.ts";
import { checkDuration, checkFlag, checkKnown, timeLimit } from "../options.ts";
import type { Pod } from "./generated/core-v1.ts";
import type { DrainOptions, DrainProgress, DrainResult } from "./node.ts";
import { podDefinition } from "./pod-definition.ts";

/** How long an eviction waits that a disruption budget has rejected. */
const RETRY_MS = 5_000;
/** How often the node's pods are looked at. */
const POLL_MS = 1_000;

const optionNames: readonly (keyof DrainOptions)[] = [
  "ignoreDaemonSets",
  "deleteEmptyDirData",
  "force",
  "labelSelector",
  "gracePeriodSeconds",
  "disableEviction",
  "skipDeletedAfterSeconds",
  "dryRun",
  "timeoutMs",
  "signal",
  "onProgress",
];

/** What becomes of a pod: it goes, it stays, or it keeps the node from being drained. */
interface Fate {
  readonly pod: Stored<Pod>;
  readonly is: "evict" | "skip" | "reject";
  readonly reason?: string | undefined;
}

/** Drains a node. */
export async function drainNode<T extends KubeObject>(
  node: ObjectTarget<T>,
  options: DrainOptions,
): Promise<DrainResult> {
  checkKnown("drain", options, optionNames);
  const { client } = node;
  const limitMs = checkDuration("timeoutMs", options.timeoutMs, timeLimit) ?? Infinity;
  const stop = new AbortController();
  const signals = [stop.signal, client.closing, ...(options.signal ? [options.signal] : [])];
  const drain = new Drain(node, options, {
    signal: AbortSignal.any(signals),
    fail: (error) => stop.abort(error),
  });
  const cancel = Number.isFinite(limitMs)
    ? client.clock.setTimeout(() => {
        const left = drain.remaining.slice(0, 10).join(", ");
        const state = left === "" ? "" : `; these pods are still there: ${left}`;
        stop.abort(
          new TimeoutError(
            `Cannot drain ${node.describe()}: ${limitMs} ms have passed (timeoutMs)${state}`,
          ),
        );
      }, limitMs)
    : undefined;
  try {
    return await drain.run();
  } finally {
    cancel?.();
    stop.abort(new DOMException("The drain has ended", "AbortError")); // For what still waits after a failure.
  }
}

/** What ends a drain early. */
interface DrainEnd {
  readonly signal: AbortSignal;
  /** Ends it with an error of the caller's function. */
  readonly fail: (error: unknown) => void;
}

class Drain<T extends KubeObject> {
  readonly #node: ObjectTarget<T>;
  readonly #options: DrainOptions;
  readonly #signal: AbortSignal;
  readonly #fail: (error: unknown) => void;
  readonly #pods: ResourceTarget<Pod>;
  /** The pods that have still to go, by their uid. */
  readonly #remaining = new Map<string, Stored<Pod>>();
  readonly #failed: UndrainedPod[] = [];

  constructor(node: ObjectTarget<T>, options: DrainOptions, { signal, fail }: DrainEnd) {
    this.#node = node;
    this.#options = options;
    this.#signal = signal;
    this.#fail = fail;
    this.#pods = ResourceTarget.bind<Pod>(podDefinition, { client: node.client, namespace: "*" });
  }

  get remaining(): string[] {
    return Array.from(this.#remaining.values(), keyOf);
  }

  async run(): Promise<DrainResult> {
    await this.#cordon();
    const fates: Fate[] = [];
    const { labelSelector } = this.#options;
    for (const pod of await this.#listPods({ labelSelector })) fates.push(await this.#decide(pod));
    const rejected = fates.filter(({ is }) => is === "reject").map(toUndrained);
    const what = `Cannot drain ${this.#node.describe()}`;
    if (rejected.length > 0) throw new DrainError(what, rejected);
    const skipped = fates.filter(({ is }) => is === "skip");
    const evicted = fates.filter(({ is }) => is === "evict");
    for (const { pod } of evicted) this.#remaining.set(pod.metadata.uid, pod);
    for (const { pod, reason } of skipped) this.#report("skipped", pod, reason);
    const evictions = Promise.all(evicted.map(async (fate) => await this.#evictSafely(fate)));
    evictions.catch(() => {}); // The wait below ends with the same reason.
    if (checkFlag("dryRun", this.#options.dryRun)) this.#remaining.clear();
    else await this.#untilGone();
    await evictions;
    if (this.#failed.length > 0) throw new DrainError(what, this.#failed);
    return {
      drained: evicted.map(({ pod }) => keyOf(pod)),
      skipped: skipped.map(toUndrained),
    };
  }

  async #cordon(): Promise<void> {
    const isDryRun = checkFlag("dryRun", this.#options.dryRun);
    await this.#node.client.call({
      method: "PATCH",
      path: this.#node.path,
      body: { spec: { unschedulable: true } },
      contentType: "application/merge-patch+json",
      query: { dryRun: isDryRun ? "All" : undefined },
      signal: this.#signal,
    });
  }

  async #listPods(selector: Pick<DrainOptions, "labelSelector"> = {}): Promise<Stored<Pod>[]> {
    const query = selectorQuery({
      ...selector,
      fieldSelector: { "spec.nodeName": this.#node.name },
    });
    const found: Stored<Pod>[] = [];
    for await (const { items } of listPages(this.#pods, { query, signal: this.#signal })) {
      found.push(...items);
    }
    return found;
  }

  /** kubectl's filters, in their order. */
  async #decide(pod: Stored<Pod>): Promise<Fate> {
    const { force, deleteEmptyDirData } = this.#options;
    const { annotations = {}, ownerReferences = [] } = pod.metadata;
    if (this.#isLongDeleted(pod)) {
      return { pod, is: "skip", reason: "its deletion began long ago (skipDeletedAfterSeconds)" };
    }
    const isFinished = pod.status?.phase === "Succeeded" || pod.status?.phase === "Failed";
    const controller = ownerReferences.find((owner) => owner.controller === true);
    let warning: string | undefined;
    if (controller?.kind === "DaemonSet" && controller.apiVersion === "apps/v1" && !isFinished) {
      const isOrphan = await this.#isOrphan(pod, controller.name);
      if (!isOrphan) return this.#decideOfDaemonSet(pod);
      warning = `its DaemonSet ${controller.name} does not exist`;
      if (!force) return { pod, is: "reject", reason: `${warning}; set force to evict it` };
    }
    if (annotations["kubernetes.io/config.mirror"] !== undefined) {
      return { pod, is: "skip", reason: "it is a static pod, which only the kubelet can stop" };
    }
    const isLocal = pod.spec?.volumes?.some(
      ({ emptyDir }) => (emptyDir ?? undefined) !== undefined,
    );
    if (isLocal === true && !isFinished) {
      if (deleteEmptyDirData !== true) {
        const reason =
          "it has emptyDir data, which would be lost; set deleteEmptyDirData to evict it";
        return { pod, is: "reject", reason };
      }
      warning = "its emptyDir data is lost";
    }
    if (controller === undefined && !isFinished) {
      const reason = "no controller manages it";
      if (force !== true) return { pod, is: "reject", reason: `${reason}; set force to evict it` };
      warning = `${reason}, so it does not come back`;
    }
    return { pod, is: "evict", reason: warning };
  }

  #decideOfDaemonSet(pod: Stored<Pod>): Fate {
    const reason = "its DaemonSet would start it again";
    if (this.#options.ignoreDaemonSets === true) return { pod, is: "skip", reason };
    return { pod, is: "reject", reason: `${reason}; set ignoreDaemonSets to leave it on the node` };
  }

  async #isOrphan({ metadata }: Stored<Pod>, daemonSet: string): Promise<boolean> {
    const definition = {
      ...podDefinition,
      group: "apps",
      kind: "DaemonSet",
      plural: "daemonsets",
      subresources: [],
    };
    const { client } = this.#node;
    const sets = ResourceTarget.bind(definition, { client, namespace: metadata.namespace });
    try {
      const path = sets.pathOfName(daemonSet);
      await client.call({ method: "GET", path, signal: this.#signal });
      return false;
    } catch (error) {
      if (error instanceof ApiError && sets.isMissing(daemonSet, error)) return true;
      throw error;
    }
  }

  #isLongDeleted({ metadata: { deletionTimestamp } }: Stored<Pod>): boolean {
    const { skipDeletedAfterSeconds = 0 } = this.#options;
    if (deletionTimestamp === undefined || skipDeletedAfterSeconds <= 0) return false;
    const deletedMs = this.#node.client.clock.wallNow() - Date.parse(deletionTimestamp);
    return deletedMs > skipDeletedAfterSeconds * 1_000;
  }

  async #evictSafely({ pod, reason }: Fate): Promise<void> {
    try {
      await this.#evict(pod, reason);
    } catch (error) {
      this.#signal.throwIfAborted();
      this.#remaining.delete(pod.metadata.uid);
      this.#failed.push(toUndrained({ pod, reason: messageOf(error) }));
    }
  }

  /** Asks a pod to go, again and again while a disruption budget holds it. */
  async #evict(pod: Stored<Pod>, warning: string | undefined): Promise<void> {
    this.#report("evicting", pod, warning);
    for (;;) {
      try {
        return await this.#requestEviction(pod);
      } catch (error) {
        if (!(error instanceof ApiError)) throw error;
        if (error.status === 404) return;
        const isTerminating = error.causes.some(({ reason }) => reason === "NamespaceTerminating");
        // Nothing can be evicted there; the namespace's own deletion ends the pod.
        if (isTerminating && pod.metadata.deletionTimestamp !== undefined) return;
        // The name is another pod's by now, which the next look at the node confirms.
        const isReplaced = error.status === 409;
        if (error.status !== 429 && !isTerminating && !isReplaced) throw error;
        if (!isReplaced) this.#report("blocked", pod, error.message);
      }
      await sleep(this.#node.client.clock, RETRY_MS, this.#signal);
      if (!this.#remaining.has(pod.metadata.uid)) return;
    }
  }

  async #requestEviction(pod: Stored<Pod>): Promise<void> {
    const { gracePeriodSeconds, dryRun, disableEviction } = this.#options;
    const { name, namespace, uid } = pod.metadata;
    // Another pod may have got the name meanwhile.
    const preconditions = { uid };
    const { body, ...call } = deletionCall({
      gracePeriodSeconds,
      dryRun,
      preconditions,
      signal: this.#signal,
    });
    const path = this.#pods.pathOf(pod);
    if (disableEviction === true) {
      await this.#node.client.call({ ...call, method: "DELETE", path, body });
      return;
    }
    const metadata = { name, namespace };
    const eviction = { apiVersion: "policy/v1", kind: "Eviction", metadata, deleteOptions: body };
    await this.#node.client.call({
      ...call,
      method: "POST",
      path: `${path}/eviction`,
      body: eviction,
    });
  }

  /** Waits until none of the evicted pods is on the node any more. */
  async #untilGone(): Promise<void> {
    while (this.#remaining.size > 0) {
      await sleep(this.#node.client.clock, POLL_MS, this.#signal);
      // By no label: a pod that has lost the one it was chosen by is still there.
      const present = new Map((await this.#listPods()).map((pod) => [pod.metadata.uid, pod]));
      for (const [uid, pod] of this.#remaining) {
        const now = present.get(uid);
        if (now !== undefined && !this.#isLongDeleted(now)) continue;
        this.#remaining.delete(uid);
        this.#report("gone", pod);
      }
    }
  }

  #report(type: DrainProgress["type"], pod: Stored<Pod>, reason?: string): void {
    const { onProgress } = this.#options;
    if (onProgress === undefined) return;
    const { name, namespace = "" } = pod.metadata;
    const remaining = this.#remaining.size;
    callSafely(() => onProgress({ type, namespace, name, reason, remaining }), this.#fail);
  }
}

function keyOf({ metadata: { namespace, name } }: Stored<Pod>): string {
  return `${namespace}/${name}`;
}

function toUndrained({ pod, reason = "" }: Pick<Fate, "pod" | "reason">): UndrainedPod {
  const { namespace = "", name } = pod.metadata;
  return { namespace, name, reason };
}
