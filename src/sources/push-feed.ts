/**
 * The stream of a source that is pushed its values, from one failure to the next.
 *
 * @module
 */

import { SourceError } from "../errors.ts";

/** What a listener passes the values of its stream to. */
export interface PushStream<T> {
  /** Passes on a value: the first one, and every change. */
  push(value: T): void;
  /** Says that the stream is broken. The last good value is kept, and the next use listens again. */
  fail(error: unknown): void;
  /** Aborted when the stream is no longer wanted: the source was closed, or the first value took too long. */
  readonly signal: AbortSignal;
}

/**
 * Listens to a stream until its signal is aborted. It may be asynchronous: the stream is broken once its promise
 * settles.
 */
export type PushListener<T> = (stream: PushStream<T>) => void | Promise<void>;

export class PushFeed<T> {
  readonly #listen: PushListener<T>;
  readonly #sharedReads: boolean;
  readonly #onChange: () => void;
  #subscription: Subscription<T> | undefined;

  /**
   * @param sharedReads Whether a stream outlives the read that began it; if not, each read listens for one value.
   * @param onChange Called when there is another value, or a failure, that no read waits for.
   */
  constructor(listen: PushListener<T>, sharedReads: boolean, onChange: () => void) {
    this.#listen = listen;
    this.#sharedReads = sharedReads;
    this.#onChange = onChange;
  }

  /** The latest value, or the first one to come; a failure is thrown once, and the read after it listens again. */
  async read(signal: AbortSignal): Promise<T> {
    if (!this.#sharedReads) return await this.#readAlone(signal);
    const subscription = (this.#subscription ??= this.#subscribe(this.#onChange));
    try {
      return await subscription.latest(signal);
    } catch (error) {
      if (this.#subscription === subscription) this.#subscription = undefined;
      throw error;
    }
  }

  async #readAlone(signal: AbortSignal): Promise<T> {
    const subscription = this.#subscribe(() => {});
    try {
      return await subscription.latest(signal);
    } finally {
      subscription.end(new SourceError("its value was read", "failed"));
    }
  }

  #subscribe(onChange: () => void): Subscription<T> {
    return new Subscription(this.#listen, onChange);
  }

  close(): void {
    this.#subscription?.end(new SourceError("it was closed", "failed"));
    this.#subscription = undefined;
  }
}

/** One call of the listener. */
class Subscription<T> {
  readonly #life = new AbortController();
  readonly #first = Promise.withResolvers<void>();
  readonly #onChange: () => void;
  #latest: { readonly value: T } | undefined;
  #failure: { readonly error: unknown } | undefined;

  constructor(listen: PushListener<T>, onChange: () => void) {
    this.#onChange = onChange;
    const over = new SourceError("the stream ended", "failed");
    const fail = (error: unknown): void => this.end(error);
    try {
      const { signal } = this.#life;
      const ended: unknown = listen({ push: (value) => this.#push(value), fail, signal });
      if (ended instanceof Promise) ended.then(() => this.end(over), fail);
    } catch (error) {
      this.end(error);
    }
  }

  /** The latest value, or the first one to come. The stream ends if that takes longer than its reader waits. */
  async latest(signal: AbortSignal): Promise<T> {
    if (this.#latest === undefined) {
      const onAbort = (): void => this.end(signal.reason);
      signal.addEventListener("abort", onAbort);
      if (signal.aborted) onAbort();
      await this.#first.promise;
      signal.removeEventListener("abort", onAbort);
    }
    if (this.#failure !== undefined || this.#latest === undefined) throw this.#failure?.error;
    return this.#latest.value;
  }

  /** Ends the stream. A read that waits for the first value fails; if none does, the next one. */
  end(error: unknown): void {
    if (this.#life.signal.aborted) return;
    this.#failure = { error };
    this.#life.abort(error);
    this.#first.resolve();
    if (this.#latest !== undefined) this.#onChange();
  }

  #push(value: T): void {
    if (this.#life.signal.aborted) return;
    const isFirst = this.#latest === undefined;
    this.#latest = { value };
    // The read that began the stream waits for the first one.
    if (isFirst) this.#first.resolve();
    else this.#onChange();
  }
}
