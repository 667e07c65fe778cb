/**
 * Watches: the initial list, then each change once and in order.
 *
 * @module
 */

import { apiVersionOf } from "../../api/paths.ts";
import { Feed } from "./feed.ts";
import { isCustom, type KindDefinition, qualified } from "./served-kinds.ts";
import { selectorOf } from "./list-pages.ts";
import type { Model } from "./model.ts";
import type { Json, StoredObject } from "./objects.ts";
import { type Cause, expired, invalid, Refusal, tooLargeVersion } from "./refusal.ts";
import { isTrue, keyOf, type Target } from "./request-target.ts";
import type { Selector } from "./selector-matching.ts";
import { atRevision, type StoreEvent } from "./store.ts";

/** An open watch. */
export interface OpenWatch {
  /** The kind that it watches, by its plural name. */
  readonly plural: string;
  /** The namespace; `undefined` for all of them. */
  readonly namespace: string | undefined;
  /** The parameters of its query. */
  readonly query: Record<string, string>;
  /** How many bytes its client has not read yet. */
  readonly unread: number;
}

interface Watch extends Omit<OpenWatch, "unread"> {
  readonly kind: KindDefinition;
  readonly feed: Feed;
  readonly wantsBookmarks: boolean;
}

const INITIAL_EVENTS_END = { "k8s.io/initial-events-end": "true" };

/** The open watches of a model. */
export class Watches {
  readonly #model: Model;
  readonly #open = new Set<Watch>();

  constructor(model: Model) {
    this.#model = model;
  }

