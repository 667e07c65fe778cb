/**
 * What a CustomResourceDefinition can't say, all of it at once and each by its field.
 *
 * @module
 */

/** Collects problems. */
export class Problems {
  readonly #found = new Set<string>();

  /** Notes what is wrong with a field. */
  add(field: string, reason: string): void {
    this.#found.add(`${field === "" ? "the schema" : field}: ${reason}`);
  }

  /** @throws {TypeError} if there are any. */
  throwIfAny(kind: string): void {
    if (this.#found.size === 0) return;
    const list = [...this.#found].sort().join("; ");
    throw new TypeError(`Cannot make a CustomResourceDefinition of ${kind}: ${list}`);
  }
}

/** The name of a field below another one. */
export function below(field: string, name: string): string {
  return field === "" ? name : `${field}.${name}`;
}
