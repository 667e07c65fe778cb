/**
 * Finds a node that is gone, behind an API server that still answers for itself.
 *
 * A WebSocket's pings reach the API server alone. Pings of SPDY travel through it to the node
 * (moby/spdystream, `Connection.handlePingFrame`), which answers them unless its program does not take what was sent:
 * then the pings wait behind that. So silence counts only if a ping was answered after the last bytes were sent.
 *
 * @module
 */

import type { Clock } from "../runtime.ts";

/** How often a silent node is pinged. */
const PING_INTERVAL_MS = 5_000;
/** How long a silent node counts as alive. */
const DEAD_AFTER_MS = 20_000;

/** What pings are sent by, and who learns that nobody answers. */
export interface SpdyPingParts {
  readonly clock: Clock;
  ping(id: number): void;
  /** Called once, with how long the node has been silent. */
  onDead(silentMs: number): void;
}

/** See the module. */
export class SpdyPings {
  readonly #parts: SpdyPingParts;
  #cancel: () => void;
  /** The last ping; a client's have odd numbers. */
  #id = -1;
  /** Since when the node's next bytes have been waited for; `undefined` while there are some that nobody takes. */
  #waitsSince: number | undefined;
  /** The first ping that was sent after the last bytes. */
  #firstAfterBytes = 1;
  /** Whether the node has answered since the last bytes, and so has taken them. */
  #isIdle = false;
  #lastAnswer = -1;
  /** Whether a ping was not answered before the next one was due. */
  #isLate = false;

  constructor(parts: SpdyPingParts) {
    this.#parts = parts;
    this.#cancel = parts.clock.setTimeout(() => this.#check(), PING_INTERVAL_MS);
  }

  /** Whether the node has answered the last ping in time, as far as there was one. */
  get isAnswered(): boolean {
    return !this.#isLate;
  }

  /** Called when bytes are sent. */
  onSent(): void {
    this.#isIdle = false;
    this.#firstAfterBytes = this.#id + 2;
  }

  /** Called when the node's next bytes are waited for. */
  onWaiting(): void {
    this.#waitsSince = this.#parts.clock.now();
  }

  /** Called when they have come. */
  onHeard(): void {
    this.#waitsSince = undefined;
  }

  /** Called when a ping has come back. */
  onAnswer(id: number): void {
    this.#lastAnswer = id;
    this.#isLate = id < this.#id;
    if (id >= this.#firstAfterBytes) this.#isIdle = true;
  }

  stop(): void {
    this.#cancel();
  }

  #check(): void {
    const now = this.#parts.clock.now();
    const silentMs = now - (this.#waitsSince ?? now);
    if (this.#isIdle && silentMs >= DEAD_AFTER_MS) return this.#parts.onDead(silentMs);
    this.#cancel = this.#parts.clock.setTimeout(() => this.#check(), PING_INTERVAL_MS);
    this.#isLate = this.#lastAnswer < this.#id;
    if (silentMs < PING_INTERVAL_MS && this.#isIdle) return;
    this.#id += 2;
    this.#parts.ping(this.#id);
  }
}
