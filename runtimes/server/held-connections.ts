/**
 * Connections that wait ahead of their handshake until what a server shows and trusts has been read.
 *
 * @module
 */

import type { Duplex } from "node:stream";

export class HeldConnections {
  readonly #limit: number;
  readonly #held = new Map<Duplex, () => void>();
  #dropped = 0;

  /** @param limit How many may wait at once. */
  constructor(limit: number) {
    this.#limit = limit;
  }

  /** How many wait. */
  get size(): number {
    return this.#held.size;
  }

  /** Lets a connection wait, or drops it if too many do. */
  add(connection: Duplex): void {
    if (this.#held.size >= this.#limit) {
      this.#dropped++;
      connection.destroy();
      return;
    }
    const forget = (): void => void this.#held.delete(connection);
    // TLS listens for errors only once it has begun.
    connection.on("error", ignore);
    connection.once("close", forget);
    this.#held.set(connection, () => {
      connection.off("error", ignore);
      connection.off("close", forget);
    });
  }

  /** All that still wait, which from now on do not. */
  release(): Duplex[] {
    const released = [...this.#held];
    this.#held.clear();
    return released.map(([connection, stopListening]) => {
      stopListening();
      return connection;
    });
  }

  /** How many were dropped since the last call. */
  takeDropped(): number {
    const dropped = this.#dropped;
    this.#dropped = 0;
    return dropped;
  }
}

function ignore(): void {}
