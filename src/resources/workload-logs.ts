/**
 * The logs of all pods of a workload, as one.
 *
 * @module
 */

import { ApiError } from "../api/api-error.ts";
import { listPages } from "../api/list.ts";
import type { KubeObject, Stored } from "../api/object.ts";
import { ObjectTarget } from "../api/object-target.ts";
import { ResourceTarget } from "../api/resource-target.ts";
import { type LabelSelectorInput, selectorQuery } from "../api/selectors.ts";
import { ConnectionError } from "../errors.ts";
import { checkFlag, checkKnown } from "../options.ts";
import { type LogLinesOptions, logLines, logLinesOptionNames } from "../pods/logs.ts";
import { waitForDeletion, waitForObject } from "../watch/wait-for.ts";
import { reflect } from "../watch/watch.ts";
import type { Job } from "./generated/batch-v1.ts";
import type { Pod } from "./generated/core-v1.ts";
import { Merge } from "./merge.ts";
import { podDefinition } from "./pod-definition.ts";

/** Which part of the logs of a workload's pods. */
export interface WorkloadLogsOptions extends LogLinesOptions {
  /**
   * Whether each line begins with its pod and container, as in `[pod/web-1/main] `.
   *
   * @default true
   */
  prefix?: boolean | undefined;
}

/** What is read of a workload. */
interface Selecting extends KubeObject {
  readonly spec?: { readonly selector?: LabelSelectorInput | null };
}

/** The lines of all pods: one pod after the other, or with `follow` as they are written. */
export async function* workloadLogs<T extends KubeObject>(
  target: ObjectTarget<T>,
  given: WorkloadLogsOptions,
): AsyncGenerator<string, void, undefined> {
  checkKnown("logs", given, [...logLinesOptionNames, "prefix"]);
  const { prefix = true, ...options } = given;
  const isPrefixed = checkFlag("prefix", prefix);
  const { client, path } = target;
  const workload = await client.call<Selecting>({ method: "GET", path, signal: options.signal });
  const labelSelector = workload.spec?.selector ?? undefined;
  if (labelSelector === undefined) {
    throw new ConnectionError(`Cannot read the logs of ${target.describe()}: it selects no pods`);
  }
  const { namespace } = target.resource;
  const pods = ResourceTarget.bind<Pod>(podDefinition, { client, namespace });

  async function* linesOf(
    pod: Stored<Pod>,
    more: LogLinesOptions,
  ): AsyncGenerator<string, void, undefined> {
    const container = options.container ?? defaultContainer(pod);
    const mark = isPrefixed ? `[pod/${pod.metadata.name}/${container}] ` : "";
    const own = { ...options, ...more, container };
    try {
      const lines = logLines(new ObjectTarget(pods, pod.metadata.name), own);
      for await (const line of lines) yield `${mark}${line}`;
    } catch (error) {
      // It was deleted before its log could be opened.
      if (!(error instanceof ApiError && pods.isMissing(pod.metadata.name, error))) throw error;
    }
  }

  if (checkFlag("follow", options.follow)) {
    const leave = new AbortController();
    const signals = [leave.signal, ...(options.signal === undefined ? [] : [options.signal])];
    const signal = AbortSignal.any(signals);
    const end = untilOver(target, workload, signal);
    const follow = (pod: Stored<Pod>): AsyncGenerator<string, void, undefined> =>
      linesOf(pod, { signal, waitForStart: true });
    try {
      yield* followAll({ pods, labelSelector, linesOf: follow, end, signal });
    } finally {
      leave.abort();
    }
    return;
  }
  const { signal, waitForStart } = options;
  for await (const { items } of listPages(pods, {
    query: selectorQuery({ labelSelector }),
    signal,
  })) {
    // What has not started has written nothing.
    const started = items.filter((pod) => hasStarted(pod, options.container));
    for (const pod of waitForStart === true ? items : started) yield* linesOf(pod, {});
  }
}

interface Following {
  readonly pods: ResourceTarget<Pod>;
  readonly labelSelector: LabelSelectorInput;
  readonly linesOf: (pod: Stored<Pod>) => AsyncGenerator<string, void, undefined>;
  /** Resolves when there will be no other pods. */
  readonly end: Promise<void>;
  readonly signal: AbortSignal;
}

/** Follows the pods that exist, and those that come. */
async function* followAll({
  pods,
  labelSelector,
  linesOf,
  end,
  signal,
}: Following): AsyncGenerator<string, void, undefined> {
  const merge = new Merge<string>();
  const stop = new AbortController();
  const isSynced = Promise.withResolvers<void>();

  async function watch(): Promise<void> {
    const known = new Set<string>();
    for await (const event of reflect(pods, { labelSelector, signal }, stop.signal)) {
      if (event.type === "synced") isSynced.resolve();
      if (event.type !== "added" || known.has(event.object.metadata.uid)) continue;
      known.add(event.object.metadata.uid);
      merge.add(linesOf(event.object));
    }
  }

  watch().catch((error: unknown) => {
    if (stop.signal.aborted) merge.end();
    else merge.fail(error);
  });
  Promise.all([end, isSynced.promise]).then(
    () => stop.abort(),
    (error: unknown) => merge.fail(error),
  );
  yield* merge.items();
}

/** Resolves when a workload is gone, or a Job has completed or failed. */
async function untilOver<T extends KubeObject>(
  target: ObjectTarget<T>,
  { kind }: Selecting,
  signal: AbortSignal,
): Promise<void> {
  const wait = { signal, timeoutMs: Number.POSITIVE_INFINITY };
  const gone = waitForDeletion(target, wait);
  const finished = kind === "Job" ? [waitForObject(target, isFinished, wait)] : [];
  await Promise.race([gone, ...finished]);
}

function isFinished(job: Stored<KubeObject>): boolean {
  const { conditions = [] } = (job as Stored<Job>).status ?? {};
  return conditions.some(
    ({ type, status }) => (type === "Complete" || type === "Failed") && status === "True",
  );
}

/** Whether a container has started: beside one whose image is missing, it runs in a pod that is pending. */
function hasStarted(pod: Stored<Pod>, container = defaultContainer(pod)): boolean {
  const { phase, containerStatuses = [], initContainerStatuses = [] } = pod.status ?? {};
  if (phase !== "Pending") return true;
  const status = [...containerStatuses, ...initContainerStatuses].find(
    ({ name }) => name === container,
  );
  return Boolean(
    status?.state?.running ?? status?.state?.terminated ?? status?.lastState?.terminated,
  );
}

/** The container that kubectl takes if none is named. */
function defaultContainer({ metadata, spec }: Stored<Pod>): string | undefined {
  const named = metadata.annotations?.["kubectl.kubernetes.io/default-container"];
  const containers = spec?.containers ?? [];
  return containers.find(({ name }) => name === named)?.name ?? containers[0]?.name;
}
