/**
 * The CA and the service account token of a cluster, and the copies that its clients read. A rotation
 * replaces the cluster's own first. Clients see the new ones once they are published.
 *
 * @module
 */

import type { Clock } from "../runtime.ts";
import { type Authority, createAuthority } from "./authority.ts";

/** The name of the claim that makes each token different. */
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

  /** The token that the cluster accepts. */
  get token(): string {
    return `${TOKEN_PREFIX}${this.#issued}`;
  }

  /** The token that clients read. */
  get publishedToken(): string {
    return this.#publishedToken;
  }

  /** The CA that signed the cluster's certificate. */
  async serving(): Promise<Authority> {
    return await (this.#serving ??= createAuthority(this.#clock.wallNow()));
  }

  /** The CA bundle that clients read, as PEM. */
  async publishedCa(): Promise<string> {
    const { pem } = await this.serving();
    return (this.#knownCa ??= pem);
  }

  /** The same, once {@link publishedCa} has been asked for; empty before. */
  get knownCa(): string {
    return this.#knownCa ?? "";
  }

  /** Whether a request's `Authorization` header is anything but a token that a rotation has revoked. */
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

  /** Lets clients read the current CA and token. */
  async publish(): Promise<void> {
    this.#knownCa = (await this.serving()).pem;
    this.publishToken();
  }
}
