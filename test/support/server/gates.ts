/**
 * Gates: named places where responses wait until the driver lets them go on.
 *
 * @module
 */

interface Watcher {
  key: string;
  count: number;
  resolve: () => void;
}

/** Holds whoever waits on a key until that key is released. */
export class Gates {
  readonly #waiting = new Map<string, Set<() => void>>();
  readonly #watchers = new Set<Watcher>();

  /**
   * Waits until the key is released or the signal aborts.
   *
   * @param key what to wait on
   * @param signal ends the wait, for a client that has gone
   */
  wait(key: string, signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const waiting = this.#waiting.get(key) ?? new Set();
      this.#waiting.set(key, waiting);
      function leave(): void {
        waiting.delete(leave);
        signal.removeEventListener("abort", leave);
        resolve();
      }
      waiting.add(leave);
      signal.addEventListener("abort", leave);
      if (signal.aborted) leave();
      this.#notify();
    });
  }

  /**
   * Lets go of all who wait on the key now; who comes later waits again.
   *
   * @param key what they wait on
   * @returns how many were waiting
   */
  release(key: string): number {
    const waiting = [...(this.#waiting.get(key) ?? [])];
    for (const leave of waiting) leave();
    return waiting.length;
  }

  /**
   * Resolves once at least `count` wait on the key.
   *
   * @param key what they wait on
   * @param count how many have to be there
   */
  held(key: string, count: number): Promise<void> {
    return new Promise((resolve) => {
      this.#watchers.add({ key, count, resolve });
      this.#notify();
    });
  }

  #notify(): void {
    for (const watcher of this.#watchers) {
      if ((this.#waiting.get(watcher.key)?.size ?? 0) < watcher.count) continue;
      this.#watchers.delete(watcher);
      watcher.resolve();
    }
  }
}
