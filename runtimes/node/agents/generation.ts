/**
 * The connections that were made under one snapshot of trust.
 *
 * @module
 */

import type { Socket } from "node:net";
import { ConnectionError } from "../../../src/errors.ts";
import type { GenerationStatus, Trust } from "../../../src/transport/generation.ts";
import type { TrustContext } from "./trust-context.ts";

/** See the module. */
export class ConnectionGeneration {
  readonly number: number;
  readonly trust: Trust;
  readonly contexts: readonly [TrustContext, ...TrustContext[]];
  /** The context whose anchors vouched for a server last. */
  preferred: TrustContext;
  readonly #openedAt = Date.now();
  readonly #sockets = new Set<Socket>();
  #retired = false;
  #onEmpty = (): void => {};

  constructor(number: number, trust: Trust, contexts: ConnectionGeneration["contexts"]) {
    this.number = number;
    this.trust = trust;
    this.contexts = contexts;
    this.preferred = contexts[0];
  }

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

  /** Counts a connection in, and out when it closes. */
  track(socket: Socket): void {
    this.#sockets.add(socket);
    socket.once("close", () => {
      this.#sockets.delete(socket);
      if (this.#sockets.size === 0) this.#onEmpty();
    });
  }

  /**
   * Gets no more requests. What its connections carry ends by itself, or at the time limit.
   *
   * @param onEmpty Called when the last of them is gone.
   */
  retire(drainTimeoutMs: number, onEmpty: () => void): void {
    this.#retired = true;
    if (this.#sockets.size === 0) return onEmpty();
    this.#onEmpty = onEmpty;
    if (!Number.isFinite(drainTimeoutMs)) return;
    const timer = setTimeout(() => {
      const limit = `drainTimeoutMs (${drainTimeoutMs} ms)`;
      const reason = `its trust was replaced, and ${limit} has passed since`;
      this.end(new ConnectionError(`Cannot go on with the connection: ${reason}`));
    }, drainTimeoutMs);
    this.#onEmpty = () => {
      clearTimeout(timer);
      onEmpty();
    };
  }

  /** Ends every connection. */
  end(reason: Error): void {
    for (const socket of this.#sockets) {
      // Without a listener, as an idle one may be, an error would end the process.
      if (socket.listenerCount("error") === 0) socket.destroy();
      else socket.destroy(reason);
    }
  }
}
