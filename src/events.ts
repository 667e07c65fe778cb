/**
 * What a client emits to `onEvent`: enough to log and count every rotation, and no secret.
 *
 * @module
 */

import { callSafely } from "./callback.ts";
import type { InvalidObjectError, SourceError, UntrustedReason } from "./errors.ts";

/** A certificate authority that is trusted to sign the server's certificate. */
export interface TrustAnchor {
  /** The subject's distinguished name by RFC 4514, as in `CN=kubernetes`. */
  readonly subject: string;
  /** The issuer's, in the same form: the subject itself if the certificate is self-signed. */
  readonly issuer: string;
  /** The SHA-256 of the certificate's DER encoding, in hexadecimal. */
  readonly fingerprint: string;
  /** The subject key identifier in hexadecimal; `undefined` if the certificate has none. */
  readonly keyIdentifier: string | undefined;
  /** From when it is valid, in milliseconds since the epoch. */
  readonly notBefore: number;
  /** Until when it is valid, in milliseconds since the epoch. */
  readonly notAfter: number;
}

/** What kind of thing a source gives. */
export type SourceKind =
  | "ca"
  | "token"
  | "client-certificate"
  | "server-certificate"
  | "kubeconfig"
  | "exec";

/** The CA bundle's set of anchors changed. */
export interface CaReloadedEvent {
  /** Which event this is. */
  readonly type: "ca-reloaded";
  /** Where it was read from. */
  readonly source: string;
  /** The bundle's fingerprint. */
  readonly fingerprint: string;
  /** The fingerprint of the bundle before. */
  readonly previousFingerprint: string;
  /** The anchors that are new. */
  readonly added: readonly TrustAnchor[];
  /** The anchors that are gone. */
  readonly removed: readonly TrustAnchor[];
}

/** The CA bundle was read again and holds the same anchors. */
export interface CaUnchangedEvent {
  /** Which event this is. */
  readonly type: "ca-unchanged";
  /** Where it was read from, as in `file /etc/ca.crt`. */
  readonly source: string;
  /** The bundle's fingerprint. */
  readonly fingerprint: string;
}

/** The token was read again and is another one. */
export interface TokenReloadedEvent {
  /** Which event this is. */
  readonly type: "token-reloaded";
  /** Where it was read from, as in `file /etc/ca.crt`. */
  readonly source: string;
  /** The token's `exp`, in milliseconds since the epoch, where it is a JWT that has one. */
  readonly expiresAt: number | undefined;
}

/** The client certificate was read again and is another one. */
export interface ClientCertReloadedEvent {
  /** Which event this is. */
  readonly type: "client-cert-reloaded";
  /** Where it was read from. */
  readonly source: string;
  /** The subject's distinguished name by RFC 4514, as in `O=system:masters,CN=admin`. */
  readonly subject: string;
  /** Until when it is valid, in milliseconds since the epoch. */
  readonly notAfter: number;
  /** Its fingerprint. */
  readonly fingerprint: string;
  /** The fingerprint of the one before. */
  readonly previousFingerprint: string;
}

/** What a warning says of a certificate that is about to expire. */
export interface ExpiringCertificate {
  /** Where it was read from. */
  readonly source: string;
  /** The subject's distinguished name. */
  readonly subject: string;
  /** Its fingerprint. */
  readonly fingerprint: string;
  /** Until when it is valid, in milliseconds since the epoch. */
  readonly notAfter: number;
  /** How long that is from now, in milliseconds; negative if it has expired. */
  readonly expiresInMs: number;
  /** Which distance of `warnBeforeExpiryMs` has been reached. */
  readonly distanceMs: number;
}

/** A trust anchor is about to expire. Emitted once for each anchor and distance. */
export interface CaExpiringEvent extends ExpiringCertificate {
  /** Which event this is. */
  readonly type: "ca-expiring";
  /** Whether chains of servers lead to it, as in `status()`: if not, there is another one that they lead to. */
  readonly inUse: boolean | undefined;
}

/**
 * The client certificate is about to expire, and no newer one is there yet. Emitted once for each certificate and
 * distance.
 */
export interface ClientCertExpiringEvent extends ExpiringCertificate {
  /** Which event this is. */
  readonly type: "client-cert-expiring";
}

/** The certificate of a server was read again and is another one. */
export interface ServerCertReloadedEvent {
  /** Which event this is. */
  readonly type: "server-cert-reloaded";
  /** Where it was read from. */
  readonly source: string;
  /** The subject's distinguished name by RFC 4514; often empty, since clients look at other names. */
  readonly subject: string;
  /** Until when it is valid, in milliseconds since the epoch. */
  readonly notAfter: number;
  /** Its fingerprint. */
  readonly fingerprint: string;
  /** The fingerprint of the one before. */
  readonly previousFingerprint: string;
}

