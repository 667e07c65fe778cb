/**
 * Objects by name, and by what else they are to be found.
 *
 * @module
 */

import { rejectPromise } from "../callback.ts";
import { objectKey } from "../api/object-key.ts";
import type { KubeObject, Stored } from "../api/object.ts";

/** Says by what an object is to be found: one value, several, or none. */
export type IndexFunction<T extends KubeObject> = (
  object: Stored<T>,
) => string | readonly string[] | undefined;

export class ObjectStore<T extends KubeObject> {
  readonly #objects = new Map<string, Stored<T>>();
  readonly #indexes: readonly Index<T>[];

  constructor(indexes: Readonly<Record<string, IndexFunction<T>>>) {
    this.#indexes = Object.entries(indexes).map(([name, valuesOf]) => new Index(name, valuesOf));
  }

  get size(): number {
    return this.#objects.size;
  }

  /** All of them, by their {@link objectKey}. */
  entries(): Iterable<[key: string, object: Stored<T>]> {
    return this.#objects;
  }

  set(key: string, object: Stored<T>): void {
    for (const index of this.#indexes) index.update(key, object);
    this.#objects.set(key, object);
  }

  delete(key: string): void {
    for (const index of this.#indexes) index.update(key, undefined);
    this.#objects.delete(key);
  }

  find(key: string): Stored<T> | undefined {
    return this.#objects.get(key);
  }

  get(name: string, namespace: string | undefined): Stored<T> | undefined {
    return this.find(objectKey(name, namespace));
  }

  list(namespace?: string): Stored<T>[] {
    const all = [...this.#objects.values()];
    if (namespace === undefined) return all;
    return all.filter(({ metadata }) => metadata.namespace === namespace);
  }

  byIndex(name: string, value: string): Stored<T>[] {
    const index = this.#indexes.find((candidate) => candidate.name === name);
    if (index === undefined)
      throw new TypeError(`Cannot find by ${name}: there is no index of that name`);
    return [...index.keys(value)].flatMap((key) => this.#objects.get(key) ?? []);
  }
}

class Index<T extends KubeObject> {
  readonly name: string;
  readonly #valuesOf: IndexFunction<T>;
  readonly #keys = new Map<string, Set<string>>();
  /** What each object is found by now: the object itself may have been changed by whoever has it. */
  readonly #values = new Map<string, readonly string[]>();

  constructor(name: string, valuesOf: IndexFunction<T>) {
    this.name = name;
    this.#valuesOf = valuesOf;
  }

  keys(value: string): Iterable<string> {
    return this.#keys.get(value) ?? [];
  }

  update(key: string, object: Stored<T> | undefined): void {
    for (const value of this.#values.get(key) ?? []) {
      const keys = this.#keys.get(value);
      keys?.delete(key);
      if (keys?.size === 0) this.#keys.delete(value);
    }
    this.#values.delete(key);
    if (object === undefined) return;
    const found = this.#valuesOf(object) ?? [];
    rejectPromise(`index ${this.name}`, found);
    const values = [found].flat();
    if (values.length > 0) this.#values.set(key, values);
    for (const value of values) {
      const keys = this.#keys.get(value) ?? new Set();
      this.#keys.set(value, keys.add(key));
    }
  }
}
