/**
 * Which failures are the rejection of a server's certificate.
 *
 * @module
 */

import type { UntrustedReason } from "../errors.ts";
import type { Failure } from "../runtime.ts";

/** The code of a failure that is the rejection of an https proxy, if the runtime knows. */
export const PROXY_UNTRUSTED = "ERR_PROXY_UNTRUSTED";

/** Whether it was the proxy that was rejected, on the way to the server. */
export function isProxyRejection(error: unknown): boolean {
  return error instanceof Error && "code" in error && error.code === PROXY_UNTRUSTED;
}

/** Whether a failure is a rejection of the server's certificate. */
export function isUntrusted(failure: Failure): failure is UntrustedReason {
  return failure === "unknown-authority" || failure === "expired" || failure === "wrong-host";
}
