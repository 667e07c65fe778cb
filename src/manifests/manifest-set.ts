/**
 * A set of objects that are applied, compared or deleted together, and how the work on it goes.
 *
 * @module
 */

import type { ResourceClient } from "../api/api-call.ts";
import {
  type ManifestFailure,
  type ManifestObjectReference,
  type ManifestResult,
  ManifestsFailedError,
} from "../api/manifest-errors.ts";
import { ApiError } from "../api/api-error.ts";
import type { KubeObject } from "../api/object.ts";
import { segment } from "../api/paths.ts";
import { callSafely } from "../callback.ts";
import type { KubeClient } from "../client/client.ts";
import { kindOf } from "../options.ts";
import type { ResourceKind } from "../resources/kind.ts";
import type { Resource } from "../resources/resource.ts";
import { type ManifestObject, findProblem, flattenLists, groupOf } from "./manifest-object.ts";

/** An object of a set. */
export interface Member extends WorkItem {
  readonly object: ManifestObject;
  /** The namespace that it is in if its kind has namespaces. */
  readonly home: string;
  /** Its own namespace. Once its kind is known, also that which goes without saying. */
  namespace: string | undefined;
}

/** How the work on a set goes. */
export interface SetOptions {
  /**
   * How many objects are worked on at the same time.
   *
   * @default 8
   */
  concurrency?: number | undefined;
  /** Ends the work at once. What has been done is not undone. */
  signal?: AbortSignal | undefined;
  /** Called with what has become of each object, as soon as that is known. If it throws, the work ends. */
  onProgress?: ((result: ManifestResult) => unknown) | undefined;
}

/** Names of {@link SetOptions}. */
export const setOptionNames: readonly (keyof SetOptions)[] = [
  "concurrency",
  "signal",
  "onProgress",
];

const DEFAULT_CONCURRENCY = 8;

/**
 * Reads the objects of a set, and checks them all before anything is sent.
 *
 * @throws {TypeError} naming the first object that can't be used.
 */
export function readSet(
  verb: string,
  objects: Iterable<KubeObject | ManifestObject>,
  defaultNamespace: string,
): Member[] {
  const placed = [...iterable(verb, objects)].flatMap((object, index) =>
    flattenLists(object, [index]),
  );
  const places = new Map<string, number>();
  return placed.map(({ object }, index) => {
    const problem = findProblem(object) ?? findNameProblem(object as ManifestObject);
    if (problem !== undefined) {
      throw new TypeError(`Cannot ${verb} object ${index + 1} of the set: ${problem}`);
    }
    const whole = object as ManifestObject & { metadata: { name: string } };
    const { apiVersion, kind, metadata } = whole;
    const { name, namespace } = metadata;
    const home = namespace ?? defaultNamespace;
    const member = { index, object: whole, apiVersion, kind, namespace, home, name };
    const key = keyOf(member);
    const other = places.get(key);
    if (other !== undefined) {
      const what = `${kind} ${name} is in the set twice, as objects ${other + 1} and ${index + 1}`;
      throw new TypeError(`Cannot ${verb} the set: ${what}`);
    }
    places.set(key, index);
    return member;
  });
}

function iterable(verb: string, objects: unknown): Iterable<unknown> {
  if (typeof objects === "object" && objects !== null && Symbol.iterator in objects) {
    return objects as Iterable<unknown>;
  }
  const hint = "pass what readManifests() returns, or an array of objects";
  throw new TypeError(`Cannot ${verb} ${kindOf(objects)}: ${hint}`);
}

function findNameProblem({ metadata }: ManifestObject): string | undefined {
  const { name, namespace, managedFields } = (metadata ?? {}) as Record<string, unknown>;
  if (name === undefined) return "it has no metadata.name";
  if ((managedFields ?? undefined) !== undefined) {
    return "it has metadata.managedFields, so it was read from the server; pass only the fields that you set";
  }
  try {
    segment("name", name as string);
    if (namespace !== undefined) segment("namespace", namespace as string);
  } catch (error) {
    return (error as Error).message;
  }
  return undefined;
}

/** What is said of an object, whatever becomes of it. */
export type WorkItem = ManifestObjectReference & { readonly index: number };

