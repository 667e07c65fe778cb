/**
 * Gates: named points at which responses wait until the driver releases them.
 *
 * @module
 */

interface Watcher {
  key: string;
  count: number;
  resolve: () => void;
}

/** Holds callers that wait on a key until the key is released. */
export class Gates {
  readonly #waiting = new Map<string, Set<() => void>>();
  readonly #watchers = new Set<Watcher>();

  /**
   * Waits until the key is released or the signal aborts.
   *
   * @param key what to wait on
   * @param signal ends the wait if the client has left
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
   * Releases everything that waits on the key now. Later callers wait again.
   *
   * @param key the key
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
   * @param key the key
   * @param count the required number
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
