/**
 * Requests that wait for a connection, and the attempts at one: those are ended when nobody waits any more.
 * undici would continue them.
 *
 * @module
 */

import type { Socket } from "node:net";
import type { buildConnector } from "undici";

/** Connects; ends the attempt when the signal is aborted. */
export type Dial = (target: buildConnector.Options, signal: AbortSignal) => Promise<Socket>;

export class ConnectionAttempts {
  #waiting = 0;
  readonly #attempts = new Set<AbortController>();

  /** A request begins to wait. */
  enter(): void {
    this.#waiting += 1;
  }

  /** One that waited has a connection, or failed to get one. */
  leave(): void {
    this.#waiting -= 1;
  }

  /** One that waited does not want a connection any more. */
  giveUp(): void {
    this.leave();
    if (this.#waiting > 0) return;
    const reason = new Error("Nobody waits for it any more");
    for (const attempt of this.#attempts) attempt.abort(reason);
  }

  /** A connector for undici that connects by `dial`. */
  connector(dial: Dial): buildConnector.connector {
    return (target, callback) => {
      const attempt = new AbortController();
      this.#attempts.add(attempt);
      const forget = (): void => void this.#attempts.delete(attempt);
      dial(target, attempt.signal)
        .finally(forget)
        .then(
          (socket) => callback(null, socket),
          (error: Error) => callback(error, null),
        );
    };
  }
}
