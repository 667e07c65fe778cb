/**
 * What a server whose certificate rotates looks like to its owner.
 *
 * @module
 */

import type { EventListener, TrustAnchor } from "../../src/events.ts";
import type { CaSource } from "../../src/sources/ca-source.ts";
import type { ServerCertSource } from "../../src/sources/server-cert-source.ts";
import type { SourceStatus } from "../../src/sources/source.ts";

/** What a server shows, whom it trusts, and how connections wait and end. */
export interface RotateServerOptions {
  /** The server's certificate and private key. */
  cert: ServerCertSource;
  /**
   * The CAs that sign the certificates of clients. With it, every client is asked for a certificate, and one without
   * a trusted certificate is rejected during the handshake, unless the server was made with
   * `rejectUnauthorized: false`: then look at `socket.authorized`. Without it, the server treats its clients as it was
   * made to.
   */
  clientCa?: CaSource | undefined;
  /**
   * How long a connection may continue with what it carries once its client is trusted no more, in milliseconds.
   *
   * @default 30_000
   */
  drainTimeoutMs?: number | undefined;
  /**
   * How long new connections wait for a read at most, in milliseconds. Past it, they are served by the last good
   * values.
   *
   * @default 10_000
   */
  holdTimeoutMs?: number | undefined;
  /**
   * How many new connections may wait at once. Those beyond it are closed.
   *
   * @default 1_000
   */
  maxHeldConnections?: number | undefined;
  /**
   * How long before the server's certificate or an anchor of `clientCa` expires a `server-cert-expiring` or
   * `ca-expiring` event is emitted, in milliseconds; as for clients.
   *
   * @default 30, 7 and 1 days, or a fifth, a twentieth and a hundredth of the certificate's lifetime if that is less
   */
  warnBeforeExpiryMs?: readonly number[] | undefined;
  /** Called with each event. What it throws is dropped. */
  onEvent?: EventListener | undefined;
}

/** How a server's certificate is doing. */
export interface ServerCertStatus extends SourceStatus {
  /** The fingerprint of the certificate that new connections get. */
  readonly fingerprint: string | undefined;
  /** Its subject's distinguished name by RFC 4514. */
  readonly subject: string | undefined;
  /** From when it is valid, in milliseconds since the epoch. */
  readonly notBefore: number | undefined;
  /** Until when it is valid, in milliseconds since the epoch. */
  readonly notAfter: number | undefined;
}

/** How the CAs of a server's clients are doing. */
export interface ClientCaStatus extends SourceStatus {
  /** The fingerprint of the bundle that new connections are verified by. */
  readonly fingerprint: string | undefined;
  /** Who may vouch for clients. */
  readonly anchors: readonly TrustAnchor[];
}

/** How a server's rotation is doing: enough for a health endpoint, and no secret. */
export interface RotatingServerStatus {
  /**
   * Whether clients can be expected to trust this server, and to be trusted: `false` while its certificate is outside
   * its dates, while a source is stale, while a value that was read can't be used, and once the rotation is closed.
   */
  readonly healthy: boolean;
  /** Whether it was closed. */
  readonly closed: boolean;
  /** The server's certificate. */
  readonly cert: ServerCertStatus;
  /** The CAs of its clients; `undefined` if they don't rotate. */
  readonly clientCa: ClientCaStatus | undefined;
  /** Why TLS can't use what was read last, so that earlier values are used; `undefined` if it can. */
  readonly unusable: string | undefined;
  /** How many connections are open, those whose handshake has not ended among them. */
  readonly connections: number;
  /** How many connections are open besides, of clients that are trusted no more. */
  readonly draining: number;
  /** How many connections wait ahead of their handshake. */
  readonly held: number;
}

/** The rotation of a server. */
export interface RotatingServer extends Disposable {
  /** How it is doing. */
  status(): RotatingServerStatus;
  /**
   * Ends the rotation. Close the server first: it rejects new connections from then on, since nothing would keep its
   * certificate and its clients' CAs up to date. Open connections continue, except those of clients that are trusted
   * no more.
   */
  close(): void;
}
