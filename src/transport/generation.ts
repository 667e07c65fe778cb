/**
 * One pool of connections under one snapshot of trust, from its opening to its last byte.
 *
 * A pool of its own means a TLS session cache of its own: resumption skips the verification of the
 * certificate, so a session must not outlive the trust that verified it.
 *
 * @module
 */

import { orAborted } from "../abort.ts";
import { ConnectionError } from "../errors.ts";
import type { Clock, Transport, TransportResponse } from "../runtime.ts";
import type { CaBundle } from "../sources/ca-source.ts";
import type { OutgoingRequest } from "./request.ts";

/** A generation, for a health endpoint. */
export interface GenerationStatus {
  /** Its number, counted from 1. */
  readonly generation: number;
  /** The fingerprint of its CA bundle; `undefined` for the runtime's own store. */
  readonly fingerprint: string | undefined;
  /** When it was opened, in milliseconds since the epoch. */
  readonly openedAt: number;
  /** Whether it takes no more requests. */
  readonly retired: boolean;
}

/** See the module. */
export class Generation {
  readonly number: number;
  readonly bundle: CaBundle | undefined;
  readonly #transport: Transport;
  readonly #clock: Clock;
  readonly #openedAt: number;
  readonly #drainTimeoutMs: number;
  #inFlight = 0;
  #retired = false;
  #ended: Error | undefined;
  #cancelDrain: (() => void) | undefined;

  constructor(
    number: number,
    bundle: CaBundle | undefined,
    transport: Transport,
    clock: Clock,
    drainTimeoutMs: number,
  ) {
    this.number = number;
    this.bundle = bundle;
    this.#transport = transport;
    this.#clock = clock;
    this.#openedAt = clock.wallNow();
    this.#drainTimeoutMs = drainTimeoutMs;
  }

  get status(): GenerationStatus {
    return {
      generation: this.number,
      fingerprint: this.bundle?.fingerprint,
      openedAt: this.#openedAt,
      retired: this.#retired,
    };
  }

  /** Sends on this generation's connections. To be called in the same turn in which it was picked. */
  async send({ method, url, headers, body, signal }: OutgoingRequest): Promise<TransportResponse> {
    const onEnd = Number.isFinite(this.#drainTimeoutMs) ? this.#count() : undefined;
    try {
      const sent = this.#transport.send(url.href, { method, headers, body, signal, onEnd });
      // A runtime may first finish its handshake before it looks at the signal.
      return await orAborted(sent, signal);
    } catch (error) {
      onEnd?.();
      // Runtimes wrap a reason, or put one of their own in its place.
      signal?.throwIfAborted();
      throw this.#ended ?? error;
    }
  }

  /** Takes no more requests. Resolves when the last connection is gone. */
  async retire(): Promise<void> {
    if (this.#retired) return;
    this.#retired = true;
    if (this.#inFlight > 0) {
      this.#cancelDrain = this.#clock.setTimeout(() => {
        const limit = `drainTimeoutMs (${this.#drainTimeoutMs} ms)`;
        const reason = `its trust was replaced, and ${limit} has passed since`;
        this.end(new ConnectionError(`Cannot go on with the connection: ${reason}`));
      }, this.#drainTimeoutMs);
    }
    await this.#transport.retire();
  }

  /** Ends everything that is in flight. */
  end(reason: Error): void {
    this.#cancelDrain?.();
    this.#ended = reason;
    this.#transport.end(reason);
  }

  /** Counts an exchange; what it returns takes it off again, once. */
  #count(): () => void {
    this.#inFlight++;
    let ended = false;
    return () => {
      if (ended) return;
      ended = true;
      this.#inFlight--;
      if (this.#inFlight === 0) this.#cancelDrain?.();
    };
  }
}
