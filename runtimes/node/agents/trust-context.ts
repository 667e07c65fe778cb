/**
 * A secure context with the TLS sessions that were made under it.
 *
 * Resumption skips the verification of the certificate: a session is offered under the anchors that
 * verified it, and under no others.
 *
 * @module
 */

import type { SecureContext } from "node:tls";
import type { TlsSnapshot } from "../../../src/runtime.ts";
import { VerifiedDates } from "../verified-dates.ts";
import type { Hardening } from "../hardening.ts";
import { openSecureContext } from "../secure-context.ts";

/** As many as Node's own agent keeps. */
const MAX_SESSIONS = 100;

export class TrustContext {
  readonly secureContext: SecureContext;
  readonly #verified = new VerifiedDates();
  readonly #snapshot: Pick<TlsSnapshot, "ca" | "clientCert">;
  /** Stricter ones, by what makes them so. */
  readonly #hardened = new Map<string, SecureContext>();
  readonly #sessions = new Map<string, Buffer>();

  constructor(ca: readonly string[] | undefined, clientCert: TlsSnapshot["clientCert"]) {
    this.#snapshot = { ca, clientCert };
    this.secureContext = openSecureContext(ca, clientCert);
  }

  /** Notes a chain that was verified by these anchors, in DER. */
  note(chain: readonly Uint8Array[]): void {
    this.#verified.note(chain);
  }

  /** The secure context for connections that are to be stricter than by default. */
  hardened(hardening: Hardening): SecureContext {
    const name = JSON.stringify(hardening);
    let context = this.#hardened.get(name);
    if (context === undefined) {
      const { ca, clientCert } = this.#snapshot;
      context = openSecureContext(ca, clientCert, hardening);
      this.#hardened.set(name, context);
    }
    return context;
  }

  /** The session to offer to a server, by the names that it was made under. */
  session(server: string): Buffer | undefined {
    if (this.#verified.haveExpired()) this.#sessions.clear();
    return this.#sessions.get(server);
  }

  /** Keeps a session, and drops the oldest where there are too many. */
  keep(server: string, session: Buffer): void {
    this.#sessions.delete(server);
    this.#sessions.set(server, session);
    const [oldest] = this.#sessions.keys();
    if (this.#sessions.size > MAX_SESSIONS && oldest !== undefined) this.#sessions.delete(oldest);
  }

  /** Drops one that led to nothing. */
  forget(server: string): void {
    this.#sessions.delete(server);
  }
}
