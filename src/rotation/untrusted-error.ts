/**
 * The error for a server whose certificate was rejected: who was trusted, from where, how old, and what to do. Loaded
 * with the code of waiting for trust, or when the first server of all is rejected.
 *
 * @module
 */

import { cleanCause } from "../clean-cause.ts";
import { type UntrustedReason, UntrustedServerError } from "../errors.ts";
import type { CaBundle } from "../sources/ca-source.ts";
import type { SourceStatus } from "../sources/source.ts";

/** Subjects of more anchors than this make no message clearer. */
const MAX_NAMED_ANCHORS = 5;

/** Which server was rejected, and by whom. */
export interface Rejection {
  readonly reason: UntrustedReason;
  /** The server's origin, or its host and port if there is no URL. */
  readonly server: string;
  /** The name that the certificate had to carry. */
  readonly name: string;
  /** The bundle that the server was verified against; `undefined` for the runtime's default store. */
  readonly bundle: CaBundle | undefined;
  /** How the bundle's source is doing. */
  readonly status: SourceStatus | undefined;
  /** What to do. @default what the reason suggests */
  readonly advice?: string | undefined;
}

/** Makes the error. */
export function untrustedServerError(rejection: Rejection, cause: unknown): UntrustedServerError {
  const { reason, server, bundle, status } = rejection;
  const advice = rejection.advice ?? adviceFor(rejection, cause);
  const message = `Cannot trust ${server} (${reason}): ${trusted(bundle, status)}; ${advice}`;
  const caSource = status?.source;
  const fingerprint = bundle?.fingerprint;
  const details = { reason, server, caSource, fingerprint };
  return new UntrustedServerError(message, details, { cause: cleanCause(cause) });
}

function adviceFor({ reason, name }: Rejection, cause: unknown): string {
  // It says who was expected, and who it is.
  if (cause instanceof Error && cause.name === "IdentityError") return cause.message;
  switch (reason) {
    case "unknown-authority":
      return "check that this is where the CA arrives that signs the server's certificate now";
    case "expired":
      return "its certificate, or the anchor that signed it, has expired; renew it, and check this machine's clock";
    case "wrong-host":
      return `its certificate is valid for other names than ${name}; connect by a name that it carries`;
  }
}

function trusted(bundle: CaBundle | undefined, status: SourceStatus | undefined): string {
  if (bundle === undefined || status === undefined) return "the runtime's default store was used";
  const anchors = bundle.anchors
    .slice(0, MAX_NAMED_ANCHORS)
    .map(({ subject, fingerprint }) => `${subject} sha256:${fingerprint.slice(0, 16)}`);
  if (bundle.anchors.length > anchors.length) {
    anchors.push(`${bundle.anchors.length - anchors.length} more`);
  }
  const age = status.ageMs === undefined ? "" : `, read ${Math.round(status.ageMs)} ms ago`;
  const failed = status.lastError === undefined ? "" : `, last reload failed: ${status.lastError}`;
  return `the anchors were ${anchors.join(", ")} from ${status.source}${age}${failed}`;
}

/** The same error, and how long the request has waited for trust. */
export function withWait(
  { message, reason, server, caSource, fingerprint, cause }: UntrustedServerError,
  more: string,
  waitedMs: number,
): UntrustedServerError {
  const details = { reason, server, caSource, fingerprint, waitedMs };
  return new UntrustedServerError(`${message}; ${more}`, details, { cause });
}
