/**
 * The errors that reanchor throws. Each has a literal `name` and a stable `code`, and none carries a
 * token, a key or PEM text.
 *
 * @module
 */

/** Every stable {@link ReanchorError.code}. */
export type ReanchorErrorCode =
  | "ERR_REANCHOR_API"
  | "ERR_REANCHOR_CLOSED"
  | "ERR_REANCHOR_CONFIG"
  | "ERR_REANCHOR_CONNECTION"
  | "ERR_REANCHOR_DRAIN"
  | "ERR_REANCHOR_EXEC"
  | "ERR_REANCHOR_INVALID_MANIFEST"
  | "ERR_REANCHOR_INVALID_OBJECT"
  | "ERR_REANCHOR_MANIFESTS_FAILED"
  | "ERR_REANCHOR_ROLLOUT"
  | "ERR_REANCHOR_SOURCE"
  | "ERR_REANCHOR_TIMEOUT"
  | "ERR_REANCHOR_UNKNOWN_KIND"
  | "ERR_REANCHOR_UNTRUSTED_SERVER"
  | "ERR_REANCHOR_WAIT_FAILED";

// Registered, so that an error made by a second loaded copy of this package is recognised too.
const brand: unique symbol = Symbol.for("reanchor.error");

/** The base class of every error that reanchor makes. */
export abstract class ReanchorError extends Error {
  /** The class's name. */
  abstract override readonly name: string;
  /** What went wrong, in a form that does not change between releases. */
  abstract readonly code: ReanchorErrorCode;

  /** Creates the error; callers have no need to. */
  constructor(message?: string, options?: ErrorOptions) {
    super(message, options);
    Object.defineProperty(this, brand, { value: true });
  }

  /** What a log gets of it: its message as well, which `JSON.stringify` leaves out of other errors. */
  toJSON(): Record<string, unknown> {
    return Object.fromEntries([...Object.entries(this), ["message", this.message]]);
  }
}

/** Whether reanchor made an error, also by a second loaded copy of the package. */
export function isBranded(value: unknown): value is ReanchorError {
  return typeof value === "object" && value !== null && brand in value;
}

/** What is configured is missing, contradictory, or more than this runtime can honour. */
export class ConfigError extends ReanchorError {
  /** The class's name. */
  override readonly name = "ConfigError";
  /** See {@link ReanchorErrorCode}. */
  override readonly code = "ERR_REANCHOR_CONFIG";
}

/** Makes the error for what a runtime can't do, with what that runtime has to say in addition. */
export function toUnsupportedError(
  { unsupportedHint: hint }: { readonly unsupportedHint?: string },
  message: string,
): ConfigError {
  return new ConfigError(hint === undefined ? message : `${message}; ${hint}`);
}

/** Why a {@link SourceError} arose. */
export type SourceErrorReason =
  | "unreadable"
  | "empty"
  | "invalid"
  | "too-large"
  | "timeout"
  | "missing"
  | "denied"
  | "failed";

/** A CA bundle or a token could not be loaded. With a good value at hand, that one serves on. */
export class SourceError extends ReanchorError {
  /** The class's name. */
  override readonly name = "SourceError";
  /** See {@link ReanchorErrorCode}. */
  override readonly code = "ERR_REANCHOR_SOURCE";
  /** What kind of failure it was. */
  readonly reason: SourceErrorReason;

  /** Creates the error; callers have no need to. */
  constructor(message: string, reason: SourceErrorReason, options?: ErrorOptions) {
    super(message, options);
    this.reason = reason;
  }
}

/** Why a {@link UntrustedServerError} arose. */
export type UntrustedReason = "unknown-authority" | "expired" | "wrong-host";

/** What an {@link UntrustedServerError} says beside its message. */
export interface UntrustedServerDetails {
  /** `unknown-authority`: no anchor signed it; `expired`: it or its anchor is; `wrong-host`: it names others. */
  reason: UntrustedReason;
  /** The server's origin. */
  server: string;
  /** Where the trusted CA bundle came from; `undefined` if the runtime's own store was used. */
  caSource?: string | undefined;
  /** The fingerprint of the bundle that the server was checked against. */
  fingerprint?: string | undefined;
  /** How long the request waited for the server to be trusted again, in milliseconds. */
  waitedMs?: number | undefined;
}

