/**
 * Holds what comes and goes with each request. V8 charges several microseconds for a `Set` whose members are
 * all new: as much as all else that is done here for a request.
 *
 * @module
 */

/** See the module. */
export class Roster<T extends object> {
  readonly #places: (T | undefined)[] = [];
  readonly #free: number[] = [];

  /** Takes one in. What it returns lets it go, once, and keeps nothing of it alive after. */
  enter(member: T): () => void {
    const place = this.#free.pop() ?? this.#places.length;
    this.#places[place] = member;
    let isHere = true;
    return () => {
      if (!isHere) return;
      isHere = false;
      this.#places[place] = undefined;
      this.#free.push(place);
    };
  }

  /** Those who are there. */
  get members(): T[] {
    return this.#places.filter((member) => member !== undefined);
  }
}
