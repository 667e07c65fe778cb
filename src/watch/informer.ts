/**
 * A local copy of what a cluster has of a kind, kept up to date (client-go `tools/cache` `SharedInformer`).
 *
 * @module
 */

import { callSafely } from "../callback.ts";
import { ClosedError } from "../errors.ts";
import { notify } from "../events.ts";
import { MAX_TIMER_MS, checkDuration, checkKnown, checkObject } from "../options.ts";
import { type IndexFunction, ObjectStore } from "./object-store.ts";
import type { ObjectChange, WatchEvent } from "./reflector.ts";
import type { KubeObject, Stored } from "../api/object.ts";
import type { ResourceTarget } from "../api/resource-target.ts";
import { type FollowOptions, followOptionNames, reflectInto } from "./watch.ts";

/** How an informer is kept. */
export interface InformerOptions<T extends KubeObject> extends FollowOptions<T> {
  /** By what else than their names objects are to be found, with {@link Informer.byIndex}. */
  indexes?: { readonly [name: string]: IndexFunction<T> } | undefined;
  /**
   * Calls the handlers with every object, as `modified`, each time that this has passed, in milliseconds; for
   * controllers that want to look at everything now and then.
   *
   * @default never
   */
  resyncIntervalMs?: number | undefined;
}

/**
 * What is called when an object changes. What it throws becomes a `handler-failed` event; the promise of an
 * asynchronous one is not waited for.
 */
export interface InformerHandler<T extends KubeObject> {
  /** There is a new one. */
  added?(object: Stored<T>): unknown;
  /** One has changed, or is shown again ({@link InformerOptions.resyncIntervalMs}). */
  modified?(object: Stored<T>, previous: Stored<T>): unknown;
  /** One is gone. */
  deleted?(object: Stored<T>): unknown;
}

/** A local copy. Its objects are shared: copy an object before you change it. */
export interface Informer<T extends KubeObject> extends AsyncDisposable {
  /** Whether all that was there at the beginning is in it. */
  readonly hasSynced: boolean;
  /**
   * How many objects there are.
   *
   * @throws what ended the informer, if that was before it synced; so do the three below that find objects.
   */
  readonly size: number;
  /**
   * Resolves when {@link Informer.hasSynced} becomes true.
   *
   * @throws what ended the informer, where that was first.
   */
  synced(): Promise<void>;
  /**
   * Resolves when it has been stopped.
   *
   * @throws what ended it, if it was not stopped. Before the initial list that is any error. After it, only the
   * client's `close()`, its signal, or an object that a schema with `check: "reject"` rejects.
   */
  readonly ended: Promise<void>;
  /**
   * Finds an object.
   *
   * @param namespace The resource's own by default.
   */
  get(name: string, namespace?: string): Stored<T> | undefined;
  /** All of them, or those of a namespace. */
  list(namespace?: string): Stored<T>[];
  /** Those for which an index gives a value. */
  byIndex(index: string, value: string): Stored<T>[];
  /**
   * Calls a handler with all that is there now, as `added`, and from then on with what changes. A handler is
   * never called once the informer has been stopped, its signal aborted, or its client closed.
   *
   * @returns what takes it off again.
   */
  on(handler: InformerHandler<T>): () => void;
  /** Stops following. What is in it stays, and ages. */
  stop(): Promise<void>;
}

