/**
 * What a cluster has of a kind, followed through every disconnect (client-go `tools/cache` `Reflector`).
 *
 * @module
 */

import { sleep } from "../abort.ts";
import { rejectPromise } from "../callback.ts";
import { ClosedError, ConnectionError, InvalidObjectError, ReanchorError } from "../errors.ts";
import { notify } from "../events.ts";
import { ApiError } from "../api/api-error.ts";
import { Backoff } from "../backoff.ts";
import { isExpired, pages } from "../api/list.ts";
import { objectKey } from "../api/object-key.ts";
import type { ResourceTarget } from "../api/resource-target.ts";
import type { KubeObject, Stored } from "../api/object.ts";
import { ResumeVersion } from "./expired-version.ts";
import type { ObjectStore } from "./object-store.ts";
import { type RawWatchEvent, SilenceError, readWatch } from "./watch-stream.ts";
import { uncompressed } from "../api/lines.ts";

/** What has changed. */
export type ObjectChange<T extends KubeObject> =
  | {
      /** An object that was not known before. */
      readonly type: "added";
      readonly object: Stored<T>;
    }
  | {
      /** An object of which another version was known. */
      readonly type: "modified";
      readonly object: Stored<T>;
      /** That version; `undefined` if a watch began at a `resourceVersion` and had not seen it. */
      readonly previous: Stored<T> | undefined;
    }
  | {
      /** An object that is gone, as it was last. */
      readonly type: "deleted";
      readonly object: Stored<T>;
    };

/** What a watch emits. */
export type WatchEvent<T extends KubeObject> =
  | ObjectChange<T>
  | {
      /** The initial list is complete. Emitted once. */
      readonly type: "synced";
      /** The version that it was there at. */
      readonly resourceVersion: string;
    };

/** How a kind is followed. */
export interface ReflectorOptions<T extends KubeObject> {
  /** Selectors. */
  readonly query: Readonly<Record<string, string | undefined>>;
  /** Where to begin, instead of with a list. */
  readonly resourceVersion: string | undefined;
  readonly transform: ((object: Stored<T>) => Stored<T>) | undefined;
  readonly idleTimeoutMs: number;
  /** Whether errors before the initial list are retried too. */
  readonly retryInitialErrors: boolean;
  /** Ends it. */
  readonly signal: AbortSignal;
  /** What is known of the objects. Each change is in it before it is emitted. */
  readonly store: ObjectStore<T>;
  /** Called with each event. What it throws ends the reflector, as does what an index of the store throws. */
  emit(event: WatchEvent<T>): void;
  /** Waited for after the events of a piece, or of a page, before anything else is done: its reader may be slow. */
  usedUp(): Promise<void> | undefined;
}

/** The server ends a watch after a time from here to twice that (client-go: 5 to 10 minutes). */
const MIN_SERVER_TIMEOUT_S = 300;
/** A watch that ends sooner, and has emitted nothing, is not asked for again at once. */
const SHORT_WATCH_MS = 1_000;
/** So many of those in a row that emitted something are taken for a coincidence. */
const MAX_SHORT_WATCHES = 3;
/**
 * How long a server may go without a new object before it has ended its streaming list, and how long in all. One
 * that ignores what it was asked for sends changes without end, new objects among them.
 */
const INITIAL_SILENCE_MS = 10_000;
const INITIAL_LIMIT_MS = 60_000;
/** Marks the end of what a streaming list sends (KEP-3157). */
const INITIAL_EVENTS_END = "k8s.io/initial-events-end";

export class Reflector<T extends KubeObject> {
  readonly #target: ResourceTarget<T>;
  readonly #options: ReflectorOptions<T>;
  readonly #backoff: Backoff;
  /** Whether every existing object is known: not if the watch began at a `resourceVersion`. */
  #knowsAll = true;
  /** Whether the server has answered as it should: failures before that are the caller's. */
  #hasBegun = false;
  readonly #version: ResumeVersion;
  #isSynced = false;
  /** Whether a caller's function has thrown: no retry can fix that. */
  #isBroken = false;
  #streamsLists = true;
  /** How many watches in a row have ended at once. */
  #shortWatches = 0;

  constructor(target: ResourceTarget<T>, options: ReflectorOptions<T>) {
    const { clock, server } = target.client;
    const { idleTimeoutMs, resourceVersion: first } = options;
    this.#backoff = new Backoff(clock);
    this.#target = target;
    this.#options = options;
    this.#version = new ResumeVersion({ clock, idleTimeoutMs, server, first });
    if (first === undefined) return;
    this.#knowsAll = false;
    this.#isSynced = true;
  }

