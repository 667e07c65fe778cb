/**
 * One pool of connections under one snapshot of trust, from its opening to its last byte.
 *
 * A pool of its own means a TLS session cache of its own: resumption skips the verification of the
 * certificate, so a session must not outlive the trust that verified it.
 *
 * @module
 */

import { ConnectionError } from "../errors.ts";
import type { Runtime, Transport, TransportResponse } from "../runtime.ts";
import type { CaBundle } from "../sources/ca-source.ts";
import type { ClientCert } from "../sources/client-cert-source.ts";
import { type OutgoingRequest, canSendAgain } from "./request.ts";

/** What a generation stands on, of that which changes. */
export interface Trust {
  /** `undefined` for the runtime's own store. */
  readonly bundle: CaBundle | undefined;
  /** `undefined` where the client has none. */
  readonly clientCert: ClientCert | undefined;
}

/** Whether connections under the one may serve under the other. */
export function isSameTrust(a: Trust, b: Trust): boolean {
  return (
    a.bundle?.fingerprint === b.bundle?.fingerprint &&
    a.clientCert?.fingerprint === b.clientCert?.fingerprint &&
    // A key that the runtime can't hold against its certificate may have been the wrong one.
    a.clientCert?.key === b.clientCert?.key
  );
}

/** A generation, for a health endpoint. */
export interface GenerationStatus {
  /** Its number, counted from 1. */
  readonly generation: number;
  /** The fingerprint of its CA bundle; `undefined` for the runtime's own store. */
  readonly fingerprint: string | undefined;
  /** The fingerprint of its client certificate; `undefined` where it has none. */
  readonly clientCertFingerprint: string | undefined;
  /** When it was opened, in milliseconds since the epoch. */
  readonly openedAt: number;
  /** Whether it takes no more requests. */
  readonly retired: boolean;
}

/** What a generation is made of. */
export interface GenerationParts {
  readonly number: number;
  readonly trust: Trust;
  /** One a group of anchors; all of them together are the bundle's trust. */
  readonly transports: readonly [Transport, ...Transport[]];
  readonly runtime: Runtime;
  readonly drainTimeoutMs: number;
}

/** See the module. */
export class Generation {
  readonly number: number;
  readonly trust: Trust;
  readonly #transports: readonly [Transport, ...Transport[]];
  readonly #runtime: Runtime;
  readonly #openedAt: number;
  readonly #drainTimeoutMs: number;
  /** The transport whose anchors vouched for the server last. */
  #preferred: Transport;
  /** Counted where there is a time limit for them. */
  readonly #inFlight = new Set<OutgoingRequest>();
  #retired = false;
  #cancelDrain: (() => void) | undefined;

  constructor({ number, trust, transports, runtime, drainTimeoutMs }: GenerationParts) {
    this.number = number;
    this.trust = trust;
    this.#transports = transports;
    this.#preferred = transports[0];
    this.#runtime = runtime;
    this.#openedAt = runtime.clock.wallNow();
    this.#drainTimeoutMs = drainTimeoutMs;
  }

  get status(): GenerationStatus {
    return {
      generation: this.number,
      fingerprint: this.trust.bundle?.fingerprint,
      clientCertFingerprint: this.trust.clientCert?.fingerprint,
      openedAt: this.#openedAt,
      retired: this.#retired,
    };
  }

  /** Sends on this generation's connections. To be called in the same turn in which it was picked. */
  send(request: OutgoingRequest): Promise<TransportResponse> {
    const sent = this.#sendBy(this.#preferred, request);
    if (this.#transports.length === 1) return sent;
    const first = this.#preferred;
    return sent.catch((error: unknown) => this.#sendByOthers(first, error, request));
  }

  async #sendByOthers(
    first: Transport,
    error: unknown,
    request: OutgoingRequest,
  ): Promise<TransportResponse> {
    let refusal = error;
    for (const transport of this.#transports) {
      if (transport === first) continue;
      // Retired meanwhile means that there is a newer generation, whose turn it is.
      if (this.#retired || !this.#isRefusal(refusal) || !canSendAgain(request.body)) break;
      try {
        const response = await this.#sendBy(transport, request);
        this.#preferred = transport;
        return response;
      } catch (next) {
        refusal = next;
      }
    }
    throw refusal;
  }

  #sendBy(transport: Transport, request: OutgoingRequest): Promise<TransportResponse> {
    const sent = transport.send(request.url.href, request);
    return Number.isFinite(this.#drainTimeoutMs) ? this.#count(request, sent) : sent;
  }

  /** Counts an exchange, to know what the drain's time limit is to end. */
  async #count(
    request: OutgoingRequest,
    sent: Promise<TransportResponse>,
  ): Promise<TransportResponse> {
    this.#inFlight.add(request);
    const leave = (): void => {
      this.#inFlight.delete(request);
      if (this.#inFlight.size === 0) this.#cancelDrain?.();
    };
    try {
      const response = await sent;
      response.onEnd(leave, true);
      return response;
    } catch (error) {
      leave();
      throw error;
    }
  }

  /** Whether these anchors do not vouch for the server, so that others of the bundle may. */
  #isRefusal(error: unknown): boolean {
    const failure = this.#runtime.explain(error);
    return failure === "unknown-authority" || failure === "expired";
  }

  /** Takes no more requests. Resolves when the last connection is gone. */
  async retire(): Promise<void> {
    if (this.#retired) return;
    this.#retired = true;
    if (this.#inFlight.size > 0) {
      this.#cancelDrain = this.#runtime.clock.setTimeout(
        () => this.#endDrain(),
        this.#drainTimeoutMs,
      );
    }
    await Promise.all(this.#transports.map((transport) => transport.retire()));
  }

  /** There is nothing to be drained any more: all that was in flight has been ended. */
  forgetExchanges(): void {
    this.#inFlight.clear();
    this.#cancelDrain?.();
  }

  #endDrain(): void {
    const limit = `drainTimeoutMs (${this.#drainTimeoutMs} ms)`;
    const reason = `its trust was replaced, and ${limit} has passed since`;
    for (const { end } of this.#inFlight) {
      end?.(new ConnectionError(`Cannot go on with the connection: ${reason}`));
    }
  }
}