/** Begins to follow a resource. */
export function createInformer<T extends KubeObject>(
  target: ResourceTarget<T>,
  options: InformerOptions<T>,
): Informer<T> {
  checkKnown("informer", options, [...followOptionNames, "indexes", "resyncIntervalMs"]);
  const { indexes = {}, resyncIntervalMs } = options;
  const range = { min: 1, max: MAX_TIMER_MS };
  const resyncMs = checkDuration("resyncIntervalMs", resyncIntervalMs, range) ?? 0;
  const { client } = target;
  const store = new ObjectStore<T>(indexes);
  const handlers = new Set<InformerHandler<T>>();
  const stop = new AbortController();
  let hasSynced = false;
  const synced = Promise.withResolvers<void>();
  synced.promise.catch(() => {}); // Its callers receive the rejection.
  let cancelResync = (): void => {};

  function report(type: "handler-failed" | "informer-failed", error: unknown): void {
    notify(client.onEvent, { type, path: target.collectionPath(), error });
  }

  const endings = [stop.signal, client.closing, options.signal];
  /** No handler is called any more, however much has been read already. */
  const isOver = (): boolean => endings.some((signal) => signal?.aborted === true);

  function call(handle: () => unknown): void {
    if (!isOver()) callSafely(handle, (error) => report("handler-failed", error));
  }

  function tellAll(change: ObjectChange<T>): void {
    // The handlers of this moment: one that is added meanwhile is called with the object when it is added.
    for (const handler of Array.from(handlers)) if (handlers.has(handler)) tell(handler, change);
  }

  function tell(handler: InformerHandler<T>, change: ObjectChange<T>): void {
    const { object } = change;
    if (change.type === "modified") {
      const { previous = object } = change;
      call(() => handler.modified?.(object, previous));
    } else if (change.type === "added") call(() => handler.added?.(object));
    else call(() => handler.deleted?.(object));
  }

  function resyncLater(): void {
    if (resyncMs === 0) return;
    cancelResync = client.clock.setTimeout(() => {
      for (const object of store.list()) tellAll({ type: "modified", object, previous: object });
      if (!isOver()) resyncLater();
    }, resyncMs);
  }

  function emit(event: WatchEvent<T>): void {
    if (event.type !== "synced") return tellAll(event);
    hasSynced = true;
    synced.resolve();
    resyncLater();
  }

  async function follow(): Promise<void> {
    try {
      await reflectInto(target, options, { signal: stop.signal, store, emit });
    } catch (error) {
      synced.reject(error);
      if (stop.signal.aborted) return;
      failure = { error };
      // A caller who does not wait for its end must hear of it all the same, unless it was of their making.
      const isMeant = error instanceof ClosedError || options.signal?.aborted === true;
      if (!isMeant) report("informer-failed", error);
      throw error;
    } finally {
      cancelResync();
    }
  }

  /** What an informer that never began has nothing to give of. */
  let failure: { readonly error: unknown } | undefined;

  function checkBegun(): void {
    if (failure !== undefined && !hasSynced) throw failure.error;
  }

  const ended = follow();
  ended.catch(() => {}); // Its callers receive the rejection.
  return {
    get hasSynced() {
      return hasSynced;
    },
    get size() {
      checkBegun();
      return store.size;
    },
    synced: () => synced.promise,
    ended,
    get(name, namespace = target.namespace) {
      checkBegun();
      return store.get(name, namespace);
    },
    list(namespace) {
      checkBegun();
      return store.list(namespace);
    },
    byIndex(index, value) {
      checkBegun();
      return store.byIndex(index, value);
    },
    on(handler) {
      checkHandler(handler);
      // One that is added twice is two.
      const own = bound(handler);
      handlers.add(own);
      for (const object of store.list()) tell(own, { type: "added", object });
      return () => void handlers.delete(own);
    },
    stop: end,
    [Symbol.asyncDispose]: end,
  };

  async function end(): Promise<void> {
    stop.abort(new ClosedError("Cannot continue: the informer was stopped"));
    await ended.catch(() => {});
  }
}

function checkHandler(handler: unknown): void {
  const hint = "pass { added(object) {}, modified(object, previous) {}, deleted(object) {} }";
  checkObject("a handler", handler, hint);
  const names: readonly (keyof InformerHandler<KubeObject>)[] = ["added", "modified", "deleted"];
  const functions = handler as Readonly<Record<string, unknown>>;
  if (names.some((name) => typeof functions[name] === "function")) return;
  throw new TypeError(`Cannot use a handler: it has no function of a known name; ${hint}`);
}

/** A handler's functions, with the handler as their `this`. */
function bound<T extends KubeObject>(handler: InformerHandler<T>): InformerHandler<T> {
  return {
    added: (object) => handler.added?.(object),
    modified: (object, previous) => handler.modified?.(object, previous),
    deleted: (object) => handler.deleted?.(object),
  };
}
