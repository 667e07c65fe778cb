/**
 * Several asynchronous sequences as one.
 *
 * @module
 */

/** An item, and what lets its source continue. */
interface Offer<T> {
  readonly item: T;
  readonly taken: () => void;
}

/** Merges sequences that are added over time. Each waits until its last item is taken. */
export class Merge<T> {
  readonly #offers: Offer<T>[] = [];
  readonly #sources = new Set<AsyncGenerator<T, void, undefined>>();
  #wake = (): void => {};
  #isEnding = false;
  #isLeft = false;
  #failure: { readonly error: unknown } | undefined;

  /** Adds a sequence. */
  add(source: AsyncGenerator<T, void, undefined>): void {
    if (this.#isLeft) return;
    this.#sources.add(source);
    void this.#pump(source);
  }

  /** Ends the merged sequence once those that were added have ended. */
  end(): void {
    this.#isEnding = true;
    this.#wake();
  }

  /** Ends it with an error, after the items that have been offered. */
  fail(error: unknown): void {
    this.#failure ??= { error };
    this.#wake();
  }

  /** The items of all, in the order in which they come. */
  async *items(): AsyncGenerator<T, void, undefined> {
    try {
      for (;;) {
        const offer = this.#offers.shift();
        if (offer !== undefined) {
          yield offer.item;
          offer.taken();
        } else if (this.#failure !== undefined) {
          throw this.#failure.error;
        } else if (this.#isEnding && this.#sources.size === 0) {
          return;
        } else {
          await new Promise<void>((resolve) => {
            this.#wake = resolve;
          });
        }
      }
    } finally {
      this.#isLeft = true;
      for (const { taken } of this.#offers.splice(0)) taken();
      for (const source of this.#sources) source.return().catch(() => {});
    }
  }

  async #pump(source: AsyncGenerator<T, void, undefined>): Promise<void> {
    try {
      for await (const item of source) {
        if (this.#isLeft) break;
        await new Promise<void>((taken) => {
          this.#offers.push({ item, taken });
          this.#wake();
        });
        if (this.#isLeft) break;
      }
    } catch (error) {
      this.fail(error);
    }
    this.#sources.delete(source);
    this.#wake();
  }
}
