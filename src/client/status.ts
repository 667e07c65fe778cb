/**
 * What `kube.status()` returns.
 *
 * @module
 */

import type { TrustAnchor } from "../events.ts";
import type { SourceStatus } from "../sources/source.ts";
import type { GenerationStatus } from "../rotation/generation.ts";

/** How the CA bundle is doing. */
export interface CaStatus extends SourceStatus {
  /** The bundle's fingerprint; `undefined` before it was first read. */
  readonly fingerprint: string | undefined;
  /** Who is trusted. */
  readonly anchors: readonly TrustAnchor[];
}

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
  /** The API server's URL. */
  readonly server: string;
  /** The namespace that it works in. */
  readonly namespace: string;
  /** Whether it was closed. */
  readonly closed: boolean;
  /** The CA bundle; `undefined` where the runtime's own store is used. */
  readonly ca: CaStatus | undefined;
  /** The token; `undefined` where there is none. */
  readonly token: SourceStatus | undefined;
  /** The client certificate; `undefined` where there is none. */
  readonly clientCert: ClientCertStatus | undefined;
  /** The kubeconfig; `undefined` where the config is another one. */
  readonly kubeconfig: SourceStatus | undefined;
  /**
   * Whether the server's certificate may go unverified: the config says so, or a flag of the runtime, which on
   * Deno is `--unsafely-ignore-certificate-errors`.
   */
  readonly insecure: boolean;
  /** The pools that have connections: the one in use, and retired ones that still drain. */
  readonly generations: readonly GenerationStatus[];
}
