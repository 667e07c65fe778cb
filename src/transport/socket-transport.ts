/**
 * Requests over HTTP/1.1 of our own, on connections that a runtime dials: a pool for each origin.
 *
 * @module
 */

import { Pool } from "../http1/pool.ts";
import type { Wire } from "../http1/wire.ts";
import type { Transport, TransportRequest, TransportResponse } from "../runtime.ts";
import { LateHandshakeError } from "../rotation/rotation.ts";
import { exchange } from "./socket-exchange.ts";

/** How long a connection may be idle, as in Go's `http.DefaultTransport`. */
const IDLE_LIMIT_MS = 90_000;

/** What a runtime brings. */
export interface SocketTransportParts {
  /** How many connections each origin may have at once. */
  readonly maxConnections: number;
  /** Connects to the origin of a URL; ends the attempt when the signal is aborted. */
  connect(target: URL, signal: AbortSignal): Promise<Wire>;
  /** Monotonic milliseconds. */
  now(): number;
  /** Resolves once what has arrived by now has been noticed. */
  settle(): Promise<void>;
  /** Calls back once, by a timer that does not keep the process alive; returns what cancels that. */
  later(callback: () => void, delayMs: number): () => void;
}

/** A transport without `upgrade`, which needs no pool. */
export class SocketTransport implements Omit<Transport, "upgrade"> {
  readonly #parts: SocketTransportParts;
  readonly #pools = new Map<string, Pool>();
  #isRetired = false;
  readonly #onEmpty = new Set<() => void>();

  constructor(parts: SocketTransportParts) {
    this.#parts = parts;
  }

  send(url: string, request: TransportRequest): Promise<TransportResponse> {
    // Without the fragment, which stays with the caller (RFC 9110 section 4.2.5).
    const fragmentAt = url.indexOf("#");
    const target = fragmentAt === -1 ? url : url.slice(0, fragmentAt);
    const pathAt = target.indexOf("/", target.indexOf("//") + 2);
    const { method, headers, headerLines, body, signal, ending, isFresh = false } = request;
    return exchange({
      pool: this.#poolFor(target.slice(0, pathAt)),
      message: {
        method,
        target: target.slice(pathAt),
        fields: headers,
        moreFields: headerLines,
        body,
      },
      url: target,
      signal,
      ending,
      isFresh,
    });
  }

  async retire(): Promise<void> {
    this.#isRetired = true;
    for (const pool of this.#pools.values()) pool.retire();
    if (this.#isEmpty) return;
    await new Promise<void>((resolve) => {
      this.#onEmpty.add(resolve);
    });
  }

  get #isEmpty(): boolean {
    return [...this.#pools.values()].every((pool) => pool.isEmpty);
  }

  #poolFor(origin: string): Pool {
    const known = this.#pools.get(origin);
    if (known !== undefined) return known;
    const { connect, later, now, settle, maxConnections } = this.#parts;
    const target = new URL(origin);
    const pool: Pool = new Pool({
      host: target.host,
      maxConnections,
      idleLimitMs: IDLE_LIMIT_MS,
      connect: (signal) => connect(target, signal),
      now,
      settle,
      later,
      // In a turn of its own: a request may be about to be added.
      onEmpty: () => queueMicrotask(() => this.#forget(origin, pool)),
      late: () => new LateHandshakeError(),
    });
    if (this.#isRetired) pool.retire();
    this.#pools.set(origin, pool);
    return pool;
  }

  /** Forgets an origin that is not asked any more. */
  #forget(origin: string, pool: Pool): void {
    if (!pool.isEmpty) return;
    if (this.#pools.get(origin) === pool) this.#pools.delete(origin);
    if (!this.#isEmpty) return;
    for (const resolve of this.#onEmpty) resolve();
  }
}
