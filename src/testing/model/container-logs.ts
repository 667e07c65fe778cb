/**
 * The logs of containers, as kubelets store and truncate them.
 *
 * @module
 */

import { Feed } from "./feed.ts";
import type { Model } from "./model.ts";
import { isJson, type StoredObject, valueAt } from "./objects.ts";
import { badRequest, invalid } from "./refusal.ts";
import { isTrue } from "./request-target.ts";

interface Line {
  /** RFC 3339 with nine digits, in UTC, so that times compare as text. */
  readonly time: string;
  readonly text: string;
}

interface ContainerLog {
  lines: Line[];
  previous: Line[] | undefined;
  hasEnded: boolean;
  /** The time of the last line in nanoseconds. */
  last: bigint;
  readonly followers: Set<Follower>;
}

interface Follower {
  readonly feed: Feed;
  readonly deliver: (line: Line) => void;
}

const NANOSECONDS_A_MILLISECOND = 1_000_000n;
const NANOSECONDS_A_SECOND = 1_000_000_000n;

/** The logs of all containers, keyed by the uid of their pod. */
export class Logs {
  readonly #model: Model;
  readonly #pods = new Map<string, Map<string, ContainerLog>>();

  constructor(model: Model) {
    this.#model = model;
    model.store.listen(({ before, after }) => {
      if (before !== undefined && after === undefined) this.#forget(before.metadata.uid);
    });
  }

  /** Writes a line, and returns its time. */
  write(pod: StoredObject, container: string, text: string, at?: string): string {
    const log = this.#logOf(pod, container);
    const now = BigInt(this.#model.clock.wallNow()) * NANOSECONDS_A_MILLISECOND;
    if (at === undefined) log.last = now > log.last ? now : log.last + 1n;
    const line = { time: at ?? timeOf(log.last), text };
    log.lines.push(line);
    for (const { deliver } of log.followers) deliver(line);
    return line.time;
  }

  /** Ends a container for good, and with it every request that follows its log. */
  end(pod: StoredObject, container: string): void {
    const log = this.#logOf(pod, container);
    log.hasEnded = true;
    for (const { feed } of log.followers) feed.end();
  }

  /** Restarts a container: its current log becomes the previous one. */
  restart(pod: StoredObject, container: string): void {
    this.end(pod, container);
    const log = this.#logOf(pod, container);
    log.previous = log.lines;
    log.lines = [];
    log.hasEnded = false;
  }

  /** Ends the streams although the containers still run, and returns how many. */
  endStreams(): number {
    const followers = [...this.#pods.values()].flatMap((logs) =>
      [...logs.values()].flatMap((log) => [...log.followers]),
    );
    for (const { feed } of followers) feed.end();
    return followers.length;
  }

  /**
   * Answers a request for a log; `undefined` if the pod is not on a node yet.
   *
   * @throws {Refusal} if the container does not exist, or if the options are invalid
   */
  read(pod: StoredObject, query: URLSearchParams, gone: AbortSignal | undefined): Feed | undefined {
    checkOptions(pod, query);
    const container = this.#containerOf(pod, query.get("container"));
    const log = this.#logOf(pod, container);
    if (log.lines.length === 0 && valueAt(pod, ["status", "phase"]) === "Pending") {
      if (valueAt(pod, ["spec", "nodeName"]) === undefined) return undefined;
      const which = `container "${container}" in pod "${pod.metadata.name}"`;
      throw badRequest(`${which} is waiting to start: ContainerCreating`);
    }
    const isPrevious = isTrue(query.get("previous"));
    const lines = isPrevious ? log.previous : log.lines;
    if (lines === undefined) {
      throw badRequest(
        `previous terminated container "${container}" in pod "${pod.metadata.name}" not found`,
      );
    }
    const feed = new Feed(gone);
    const deliver = this.#delivery(feed, query);
    // The kubelet finds the tail first, and then drops the lines that are too old.
    const tail = query.get("tailLines");
    const shown = tail === null ? lines : lines.slice(Math.max(0, lines.length - Number(tail)));
    for (const line of shown) deliver(line);
    const follows = isTrue(query.get("follow")) && !isPrevious && !log.hasEnded;
    if (!follows) feed.end();
    else this.#follow(log, { feed, deliver });
    return feed;
  }

  #follow(log: ContainerLog, follower: Follower): void {
    log.followers.add(follower);
    void follower.feed.ended.then(() => log.followers.delete(follower));
  }