  get open(): OpenWatch[] {
    return [...this.#open].map(({ plural, namespace, query, feed: { unread } }) => {
      return { plural, namespace, query, unread };
    });
  }

  /**
   * Opens a watch.
   *
   * @throws {Refusal} if its options are invalid
   */
  watch(target: Target, gone: AbortSignal | undefined): Feed {
    const { store, expiredAsStatus } = this.#model;
    const { query, kind, namespace } = target;
    this.#checkOptions(query);
    const from = readVersion(query.get("resourceVersion") ?? "");
    const selects = selectorOf(target);
    const feed = new Feed(gone);
    const isStreamingList = isTrue(query.get("sendInitialEvents"));
    if (isStreamingList && from > store.revision) throw tooLargeVersion(from, store.revision);
    const startsAtState = isStreamingList || (from === 0 && !query.has("sendInitialEvents"));

    if (!startsAtState && from > 0 && from < store.compacted) {
      const refusal = expired(`too old resource version: ${from} (${store.compacted})`);
      if (expiredAsStatus) throw refusal;
      feed.push(line("ERROR", refusal.status));
      feed.end();
      return feed;
    }

    const watch: Watch = {
      plural: kind.plural,
      namespace,
      query: Object.fromEntries(query),
      kind,
      feed,
      wantsBookmarks: isTrue(query.get("allowWatchBookmarks")),
    };
    const prefix = namespace === undefined ? "" : keyOf(namespace, "");
    if (startsAtState) {
      for (const [key, object] of store.at(kind, store.revision)) {
        const isSelected = key.startsWith(prefix) && (selects?.(object) ?? true);
        if (isSelected) feed.push(line("ADDED", object));
      }
      if (isStreamingList && watch.wantsBookmarks) this.#bookmark(watch, INITIAL_EVENTS_END);
    }
    const type = qualified(kind);
    const after = startsAtState || from === 0 ? store.revision : from;
    const deliver = (event: StoreEvent): void => {
      const isMeant = qualified(event.kind) === type && event.key.startsWith(prefix);
      if (isMeant && event.revision > after) feed.push(transition(event, selects));
    };
    for (const event of store.since(kind, after)) deliver(event);
    this.#follow(watch, store.listen(deliver));
    return feed;
  }

  /** Sends a bookmark to the watches that asked for bookmarks. */
  bookmark(plural?: string): void {
    for (const watch of this.#of(plural)) if (watch.wantsBookmarks) this.#bookmark(watch);
  }

  /** Ends watches cleanly, as their timeout does, and returns how many. */
  end(plural?: string): number {
    const ended = this.#of(plural);
    for (const { feed } of ended) feed.end();
    return ended.length;
  }

  /** Ends watches with an `ERROR` event, of code 410 by default. */
  fail(refusal: Refusal, plural?: string): number {
    const ended = this.#of(plural);
    for (const { feed } of ended) {
      feed.push(line("ERROR", refusal.status));
      feed.end();
    }
    return ended.length;
  }

  #of(plural: string | undefined): Watch[] {
    return [...this.#open].filter((watch) => plural === undefined || watch.plural === plural);
  }

  #follow(watch: Watch, stopListening: () => void): void {
    const { query, feed } = watch;
    this.#open.add(watch);
    const seconds = Number(query["timeoutSeconds"] ?? 0);
    const cancel =
      seconds > 0 ? this.#model.clock.setTimeout(() => feed.end(), seconds * 1000) : () => {};
    void feed.ended.then(() => {
      cancel();
      stopListening();
      this.#open.delete(watch);
    });
  }

  #bookmark({ kind, feed }: Watch, annotations?: Record<string, string>): void {
    const resourceVersion = String(this.#model.store.revision);
    const metadata = { resourceVersion, ...(annotations === undefined ? {} : { annotations }) };
    // A built-in object is written with the fields that its Go type always writes.
    const content =
      kind.kind === "Pod" ? { spec: { containers: null }, status: {} } : contentOf(kind);
    const object = { kind: kind.kind, apiVersion: apiVersionOf(kind), metadata, ...content };
    feed.push(line("BOOKMARK", object));
  }

  #checkOptions(query: URLSearchParams): void {
    const causes: Cause[] = [];
    const forbid = (field: string, why: string): void => {
      causes.push({ reason: "FieldValueForbidden", message: `Forbidden: ${why}`, field });
    };
    const match = query.get("resourceVersionMatch");
    if (query.has("sendInitialEvents")) {
      if (match !== "NotOlderThan") {
        const why = "sendInitialEvents requires setting resourceVersionMatch to NotOlderThan";
        forbid("resourceVersionMatch", why);
      }
      if (!this.#model.streamingLists) {
        const why =
          "sendInitialEvents is forbidden for watch unless the WatchList feature gate is enabled";
        forbid("sendInitialEvents", why);
      }
    } else if (match !== null) {
      const why =
        "resourceVersionMatch is forbidden for watch unless sendInitialEvents is provided";
      forbid("resourceVersionMatch", why);
      if (match !== "NotOlderThan") {
        const message = `Unsupported value: ${JSON.stringify(match)}: supported values: "NotOlderThan"`;
        causes.push({ reason: "FieldValueNotSupported", message, field: "resourceVersionMatch" });
      }
    }
    if (causes.length > 0) {
      throw invalid({ group: "meta.k8s.io", kind: "ListOptions" }, "", causes);
    }
  }
}

/**
 * The event that a watch with this selector receives; `undefined` if the object neither is nor was selected.
 */
function transition(event: StoreEvent, selects: Selector | undefined): string {
  const { before, after, revision } = event;
  const was = before !== undefined && (selects?.(before) ?? true);
  const is = after !== undefined && (selects?.(after) ?? true);
  if (is) return line(was ? "MODIFIED" : "ADDED", after);
  // An object that no longer matches the selector is sent as it was, with the version of the write.
  return was ? line("DELETED", atRevision(before, revision)) : "";
}

function contentOf(kind: KindDefinition): Json {
  if (isCustom(kind) || kind.plural === "configmaps") return {};
  return { spec: {}, status: {} };
}

function line(type: string, object: StoredObject | Json): string {
  return `${JSON.stringify({ type, object })}\n`;
}

function readVersion(text: string): number {
  if (/^\d*$/.test(text)) return Number(text);
  const why = `strconv.ParseUint: parsing "${text}": invalid syntax`;
  throw new Refusal(500, "", `resourceVersion: Invalid value: "${text}": ${why}`);
}