/** What distinguishes an object from all others, whatever version of its group it is written in. */
function keyOf({ apiVersion, kind, home, name }: Member): string {
  return [groupOf(apiVersion), kind, home, name].join("|");
}

/** Binds a kind, in a namespace if it has namespaces. */
export function resourceIn(
  kube: KubeClient,
  kind: ResourceKind,
  namespace: string,
): Resource<KubeObject> {
  return kube.resource(kind, kind.namespaced ? { namespace } : {});
}

/** What the objects of a set are worked on with. */
export class SetWork {
  readonly signal: AbortSignal;
  readonly #results: ManifestResult[] = [];
  readonly #stop = new AbortController();
  readonly #concurrency: number;
  readonly #onProgress: SetOptions["onProgress"];

  constructor({ concurrency = DEFAULT_CONCURRENCY, signal, onProgress }: SetOptions) {
    if (!Number.isInteger(concurrency) || concurrency < 1) {
      throw new RangeError(
        `Cannot use option concurrency: ${String(concurrency)} is no whole number of at least 1`,
      );
    }
    this.#concurrency = concurrency;
    this.#onProgress = onProgress;
    this.signal =
      signal === undefined ? this.#stop.signal : AbortSignal.any([signal, this.#stop.signal]);
  }

  /** What has become of the objects, in their order. */
  get results(): ManifestResult[] {
    return this.#results.filter((result) => result !== undefined);
  }

  get hasFailed(): boolean {
    return this.results.some(({ action }) => action === "failed");
  }

  /**
   * Works on some objects side by side. One that fails does not keep the others back.
   *
   * @param act Works on one.
   * @throws The signal's reason, or what `onProgress` has thrown.
   */
  async each<Item extends WorkItem>(
    members: readonly Item[],
    act: (member: Item) => Promise<ManifestResult>,
  ): Promise<void> {
    const waiting = [...members];
    const one = async (): Promise<void> => {
      for (let member = waiting.shift(); member !== undefined; member = waiting.shift()) {
        this.signal.throwIfAborted();
        this.report(member.index, await this.#attempt(member, act));
      }
    };
    const workers = Array.from({ length: Math.min(this.#concurrency, members.length) }, one);
    // All of them: nothing continues behind the caller's back.
    await Promise.allSettled(workers);
    this.signal.throwIfAborted();
    await Promise.all(workers);
  }

  async #attempt<Item extends WorkItem>(
    member: Item,
    act: (member: Item) => Promise<ManifestResult>,
  ): Promise<ManifestResult> {
    try {
      return await act(member);
    } catch (error) {
      this.signal.throwIfAborted();
      return failureOf(member, error as Error);
    }
  }

  /** Keeps what has become of an object, and says so. */
  report(index: number, result: ManifestResult): void {
    this.#results[index] = result;
    const { signal } = this;
    if (signal.aborted || this.#onProgress === undefined) return;
    const onProgress = this.#onProgress;
    callSafely(
      () => onProgress(result),
      (error) => this.#stop.abort(error),
    );
  }

  /** @throws {ManifestsFailedError} if an object has failed. */
  finish(verb: string): ManifestResult[] {
    this.signal.throwIfAborted();
    if (this.hasFailed) throw new ManifestsFailedError(verb, this.results);
    return this.results;
  }
}

/** That an object has failed. */
export function failureOf(
  { apiVersion, kind, namespace, name }: ManifestObjectReference,
  error: Error,
): ManifestFailure {
  return { action: "failed", apiVersion, kind, namespace, name, error };
}

/** Whether an error says that just this object does not exist. */
export function isMissing(error: unknown, name: string): boolean {
  return isNotFound(error) && error.details?.name === name;
}

/** Whether an error says that the server does not serve objects of that kind, at least not yet. */
export function isNotServed(error: unknown): boolean {
  return isNotFound(error) && error.details?.name === undefined;
}

function isNotFound(error: unknown): error is ApiError {
  return error instanceof ApiError && error.status === 404;
}

/** What a client's verbs stand on: its time, and its field manager. */
export function clientOf(kube: KubeClient): ResourceClient {
  const access: unknown = { bind: (client: ResourceClient) => client };
  // What a kind returns is what `resource()` returns, whatever its type says.
  return kube.resource(access as ResourceKind) as unknown as ResourceClient;
}