  #delivery(feed: Feed, query: URLSearchParams): (line: Line) => void {
    const since = this.#since(query);
    const hasTimes = isTrue(query.get("timestamps"));
    let left = Number(query.get("limitBytes") ?? Number.POSITIVE_INFINITY);
    return ({ time, text }) => {
      if (time < since) return;
      const bytes = new TextEncoder().encode(`${hasTimes ? `${time} ` : ""}${text}\n`);
      feed.push(bytes.subarray(0, left));
      left -= bytes.length;
      if (left <= 0) feed.end();
    };
  }

  /** In whole seconds: the API server passes `sinceTime` to the kubelet without its fraction. */
  #since(query: URLSearchParams): string {
    const seconds = query.get("sinceSeconds");
    if (seconds !== null) {
      const ms = this.#model.clock.wallNow() - Number(seconds) * 1000;
      return timeOf(BigInt(ms) * NANOSECONDS_A_MILLISECOND);
    }
    const time = query.get("sinceTime");
    if (time === null) return "";
    return timeOf(BigInt(Math.floor(Date.parse(time) / 1000)) * NANOSECONDS_A_SECOND);
  }

  #containerOf(pod: StoredObject, asked: string | null): string {
    const { name } = pod.metadata;
    const names = containersOf(pod);
    const known =
      names.length > 0 ? names : [...(this.#pods.get(pod.metadata.uid) ?? [])].map(first);
    if (asked !== null && asked !== "") {
      if (known.length > 0 && !known.includes(asked)) {
        throw badRequest(`container ${asked} is not valid for pod ${name}`);
      }
      return asked;
    }
    const [only, ...others] = known;
    if (only !== undefined && others.length === 0) return only;
    const choice = known.length === 0 ? "" : `, choose one of: [${known.join(" ")}]`;
    throw badRequest(`a container name must be specified for pod ${name}${choice}`);
  }

  #logOf(pod: StoredObject, container: string): ContainerLog {
    const { uid } = pod.metadata;
    const logs = this.#pods.get(uid) ?? new Map<string, ContainerLog>();
    this.#pods.set(uid, logs);
    const log = logs.get(container) ?? {
      lines: [],
      previous: undefined,
      hasEnded: false,
      last: 0n,
      followers: new Set(),
    };
    logs.set(container, log);
    return log;
  }

  #forget(uid: string): void {
    for (const log of this.#pods.get(uid)?.values() ?? []) {
      for (const { feed } of log.followers) feed.end();
    }
    this.#pods.delete(uid);
  }
}

function checkOptions({ metadata }: StoredObject, query: URLSearchParams): void {
  const subject = { group: "", kind: "PodLogOptions" };
  for (const [field, least] of Object.entries({ tailLines: 0, limitBytes: 1, sinceSeconds: 1 })) {
    const value = query.get(field);
    if (value === null || Number(value) >= least) continue;
    const rule = least === 0 ? "greater than or equal to 0" : "greater than 0";
    const message = `Invalid value: ${value}: must be ${rule}`;
    throw invalid(subject, metadata.name, [{ reason: "FieldValueInvalid", message, field }]);
  }
  if (query.has("sinceTime") && query.has("sinceSeconds")) {
    const message = "Forbidden: at most one of `sinceTime` or `sinceSeconds` may be specified";
    const causes = [{ reason: "FieldValueForbidden", message, field: "[]" }];
    throw invalid(subject, metadata.name, causes);
  }
}

/** The names of a pod's containers, init containers first. */
export function containersOf(pod: StoredObject): string[] {
  return ["initContainers", "containers"].flatMap((field) => {
    const containers = valueAt(pod, ["spec", field]);
    if (!Array.isArray(containers)) return [];
    return containers.flatMap((one) => (isJson(one) ? [String(one["name"])] : []));
  });
}

function first([name]: readonly [string, unknown]): string {
  return name;
}

function timeOf(nanoseconds: bigint): string {
  const date = new Date(Number(nanoseconds / NANOSECONDS_A_MILLISECOND));
  const fraction = String(nanoseconds % NANOSECONDS_A_SECOND).padStart(9, "0");
  return date.toISOString().replace(/\.\d+Z$/, `.${fraction}Z`);
}