  /**
   * Emits the initial list, then every change, until its signal ends it. Errors before the initial list is complete
   * (or before a watch from a version has begun) are thrown. After that, the watch reconnects by itself.
   */
  async run(): Promise<never> {
    const { client } = this.#target;
    for (let hasJustExpired = false; ;) {
      this.#version.check(client.server);
      const startedAt = client.clock.now();
      const startedFrom = this.#version.value;
      let failure: Error | undefined;
      try {
        if (startedFrom === undefined && !this.#streamsLists) await this.#list();
        await this.#watch();
      } catch (error) {
        // What came before the error is emitted before it.
        await this.#options.usedUp();
        failure = this.#judge(error);
      }
      const version = this.#version.value;
      const hasAdvanced = version !== undefined && version !== startedFrom;
      const wasShort = client.clock.now() - startedAt < SHORT_WATCH_MS;
      this.#shortWatches = wasShort ? this.#shortWatches + 1 : 0;
      const isGood = hasAdvanced && this.#shortWatches <= MAX_SHORT_WATCHES;
      if (isGood || !wasShort) this.#backoff.reset();
      if (failure === undefined && (isGood || !wasShort)) continue;
      // What is there is asked for at once, unless that expires as well.
      hasJustExpired = isExpired(failure) && !hasJustExpired;
      if (hasJustExpired) continue;
      const delayMs = this.#backoff.next();
      this.#report(failure, delayMs);
      await sleep(client.clock, delayMs, this.#options.signal);
    }
  }

  /** Lists, and emits the differences. */
  async #list(): Promise<void> {
    const { query, signal } = this.#options;
    const stop = new AbortController();
    const ending = AbortSignal.any([signal, stop.signal]);
    const seen = new Set<string>();
    let version = "";
    let cancel = this.#limitSilence(stop);
    try {
      for await (const { page, isFirst } of pages(this.#target, { query, signal: ending })) {
        cancel();
        if (isFirst) seen.clear();
        version = page.metadata.resourceVersion;
        for (const object of page.items) {
          seen.add(keyOf(object));
          const shaped = this.#shaped(object);
          this.#update(keyOf(shaped), shaped);
        }
        await this.#options.usedUp();
        cancel = this.#limitSilence(stop);
      }
    } finally {
      cancel();
    }
    this.#complete(seen, version);
    await this.#options.usedUp();
  }

  /** Gives a page up that has not come whole in the idle time; returns what calls that off. */
  #limitSilence(stop: AbortController): () => void {
    const { idleTimeoutMs } = this.#options;
    return this.#target.client.clock.setTimeout(() => {
      const path = this.#target.collectionPath();
      const reason = `its list has not come in ${idleTimeoutMs} ms`;
      stop.abort(new SilenceError(`Cannot watch ${path}: ${reason}`));
    }, idleTimeoutMs);
  }

  /** Emits the events of one watch: from a version on, or all existing objects first. */
  async #watch(): Promise<void> {
    const { client, check } = this.#target;
    const { signal, idleTimeoutMs } = this.#options;
    const stop = new AbortController();
    const ending = AbortSignal.any([signal, stop.signal]);
    const path = this.#target.collectionPath();
    // What a streaming list has sent; `undefined` once it is complete.
    let seen = this.#version.value === undefined ? new Set<string>() : undefined;
    let response: Response;
    try {
      const headers = { ...this.#target.headers("object"), ...uncompressed };
      const init = { headers, signal: ending };
      response = await client.open(`${path}?${this.#watchQuery()}`, init, "WATCH");
    } catch (error) {
      if (seen === undefined || !(error instanceof ApiError)) throw error;
      if (error.status !== 400 && error.status !== 422) throw error;
      return await this.#listInstead();
    }
    if (response.body === null) {
      throw new ConnectionError(`Cannot watch ${path}: the answer has no body`);
    }
    if (seen === undefined) this.#hasBegun = true;
    this.#version.noteWatch();
    const initial = new InitialPatience();
    const silenceMs = (): number =>
      seen === undefined ? idleTimeoutMs : Math.min(idleTimeoutMs, initial.leftMs);
    const waited = (ms: number): void => initial.waited(ms);
    const change = (event: RawWatchEvent): void => {
      if (event.type === "ADDED") initial.extend();
      if (event.type !== "DELETED") seen?.add(keyOf(event.object));
      this.#change(event);
    };
    const onEvent = (event: RawWatchEvent): Promise<void> | undefined => {
      this.#version.noteEvent();
      const { resourceVersion } = event.object.metadata as { resourceVersion?: string };
      if (seen === undefined) {
        if (resourceVersion !== undefined) this.#version.advance(resourceVersion);
      } else if (endsInitialEvents(event)) {
        this.#complete(seen, resourceVersion ?? "");
        seen = undefined;
      }
      if (event.type === "BOOKMARK") return undefined;
      if (check !== undefined) return check(event.object).then(() => change(event));
      change(event);
      return undefined;
    };
    const { usedUp } = this.#options;
    const { clock } = client;
    const reading = { path, clock, stop, ending, silenceMs, waited, onEvent, usedUp };
    try {
      await readWatch(response.body, reading);
    } catch (error) {
      if (seen === undefined || !(error instanceof SilenceError)) throw error;
    }
    if (seen !== undefined) await this.#listInstead(NO_END);
  }

  /** For a server that does not know streaming lists. */
  async #listInstead(reason?: string): Promise<void> {
    this.#streamsLists = false;
    if (reason !== undefined) {
      const path = this.#target.collectionPath();
      this.#report(new ConnectionError(`Cannot stream the list of ${path}: ${reason}`), 0);
    }
    await this.#list();
  }

  #watchQuery(): string {
    const timeoutSeconds = MIN_SERVER_TIMEOUT_S * (1 + this.#target.client.clock.random());
    const parameters = new URLSearchParams({
      watch: "1",
      allowWatchBookmarks: "true",
      timeoutSeconds: String(Math.round(timeoutSeconds)),
    });
    const version = this.#version.value;
    if (version !== undefined) parameters.set("resourceVersion", version);
    else {
      parameters.set("sendInitialEvents", "true");
      parameters.set("resourceVersionMatch", "NotOlderThan");
    }
    for (const [name, value] of Object.entries(this.#options.query)) {
      if (value !== undefined) parameters.set(name, value);
    }
    return parameters.toString();
  }

  #change({ type, object: raw }: RawWatchEvent): void {
    const object = this.#shaped(raw as Stored<T>);
    const key = keyOf(object);
    if (type !== "DELETED") return this.#update(key, object, type === "MODIFIED");
    const isKnown = this.#options.store.find(key) !== undefined;
    if (isKnown || !this.#knowsAll) this.#emit({ type: "deleted", object }, key);
  }

  #update(key: string, object: Stored<T>, isModified = false): void {
    const previous = this.#options.store.find(key);
    const { uid, resourceVersion } = object.metadata;
    if (previous === undefined) {
      // One that has been modified existed before the watch began.
      if (!isModified || this.#knowsAll) this.#emit({ type: "added", object }, key);
      else this.#emit({ type: "modified", object, previous }, key);
      return;
    }
    // Without a version, an object may have changed each time.
    if (resourceVersion !== undefined && previous.metadata.resourceVersion === resourceVersion)
      return;
    if (previous.metadata.uid === uid) this.#emit({ type: "modified", object, previous }, key);
    else {
      this.#emit({ type: "deleted", object: previous }, key);
      this.#emit({ type: "added", object }, key);
    }
  }

  /** Emits the deletion of objects that a list no longer has. The next watch begins at its version. */
  #complete(seen: Set<string>, version: string): void {
    for (const [key, object] of this.#options.store.entries()) {
      if (!seen.has(key)) this.#emit({ type: "deleted", object }, key);
    }
    this.#knowsAll = true;
    this.#hasBegun = true;
    this.#version.noteList(version);
    if (this.#isSynced) return;
    this.#isSynced = true;
    this.#emit({ type: "synced", resourceVersion: version });
  }

  /** Emits an event, unless the reflector has ended: a piece of a response, or a page, has many in it. */
  #emit(event: WatchEvent<T>, key = ""): void {
    const { signal, store } = this.#options;
    signal.throwIfAborted();
    try {
      if (event.type === "deleted") store.delete(key);
      else if (event.type !== "synced") store.set(key, event.object);
      this.#options.emit(event);
    } catch (error) {
      this.#isBroken = true;
      throw error;
    }
  }

  #shaped(object: Stored<T>): Stored<T> {
    const shaped = this.#options.transform?.(object) ?? object;
    rejectPromise("transform", shaped);
    return shaped;
  }

  /** Decides what follows an error; throws it if a retry would not help. */
  #judge(error: unknown): Error {
    const { signal } = this.#options;
    if (this.#isBroken) throw error;
    if (signal.aborted) throw signal.reason;
    const isFinal = error instanceof ClosedError || error instanceof InvalidObjectError;
    const isCallers = !this.#hasBegun && !this.#options.retryInitialErrors;
    if (isCallers || isFinal || !(error instanceof ReanchorError)) throw error;
    this.#version.noteFailure(error);
    return error;
  }

  #report(failure: Error | undefined, delayMs: number): void {
    const { client } = this.#target;
    const path = this.#target.collectionPath();
    const error =
      failure ?? new ConnectionError(`Cannot watch ${path}: the server ended it at once`);
    notify(client.onEvent, { type: "watch-interrupted", path, error, delayMs });
  }
}

const NO_END =
  "the server does not mark its end, as API servers before 1.27 and some aggregated ones; it is listed in pages instead";

/** How much longer a streaming list may take. Time that its reader takes does not count. */
class InitialPatience {
  #silentMs = 0;
  #totalMs = 0;

  get leftMs(): number {
    const left = Math.min(INITIAL_SILENCE_MS - this.#silentMs, INITIAL_LIMIT_MS - this.#totalMs);
    return Math.max(0, left);
  }

  waited(ms: number): void {
    this.#silentMs += ms;
    this.#totalMs += ms;
  }

  /** A new object has come. */
  extend(): void {
    this.#silentMs = 0;
  }
}

function endsInitialEvents({ type, object }: RawWatchEvent): boolean {
  return type === "BOOKMARK" && object.metadata.annotations?.[INITIAL_EVENTS_END] === "true";
}

function keyOf({ metadata: { namespace, name } }: Stored<KubeObject>): string {
  return objectKey(name, namespace);
}
