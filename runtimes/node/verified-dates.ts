/**
 * How long TLS sessions may be resumed. Resumption verifies no certificate, so a session proves nothing once one of
 * those that were verified has expired. Go looks at their dates as well.
 *
 * @module
 */

import { readParts } from "../../src/certificates/certificate.ts";
import { systemClock } from "../../src/runtime.ts";

/** The dates of what was verified by one trust. */
export class VerifiedDates {
  #until = Infinity;

  /** Notes a chain that was verified, in DER. */
  note(chain: readonly Uint8Array[]): void {
    const ends = chain.map((der) => readParts(der).notAfter);
    this.#until = Math.min(this.#until, ...ends);
  }

  /** Whether a certificate has expired since the last call that said so: earlier sessions must be forgotten. */
  haveExpired(): boolean {
    if (systemClock.wallNow() <= this.#until) return false;
    this.#until = Infinity;
    return true;
  }
}
