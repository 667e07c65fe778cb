/**
 * What `kube.status()` returns.
 *
 * @module
 */

import type { CaStatus } from "../rotation/anchor-use.ts";
import type { SourceStatus } from "../sources/source.ts";
import type { GenerationStatus } from "../rotation/generation.ts";
import type { TrustWaitStatus } from "../rotation/trust-renewal.ts";
import type { RequestFailure } from "./health.ts";

/** How the client certificate is doing. */
export interface ClientCertStatus extends SourceStatus {
  /** Its fingerprint; `undefined` before it was first read, or where there is none now. */
  readonly fingerprint: string | undefined;
  /** Its subject's distinguished name by RFC 4514. */
  readonly subject: string | undefined;
  /** Until when it is valid, in milliseconds since the epoch. */
  readonly notAfter: number | undefined;
}

/** How a client is doing: enough for a health endpoint, and no secret. */
export interface ClientStatus {
  /**
   * Whether requests can be expected to succeed. It is `false` after the server was rejected as untrusted, after a
   * 401 on this client's own credentials and after a request for which there was no credential to send, until the
   * next request succeeds. It is also `false` while requests wait for trust, while a source is stale, and once the
   * client is closed.
   *
   * A program is ready if this is `true` and `lastSuccessAt` is defined. Never use it to decide whether a program
   * is alive: every pod would restart during an outage, and a restart does not end the outage.
   */
  readonly healthy: boolean;
  /**
   * When a request last succeeded, in milliseconds since the epoch; `undefined` before the first. A request
   * succeeds if the API server answers it with any status below 500 but 401 and 429.
   */
  readonly lastSuccessAt: number | undefined;
  /** How a request last failed, also if others have succeeded since; `undefined` before the first failure. */
  readonly lastFailure: RequestFailure | undefined;
  /** The API server's URL. */
  readonly server: string;
  /** The namespace that it works in. */
  readonly namespace: string;
  /** Whether it was closed. */
  readonly closed: boolean;
  /** The CA bundle; `undefined` if the runtime's own store is used. */
  readonly ca: CaStatus | undefined;
  /** The token; `undefined` if there is none. */
  readonly token: SourceStatus | undefined;
  /** The client certificate; `undefined` if there is none. */
  readonly clientCert: ClientCertStatus | undefined;
  /** The kubeconfig; `undefined` if the config is another one. */
  readonly kubeconfig: SourceStatus | undefined;
  /**
   * Whether the server's certificate may go unverified: the config says so, or a flag of the runtime, which on
   * Deno is `--unsafely-ignore-certificate-errors`.
   */
  readonly insecure: boolean;
  /** The pools that have connections: the one in use, and retired ones that still drain. */
  readonly generations: readonly GenerationStatus[];
  /**
   * The server that requests wait for, since it is not trusted for a while (see `trustWaitMs`); empty if none does.
   */
  readonly waitingForTrust: readonly TrustWaitStatus[];
}