/**
 * The certificate of a server is about to expire, and no newer one is there yet. Emitted once for each certificate and
 * distance.
 */
export interface ServerCertExpiringEvent extends ExpiringCertificate {
  /** Which event this is. */
  readonly type: "server-cert-expiring";
}

/** Connections of clients that a server no longer trusts will be closed. */
export interface ClientsRetiredEvent {
  /** Which event this is. */
  readonly type: "clients-retired";
  /** Where the bundle of client CAs was read from. */
  readonly source: string;
  /** The fingerprint of the bundle that no longer trusts them. */
  readonly fingerprint: string;
  /** How many connections these are. Idle ones are closed at once. */
  readonly connections: number;
  /** How long the others have to end by themselves, in milliseconds. */
  readonly drainTimeoutMs: number;
}

/** A server closed new connections that waited for its certificate. Emitted once a read, not once a connection. */
export interface ConnectionsDroppedEvent {
  /** Which event this is. */
  readonly type: "connections-dropped";
  /** `too-many` waited at once, or there is `no-certificate` to serve them with. */
  readonly reason: "too-many" | "no-certificate";
  /** How many. */
  readonly connections: number;
}

/** An exec plugin was run again and gave another credential. */
export interface ExecCredentialReloadedEvent {
  /** Which event this is. */
  readonly type: "exec-credential-reloaded";
  /** Which plugin. */
  readonly source: string;
  /** Until when the plugin says it is valid, in milliseconds since the epoch. */
  readonly expiresAt: number | undefined;
}

/** The kubeconfig changed: requests from now on go by the new one. */
export interface KubeconfigReloadedEvent {
  /** Which event this is. */
  readonly type: "kubeconfig-reloaded";
  /** Which files. */
  readonly source: string;
  /** The context that is used now. */
  readonly context: string | undefined;
  /** The API server that it names. */
  readonly server: string;
}

/** The server's certificate is not verified: anyone on the network path can read and change everything. */
export interface InsecureEvent {
  /** Which event this is. */
  readonly type: "insecure";
  /** The server's origin; `undefined` from `createFetch()`, which may send to any. */
  readonly server: string | undefined;
  /**
   * What turned verification off: `insecureSkipTlsVerify` in the `config`, or a `runtime-flag` with which the
   * program was started, such as Deno's `--unsafely-ignore-certificate-errors`.
   */
  readonly reason: "config" | "runtime-flag";
}

/** A read failed. The last good value serves on. */
export interface ReloadFailedEvent {
  /** Which event this is. */
  readonly type: "reload-failed";
  /** What was to be read. */
  readonly kind: SourceKind;
  /** Where it was read from, as in `file /etc/ca.crt`. */
  readonly source: string;
  /** Why, and where; its message names both. */
  readonly error: SourceError;
  /** How many reads have failed in a row. */
  readonly failures: number;
  /** When a use will try again at the earliest, in milliseconds from now. */
  readonly retryInMs: number;
}

/** No read has been good for three intervals. Said once, until one is good again. */
export interface StaleEvent {
  /** Which event this is. */
  readonly type: "stale";
  /** What was to be read. */
  readonly kind: SourceKind;
  /** Where it was read from, as in `file /etc/ca.crt`. */
  readonly source: string;
  /** The time since the last good read, in milliseconds. */
  readonly ageMs: number;
}

/** New requests go to a new pool of connections. */
export interface GenerationOpenedEvent {
  /** Which event this is. */
  readonly type: "generation-opened";
  /** Its number, counted from 1. */
  readonly generation: number;
  /** The CA bundle that it trusts; `undefined` for the runtime's own store. */
  readonly fingerprint: string | undefined;
  /** The client certificate that it shows; `undefined` if there is none. */
  readonly clientCertFingerprint: string | undefined;
}

/** A pool takes no more requests: its idle connections are closed, the others end by themselves. */
export interface GenerationRetiredEvent {
  /** Which event this is. */
  readonly type: "generation-retired";
  /** Its number, counted from 1. */
  readonly generation: number;
  /** The bundle's fingerprint. */
  readonly fingerprint: string | undefined;
  /** The client certificate's fingerprint. */
  readonly clientCertFingerprint: string | undefined;
}

/**
 * A server was rejected that this client has verified before. Requests to it wait until it is trusted again, and
 * nothing is sent to it. Emitted once, however many requests wait.
 */
