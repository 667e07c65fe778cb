/**
 * One connection of a server: what it was begun under, and what it still carries.
 *
 * @module
 */

import type { IncomingMessage, ServerResponse } from "node:http";
import type { Http2Session } from "node:http2";
import type { Duplex } from "node:stream";
import type { TLSSocket } from "node:tls";
import type { Generation } from "../../src/rotation/generation.ts";
import type { Trust } from "../../src/rotation/trust.ts";

/** The state that the connections of a server have in common; nothing is opened for it. */
export type ServerGeneration = Generation<undefined>;

export class ServedConnection {
  /** What its handshake was begun under, or verified its client last. */
  trust: Trust;
  /** Its TLS, once the handshake has ended. */
  socket: TLSSocket | undefined;
  readonly #raw: Duplex;
  readonly #responses = new Set<ServerResponse>();
  #session: Http2Session | undefined;
  #release: () => void;
  #hasServed = false;
  #isRetired = false;

  constructor(raw: Duplex, generation: ServerGeneration) {
    this.#raw = raw;
    this.trust = generation.trust;
    this.#release = this.#carriedBy(generation);
    raw.once("close", () => this.#release());
  }

  /** Whether it may only end what it carries. */
  get isRetired(): boolean {
    return this.#isRetired;
  }

  /** Counts it among those of a newer generation, which trusts its client as well. */
  moveTo(generation: ServerGeneration): void {
    const release = this.#release;
    this.#release = this.#carriedBy(generation);
    release();
  }

  /** Notes a request of HTTP/1.1. A retired connection takes no more. */
  serve(request: IncomingMessage, response: ServerResponse): void {
    if (this.#isRetired) {
      request.socket.destroy();
      return;
    }
    this.#hasServed = true;
    this.#responses.add(response);
    response.once("close", () => {
      this.#responses.delete(response);
      this.#endIfIdle();
    });
  }

  /** Notes that it speaks HTTP/2. */
  speak(session: Http2Session): void {
    this.#session = session;
    if (this.#isRetired) session.close();
  }

  /** Lets it end what it carries. What says nothing of requests, such as a WebSocket, has until the drain's end. */
  retire(): void {
    this.#isRetired = true;
    for (const response of this.#responses) {
      if (!response.headersSent) response.shouldKeepAlive = false;
    }
    this.#session?.close();
    this.#endIfIdle();
  }

  /** Ends it at once. */
  destroy(): void {
    this.#raw.destroy();
  }

  #carriedBy(generation: ServerGeneration): () => void {
    return generation.carry(() => this.destroy());
  }

  #endIfIdle(): void {
    if (this.#isRetired && this.#hasServed && this.#responses.size === 0) {
      this.socket?.destroySoon();
    }
  }
}
