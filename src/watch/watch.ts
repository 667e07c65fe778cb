/**
 * A watch as a caller sees it: what changes, for as long as one likes.
 *
 * @module
 */

import { MAX_TIMER_MS, checkDuration, checkFlag, checkKnown } from "../options.ts";
import { ObjectStore } from "./object-store.ts";
import { pulledEvents } from "./pulled-events.ts";
import { type ReflectorOptions, type WatchEvent, Reflector } from "./reflector.ts";
import type { KubeObject, Stored } from "../api/object.ts";
import type { ResourceTarget } from "../api/resource-target.ts";
import { type SelectorOptions, selectorQuery } from "../api/selectors.ts";

/** What is followed, and how. */
export interface FollowOptions<T extends KubeObject> extends SelectorOptions {
  /**
   * Changes an object before anything else sees it, for instance by dropping `metadata.managedFields`, to
   * save memory. Name, namespace, uid and resourceVersion must stay.
   */
  transform?: ((object: Stored<T>) => Stored<T>) | undefined;
  /**
   * A watch that has been silent for this long is taken for dead, and begun anew, in milliseconds. API
   * servers let hear from them once a minute.
   *
   * @default 180_000
   */
  idleTimeoutMs?: number | undefined;
  /**
   * Whether errors before the initial list are retried too, for a program that starts before its rights do. By
   * default such an error is thrown, since it may be a mistake.
   *
   * @default false
   */
  retryInitialErrors?: boolean | undefined;
  /** Ends it: the loop over it throws the signal's reason. */
  signal?: AbortSignal | undefined;
}

/** How to watch. */
export interface WatchOptions<T extends KubeObject> extends FollowOptions<T> {
  /**
   * Begins after this version, without an initial list. An object may then be `modified` or `deleted` without having
   * been `added`. If the server no longer has the version, existing objects are emitted as `added`.
   */
  resourceVersion?: string | undefined;
  /**
   * Whether existing objects are emitted as `added` first. If not, `synced` says from when on every change is emitted.
   *
   * @default true
   */
  initial?: boolean | undefined;
}

/**
 * What happens to the objects of a kind. A loop over it ends only by itself (`break`), by its signal, or with
 * the client.
 */
export interface Watch<T extends KubeObject> extends AsyncIterableIterator<WatchEvent<T>, never> {
  /** Ends it, also while an event is waited for. */
  return(): Promise<IteratorResult<WatchEvent<T>, never>>;
  /** Ends it. */
  [Symbol.asyncDispose](): Promise<void>;
}

const idleRange = { min: 1, max: MAX_TIMER_MS };

/** The options of {@link FollowOptions}. */
export const followOptionNames: readonly string[] = [
  "labelSelector",
  "fieldSelector",
  "transform",
  "idleTimeoutMs",
  "retryInitialErrors",
  "signal",
];

/** Watches a resource. */
export function watchResource<T extends KubeObject>(
  target: ResourceTarget<T>,
  options: WatchOptions<T>,
): Watch<T> {
  checkKnown("watch", options, [...followOptionNames, "resourceVersion", "initial"]);
  const { resourceVersion, initial = true } = options;
  const stop = new AbortController();
  let isEmitting = checkFlag("initial", initial);
  if (!isEmitting && resourceVersion !== undefined) {
    throw new TypeError(
      "Cannot use option initial with resourceVersion: a watch from a version has no initial list",
    );
  }
  const events = reflect(target, options, stop.signal);

  async function end(): Promise<IteratorResult<WatchEvent<T>, never>> {
    // A generator that waits for an event would be returned only after it.
    stop.abort(new DOMException("The watch was ended by its reader", "AbortError"));
    await events.return(undefined as never).catch(() => {});
    return { done: true, value: undefined as never };
  }

  return {
    async next() {
      try {
        for (;;) {
          const result = await events.next();
          isEmitting ||= result.done === true || result.value.type === "synced";
          if (isEmitting) return result;
        }
      } catch (error) {
        if (!stop.signal.aborted) throw error;
        return { done: true, value: undefined as never };
      }
    },
    return: end,
    [Symbol.asyncIterator]() {
      return this;
    },
    async [Symbol.asyncDispose]() {
      await end();
    },
  };
}

/** Follows a resource until a signal says otherwise, no faster than its events are read. */
export function reflect<T extends KubeObject>(
  target: ResourceTarget<T>,
  options: ReflectOptions<T>,
  stop: AbortSignal,
): AsyncGenerator<WatchEvent<T>, never, undefined> {
  const leaving = new AbortController();
  const settings = readOptions(target, options, [stop, leaving.signal]);
  const store = new ObjectStore<T>({});
  return pulledEvents(
    async (sink) => await new Reflector(target, { ...settings, ...sink, store }).run(),
    settings.signal,
    () => leaving.abort(),
  );
}

/** Follows a resource until a signal says otherwise, and calls a function with each event as it comes. */
export async function reflectInto<T extends KubeObject>(
  target: ResourceTarget<T>,
  options: ReflectOptions<T>,
  listener: Pick<ReflectorOptions<T>, "signal" | "store" | "emit">,
): Promise<never> {
  const settings = readOptions(target, options, [listener.signal]);
  const usedUp = (): undefined => undefined;
  return await new Reflector(target, { ...listener, ...settings, usedUp }).run();
}

type ReflectOptions<T extends KubeObject> = FollowOptions<T> &
  Pick<WatchOptions<T>, "resourceVersion">;

function readOptions<T extends KubeObject>(
  { client }: ResourceTarget<T>,
  options: ReflectOptions<T>,
  stops: readonly AbortSignal[],
): Omit<ReflectorOptions<T>, "store" | "emit" | "usedUp"> {
  const { transform, signal } = options;
  const signals = [...stops, client.closing, ...(signal === undefined ? [] : [signal])];
  return {
    query: selectorQuery(options),
    resourceVersion: options.resourceVersion,
    transform,
    retryInitialErrors: options.retryInitialErrors ?? false,
    idleTimeoutMs: checkDuration("idleTimeoutMs", options.idleTimeoutMs, idleRange) ?? 180_000,
    signal: AbortSignal.any(signals),
  };
}