export interface WaitingForTrustEvent {
  /** Which event this is. */
  readonly type: "waiting-for-trust";
  /** The server, as in `https://10.0.0.1:6443`. */
  readonly server: string;
  /** Why it was rejected. */
  readonly reason: UntrustedReason;
  /** Where the CA bundle was read from that does not vouch for it. */
  readonly source: string | undefined;
  /** How long each request waits at most, in milliseconds. */
  readonly limitMs: number;
}

/** Requests no longer wait for a server to be trusted. */
export interface WaitedForTrustEvent {
  /** Which event this is. */
  readonly type: "waited-for-trust";
  /** The server, as in `https://10.0.0.1:6443`. */
  readonly server: string;
  /** Whether it is trusted again. If not, every request has failed or was ended, or now has another server. */
  readonly trusted: boolean;
  /** How long the wait took, from the first request on, in milliseconds. */
  readonly waitedMs: number;
}

/** A request is sent again. */
export interface RetryEvent {
  /** Which event this is. */
  readonly type: "retry";
  /** What went wrong the first time. */
  readonly reason: "untrusted-server" | "unauthorized" | "connection-lost" | "retry-after";
  /** The request's method. */
  readonly method: string;
  /** The URL's path, without its query. */
  readonly path: string;
  /** How long it waits first, in milliseconds. */
  readonly delayMs: number;
}

/**
 * The server warns in a successful response, of a deprecated version or a field that it ignores; or something in
 * the kubeconfig is ignored.
 */
export interface WarningEvent {
  /** Which event this is. */
  readonly type: "warning";
  /** What is wrong. */
  readonly message: string;
  /** The request's method; `undefined` if the warning is about the kubeconfig. */
  readonly method?: string | undefined;
  /** The URL's path, without its query; `undefined` if the warning is about the kubeconfig. */
  readonly path?: string | undefined;
  /** Which kubeconfig; `undefined` if the server warns. */
  readonly source?: string | undefined;
}

/** A watch, an informer or a log lost its connection, and resumes after a delay. */
export interface WatchInterruptedEvent {
  /** Which event this is. */
  readonly type: "watch-interrupted";
  /** The URL's path, without its query. */
  readonly path: string;
  /** Why. */
  readonly error: Error;
  /** How long it waits first, in milliseconds. */
  readonly delayMs: number;
}

/** An object from the server does not match its schema. It was still returned. */
export interface InvalidObjectEvent {
  /** Which event this is. */
  readonly type: "invalid-object";
  /** Which object, and what is wrong with it. */
  readonly error: InvalidObjectError;
}

/** A handler of an informer threw, or its promise was rejected. The informer continues. */
export interface HandlerFailedEvent {
  /** Which event this is. */
  readonly type: "handler-failed";
  /** The URL's path of what the informer follows. */
  readonly path: string;
  /** What it threw. */
  readonly error: unknown;
}

/** An informer has ended, though nobody stopped it: what it holds is no longer kept up to date. */
export interface InformerFailedEvent {
  /** Which event this is. */
  readonly type: "informer-failed";
  /** The URL's path of what it followed. */
  readonly path: string;
  /** Why. */
  readonly error: unknown;
}

/** Everything that `onEvent` may be called with. */
export type ReanchorEvent =
  | CaReloadedEvent
  | CaUnchangedEvent
  | TokenReloadedEvent
  | ClientCertReloadedEvent
  | CaExpiringEvent
  | ClientCertExpiringEvent
  | ServerCertReloadedEvent
  | ServerCertExpiringEvent
  | ClientsRetiredEvent
  | ConnectionsDroppedEvent
  | ExecCredentialReloadedEvent
  | KubeconfigReloadedEvent
  | InsecureEvent
  | ReloadFailedEvent
  | StaleEvent
  | GenerationOpenedEvent
  | GenerationRetiredEvent
  | WaitingForTrustEvent
  | WaitedForTrustEvent
  | RetryEvent
  | WarningEvent
  | WatchInterruptedEvent
  | InvalidObjectEvent
  | HandlerFailedEvent
  | InformerFailedEvent;

/**
 * Receives events. It may be asynchronous; its promise is not awaited. What it throws or rejects with is
 * dropped: an observer never fails what it observes.
 */
export type EventListener = (event: ReanchorEvent) => unknown;

/** Calls a listener so that its failures stay its own. */
export function notify(listener: EventListener | undefined, event: ReanchorEvent): void {
  if (listener !== undefined) callSafely(() => listener(event), drop);
}

function drop(): void {}
