/**
 * Everything that was made under one state of trust, until its last connection has ended.
 *
 * A generation has TLS session caches of its own: resumption skips the verification of the certificate, so a
 * session must not outlive the trust that verified it.
 *
 * @module
 */

import { ConnectionError } from "../errors.ts";
import type { Clock } from "../runtime.ts";
import type { Trust } from "./trust.ts";

/** A generation, for a health endpoint. */
export interface GenerationStatus {
  /** Its number, counted from 1. */
  readonly generation: number;
  /** The fingerprint of its CA bundle; `undefined` for the runtime's own store. */
  readonly fingerprint: string | undefined;
  /** The fingerprint of its client certificate; `undefined` if it has none. */
  readonly clientCertFingerprint: string | undefined;
  /** When it was opened, in milliseconds since the epoch. */
  readonly openedAt: number;
  /** Whether it takes no more requests. */
  readonly retired: boolean;
}

/** What a generation is made of. */
export interface GenerationParts<Body> {
  readonly number: number;
  readonly trust: Trust;
  /** One for each group of anchors. Together they trust what the bundle trusts. */
  readonly bodies: readonly [Body, ...Body[]];
  readonly clock: Clock;
}

/** Ends something that a generation carries. */
export type End = (reason: Error) => void;

export class Generation<Body> {
  readonly number: number;
  readonly trust: Trust;
  readonly bodies: readonly [Body, ...Body[]];
  /** The body whose anchors verified a server last. */
  preferred: Body;
  readonly #clock: Clock;
  readonly #openedAt: number;
  /** What it carries, by what ends it. */
  readonly #carried = new Set<End>();
  #retired = false;
  #onEmpty: (() => void) | undefined;

  constructor({ number, trust, bodies, clock }: GenerationParts<Body>) {
    this.number = number;
    this.trust = trust;
    this.bodies = bodies;
    this.preferred = bodies[0];
    this.#clock = clock;
    this.#openedAt = clock.wallNow();
  }

  /** Whether it takes no more requests. */
  get retired(): boolean {
    return this.#retired;
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

  /**
   * Counts a request or a connection as carried by this generation.
   *
   * @param end Called if it has to end before it does so by itself.
   * @returns What counts it as ended.
   */
  carry(end: End): () => void {
    this.#carried.add(end);
    return () => {
      if (this.#carried.delete(end) && this.#carried.size === 0) this.#onEmpty?.();
    };
  }

  /** Takes no more requests. Resolves when what it carries has ended, at the time limit if not before. */
  async retire(drainTimeoutMs: number): Promise<void> {
    this.#retired = true;
    if (this.#carried.size === 0) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    const cancel = Number.isFinite(drainTimeoutMs)
      ? this.#clock.setTimeout(() => {
          const limit = `drainTimeoutMs (${drainTimeoutMs} ms)`;
          const reason = `its trust was replaced, and ${limit} has passed since`;
          this.end(new ConnectionError(`Cannot keep the connection: ${reason}`));
        }, drainTimeoutMs)
      : undefined;
    this.#onEmpty = () => {
      cancel?.();
      resolve();
    };
    await promise;
  }

  /** Ends everything that it carries. */
  end(reason: Error): void {
    for (const end of this.#carried) end(reason);
    this.#carried.clear();
    this.#onEmpty?.();
  }
}
