/**
 * What a cluster shows and what its clients know of that: its CA, and the token of their service account. A rotation
 * replaces them here first, and there when they are published.
 *
 * @module
 */

import type { Clock } from "../runtime.ts";
import { type Authority, createAuthority } from "./authority.ts";

/** The name of the claim by which a token is told from others. */
const TOKEN_PREFIX = "fake-token-";

/** See the module. */
export class FakeIdentity {
  readonly #clock: Pick<Clock, "wallNow">;
  readonly #revoked = new Set<string>();
  #serving: Promise<Authority> | undefined;
  #knownCa: string | undefined;
  #issued = 1;
  #publishedToken: string;

  constructor(clock: Pick<Clock, "wallNow">) {
    this.#clock = clock;
    this.#publishedToken = this.token;
  }

  /** The token that is valid. */
  get token(): string {
    return `${TOKEN_PREFIX}${this.#issued}`;
  }

  /** The token that clients know. */
  get publishedToken(): string {
    return this.#publishedToken;
  }

  /** The authority of the cluster's certificate. */
  async serving(): Promise<Authority> {
    return await (this.#serving ??= createAuthority(this.#clock.wallNow()));
  }

  /** The CA bundle that clients know, as PEM. */
  async publishedCa(): Promise<string> {
    const { pem } = await this.serving();
    return (this.#knownCa ??= pem);
  }

  /** The same, once {@link publishedCa} has been asked for; empty before. */
  get knownCa(): string {
    return this.#knownCa ?? "";
  }

  /** Whether a request's `Authorization` header is not that of a token that a rotation has revoked. */
  accepts(authorization: string | null): boolean {
    return authorization === null || !this.#revoked.has(authorization.replace(/^Bearer +/i, ""));
  }

  /** Makes a CA that is to be the next. */
  async prepare(): Promise<Authority> {
    await this.publishedCa();
    return await createAuthority(this.#clock.wallNow());
  }

  /** Lets clients trust a CA beside those that they trust already. */
  addToBundle({ pem }: Authority): void {
    this.#knownCa = `${this.knownCa}${pem}`;
  }

  /** Replaces the CA and the token. */
  rotate(next: Authority): void {
    this.#revoked.add(this.token);
    this.#issued += 1;
    this.#serving = Promise.resolve(next);
  }

  /** Gives clients the token of this moment. */
  publishToken(): void {
    this.#publishedToken = this.token;
  }

  /** Gives clients the CA and the token of this moment. */
  async publish(): Promise<void> {
    this.#knownCa = (await this.serving()).pem;
    this.publishToken();
  }
}
