/**
 * What is odd about a kubeconfig and yet no reason to reject it. A client listens only once the kubeconfig
 * has been read, so warnings are kept for those who come later.
 *
 * @module
 */

import { type EventListener, notify } from "../../events.ts";

/** The warnings about what was read last. Each listener is called with each of them once. */
export class Warnings {
  readonly #source: string;
  readonly #listeners = new Set<EventListener>();
  #messages: ReadonlySet<string> = new Set();

  /** @param source Which kubeconfig. */
  constructor(source: string) {
    this.#source = source;
  }

  /** Sets the warnings of another read, and emits those that the read before did not have. */
  replace(messages: readonly string[]): void {
    const before = this.#messages;
    this.#messages = new Set(messages);
    for (const message of this.#messages) {
      if (before.has(message)) continue;
      for (const listener of this.#listeners) this.#tell(listener, message);
    }
  }

  /** Adds a listener, and emits to it what there is. Returns what removes it. */
  subscribe(listener: EventListener): () => void {
    const entry: EventListener = (event) => listener(event);
    this.#listeners.add(entry);
    for (const message of this.#messages) this.#tell(entry, message);
    return () => this.#listeners.delete(entry);
  }

  #tell(listener: EventListener, message: string): void {
    notify(listener, { type: "warning", message, source: this.#source });
  }
}