/**
 * The server's certificate was rejected during the handshake, so nothing of the request was sent. The bundle was
 * read again before this was thrown, and over and over for up to `trustWaitMs` if the client had trusted the server
 * before. A wrong host name is an error at once, since no bundle can fix it.
 */
export class UntrustedServerError extends ReanchorError {
  /** The class's name. */
  override readonly name = "UntrustedServerError";
  /** See {@link ReanchorErrorCode}. */
  override readonly code = "ERR_REANCHOR_UNTRUSTED_SERVER";
  /** Why it was rejected. */
  readonly reason: UntrustedReason;
  /** The server's origin. */
  readonly server: string;
  /** Where the trusted CA bundle came from; `undefined` if the runtime's own store was used. */
  readonly caSource: string | undefined;
  /** The fingerprint of the bundle that the server was checked against. */
  readonly fingerprint: string | undefined;
  /** How long the request waited for the server to be trusted again, in milliseconds; 0 if it did not wait. */
  readonly waitedMs: number;

  /** Creates the error; callers have no need to. */
  constructor(message: string, details: UntrustedServerDetails, options?: ErrorOptions) {
    super(message, options);
    this.reason = details.reason;
    this.server = details.server;
    this.caSource = details.caSource;
    this.fingerprint = details.fingerprint;
    this.waitedMs = details.waitedMs ?? 0;
  }
}

/** The server could not be reached, or the connection was lost before the response's headers. */
export class ConnectionError extends ReanchorError {
  /** The class's name. */
  override readonly name = "ConnectionError";
  /** See {@link ReanchorErrorCode}. */
  override readonly code = "ERR_REANCHOR_CONNECTION";
}

/**
 * Something took longer than its time limit: a response's headers, an answer that stalls (`timeoutMs`), or what
 * was waited for.
 */
export class TimeoutError extends ReanchorError {
  /** The class's name. */
  override readonly name = "TimeoutError";
  /** See {@link ReanchorErrorCode}. */
  override readonly code = "ERR_REANCHOR_TIMEOUT";
}

/** One thing that a schema finds wrong. */
export interface SchemaIssue {
  /** What is wrong. */
  readonly message: string;
  /** Where in the object. */
  readonly path?: readonly (PropertyKey | { readonly key: PropertyKey })[] | undefined;
}

/** An object that the server returned does not match the schema of its kind. */
export class InvalidObjectError extends ReanchorError {
  /** The class's name. */
  override readonly name = "InvalidObjectError";
  /** See {@link ReanchorErrorCode}. */
  override readonly code = "ERR_REANCHOR_INVALID_OBJECT";
  /** Which object, as in `Widget default/a`. */
  readonly object: string;
  /** What is wrong with it. */
  readonly issues: readonly SchemaIssue[];

  /** Creates the error; callers have no need to. */
  constructor(object: string, issues: readonly SchemaIssue[]) {
    super(`Cannot use ${object}: ${issues.map(describeIssue).join("; ")}`);
    this.object = object;
    this.issues = issues;
  }
}

function describeIssue({ message, path = [] }: SchemaIssue): string {
  const keys = path.map((step) => (typeof step === "object" ? step.key : step));
  return keys.length === 0 ? message : `${keys.map(String).join(".")}: ${message}`;
}

/** The client was closed before or during the request. */
export class ClosedError extends ReanchorError {
  /** The class's name. */
  override readonly name = "ClosedError";
  /** See {@link ReanchorErrorCode}. */
  override readonly code = "ERR_REANCHOR_CLOSED";

  /** Creates the error; callers have no need to. */
  constructor(message = "Cannot continue: the client was closed", options?: ErrorOptions) {
    super(message, options);
  }
}

/** An object that is waited for will not become what is waited for. Its message says why. */
export class WaitFailedError extends ReanchorError {
  /** The class's name. */
  override readonly name = "WaitFailedError";
  /** See {@link ReanchorErrorCode}. */
  override readonly code = "ERR_REANCHOR_WAIT_FAILED";
}
