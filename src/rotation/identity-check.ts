/**
 * The check of a server's identity, whose rules are loaded by the programs that expect one.
 *
 * @module
 */

import type { ServerIdentity } from "../certificates/spiffe-id.ts";

export class IdentityCheck {
  readonly #expected: ServerIdentity;
  #rules: typeof import("../certificates/expected-identity.ts") | undefined;

  constructor(expected: ServerIdentity) {
    this.#expected = expected;
  }

  /** Whether {@link IdentityCheck.check} can accept a server. */
  get isLoaded(): boolean {
    return this.#rules !== undefined;
  }

  async load(): Promise<void> {
    this.#rules ??= await import("../certificates/expected-identity.ts");
  }

  /** Why a certificate, in DER, is rejected; `undefined` if it has the identity. */
  readonly check = (certificate: Uint8Array): Error | undefined => {
    if (this.#rules === undefined) return new Error("the expected identity can't be checked yet");
    return this.#rules.checkExpectedIdentity(certificate, this.#expected);
  };
}
