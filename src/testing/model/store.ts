/**
 * The store: the objects, one revision counter for all of them, and the history of writes.
 *
 * @module
 */

import { apiVersionOf } from "../../api/paths.ts";
import { type KindDefinition, qualified } from "./served-kinds.ts";
import type { ApiObject, StoredObject } from "./objects.ts";

/** A write. */
export interface StoreEvent {
  readonly revision: number;
  readonly kind: KindDefinition;
  readonly key: string;
  /** `undefined` if the write created the object. */
  readonly before: StoredObject | undefined;
  /** `undefined` if the write deleted the object. */
  readonly after: StoredObject | undefined;
}

/** The store. The objects that it returns never change afterwards. */
export class Store {
  readonly #objects = new Map<string, Map<string, StoredObject>>();
  readonly #listeners = new Set<(event: StoreEvent) => void>();
  #events: StoreEvent[] = [];
  #revision: number;
  #compacted = 0;
  #made = 0;

  /** @param revision the initial revision */
  constructor(revision: number) {
    this.#revision = revision;
  }

  /** The revision of the last write. */
  get revision(): number {
    return this.#revision;
  }

  /** The oldest revision whose history is still there. */
  get compacted(): number {
    return this.#compacted;
  }

  get(kind: KindDefinition, key: string): StoredObject | undefined {
    return this.#ofKind(kind).get(key);
  }

  /** Writes an object and sets its metadata to the new revision. */
  set(kind: KindDefinition, key: string, object: ApiObject): StoredObject {
    const revision = this.skip();
    const {
      apiVersion: _version,
      kind: _kind,
      metadata = {},
      ...content
    } = structuredClone(object);
    const after = {
      kind: kind.kind,
      apiVersion: apiVersionOf(kind),
      metadata: { ...metadata, resourceVersion: String(revision) },
      ...content,
    } as StoredObject;
    const before = this.get(kind, key);
    this.#ofKind(kind).set(key, after);
    this.#tell({ revision, kind, key, before, after });
    return after;
  }

  /** Removes an object, and returns it with the revision of its deletion. */
  delete(kind: KindDefinition, key: string): StoredObject | undefined {
    const last = this.get(kind, key);
    if (last === undefined) return undefined;
    const revision = this.skip();
    this.#ofKind(kind).delete(key);
    this.#tell({ revision, kind, key, before: last, after: undefined });
    return atRevision(last, revision);
  }

  /** The objects of a kind, sorted by key, as they were at a revision that is not compacted. */
  at(kind: KindDefinition, revision: number): [key: string, object: StoredObject][] {
    const objects = new Map(this.#ofKind(kind));
    for (let index = this.#events.length - 1; index >= 0; index -= 1) {
      const event = this.#events[index];
      if (event === undefined || event.revision <= revision) break;
      if (event.kind !== kind) continue;
      if (event.before === undefined) objects.delete(event.key);
      else objects.set(event.key, event.before);
    }
    return [...objects].sort(([left], [right]) => (left < right ? -1 : 1));
  }

  /** The writes to a kind after a revision. */
  since(kind: KindDefinition, revision: number): StoreEvent[] {
    const name = qualified(kind);
    return this.#events.filter(
      (event) => qualified(event.kind) === name && event.revision > revision,
    );
  }

  /** Returns another number at each call, from 1, so that generated values are the same in each run. */
  nextNumber(): number {
    this.#made += 1;
    return this.#made;
  }

  /** Skips a revision, as a write to another kind does. */
  skip(): number {
    this.#revision += 1;
    return this.#revision;
  }

  /** Discards the history up to a revision. */
  compact(revision: number): void {
    this.#compacted = Math.max(this.#compacted, Math.min(revision, this.#revision));
    this.#events = this.#events.filter((event) => event.revision > this.#compacted);
  }

  /** Calls `listener` with each write. Returns a function that stops this. */
  listen(listener: (event: StoreEvent) => void): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  #ofKind(kind: KindDefinition): Map<string, StoredObject> {
    const name = qualified(kind);
    const objects = this.#objects.get(name) ?? new Map<string, StoredObject>();
    this.#objects.set(name, objects);
    return objects;
  }

  #tell(event: StoreEvent): void {
    this.#events.push(event);
    for (const listener of this.#listeners) listener(event);
  }
}

/** The object with another resourceVersion, as a deletion event shows it. */
export function atRevision(object: StoredObject, revision: number): StoredObject {
  return { ...object, metadata: { ...object.metadata, resourceVersion: String(revision) } };
}
