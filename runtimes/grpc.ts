/**
 * A drop-in for programs that use `@grpc/grpc-js`: channel credentials whose trust reloads, so that a rotation of
 * the server's CA costs no call and no new channel. For Node.
 *
 * @example
 * ```ts
 * import { createSecureContextSource } from "@reanchor/reanchor/agents";
 * import { createGrpcCredentials } from "@reanchor/reanchor/grpc";
 * import { fileCaSource } from "@reanchor/reanchor/node";
 *
 * const trust = createSecureContextSource({ ca: fileCaSource("/etc/internal-ca/ca.crt") });
 * const credentials = createGrpcCredentials(trust);
 * // const client = new Billing("billing.internal:443", credentials);
 * console.log(typeof credentials.compose); // function
 * trust.close();
 * ```
 *
 * @module
 */

import type { ChannelCredentials } from "@grpc/grpc-js";
import type { SecureContextSource } from "./node/agents/secure-context-source.ts";
import { RotatingCredentials } from "./node/grpc/credentials.ts";

/**
 * Makes channel credentials whose trust reloads.
 *
 * Each connection of a channel has the trust of its moment. If the server is rejected, the CA bundle is read again
 * and the connection is tried again, before any call is sent. Closing the source ends the connections; the channel
 * remains the program's to close.
 *
 * @param source Whom to trust and what to show, as `createSecureContextSource` made it. Without its option `proxy`:
 * grpc-js has its own.
 * @returns Credentials, also to be combined with call credentials.
 *
 * @example
 * ```ts
 * import { createSecureContextSource } from "@reanchor/reanchor/agents";
 * import { createGrpcCredentials } from "@reanchor/reanchor/grpc";
 * import { fileCaSource } from "@reanchor/reanchor/node";
 *
 * const trust = createSecureContextSource({ ca: fileCaSource("/etc/internal-ca/ca.crt") });
 * const credentials = createGrpcCredentials(trust);
 * // const client = new Billing("billing.internal:443", credentials);
 * console.log(typeof credentials.compose); // function
 * trust.close();
 * ```
 */
export function createGrpcCredentials(source: SecureContextSource): ChannelCredentials {
  return new RotatingCredentials(source);
}
