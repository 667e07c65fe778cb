/**
 * Servers whose certificate, private key and client CAs rotate without a restart, and without a connection that is
 * dropped.
 *
 * @example
 * ```ts
 * import { fileCaSource, fileServerCertSource } from "@reanchor/reanchor/server";
 *
 * const folder = "/etc/webhook/certs";
 * const options = {
 *   cert: fileServerCertSource({ certificate: `${folder}/tls.crt`, key: `${folder}/tls.key` }),
 *   clientCa: fileCaSource(`${folder}/ca.crt`),
 * };
 * // const server = createServer((request, response) => response.end("hello")); // of node:https
 * // const rotation = await rotateServer(server, options);
 * // server.listen(8443);
 * console.log(options.cert.status.kind); // server-certificate
 * ```
 *
 * @module
 */

import type { Server } from "node:tls";
import { systemClock } from "../src/runtime.ts";
import { type CaSource, bindFileCaSource } from "../src/sources/ca-source.ts";
import type { ClientCertFiles, ClientCertFunction } from "../src/sources/client-cert-source.ts";
import {
  type ServerCertSource,
  bindFileServerCertSource,
  bindFunctionServerCertSource,
} from "../src/sources/server-cert-source.ts";
import type { SourceHost, SourceOptions } from "../src/sources/source.ts";
import { nodeFiles } from "./_shared/node-files.ts";
import { checkCertificate } from "./_shared/openssl-anchors.ts";
import { requireHeldHandshakes } from "./_shared/present-runtime.ts";
import type { RotateServerOptions, RotatingServer } from "./server/rotating-server.ts";
import { checkServerOptions } from "./server/server-options.ts";
import { ServerRotation } from "./server/server-rotation.ts";

export type { ServerCert, ServerCertSource } from "../src/sources/server-cert-source.ts";
export type {
  ClientCaStatus,
  RotateServerOptions,
  RotatingServer,
  RotatingServerStatus,
  ServerCertStatus,
} from "./server/rotating-server.ts";

const host: SourceHost = {
  clock: systemClock,
  files: nodeFiles,
  checkCertificate,
  capabilities: { sharedReads: true },
};

/**
 * Rotates a server of `node:https`, `node:tls` or `node:http2`: from now on its certificate, its private key and,
 * with `clientCa`, the CAs of its clients are what the sources return.
 *
 * The values are looked at with each new connection, and read again as they age. A connection that finds them too old
 * waits ahead of its handshake until they are read. Open connections continue; those of clients that only a removed CA
 * has vouched for end at `drainTimeoutMs`, and no TLS session of theirs is resumed.
 *
 * Make the server without `cert`, `key`, `pfx` and `ca`. Its other options, such as `minVersion`, stay as they are.
 *
 * @param server The server, listening or not.
 * @param options What it shows, and whom it trusts; see {@link RotateServerOptions}.
 * @returns The rotation, once everything has been read.
 * @throws {ConfigError} if the server's options contradict the rotation, or this runtime can't rotate it.
 * @throws {SourceError} if something can't be read, or TLS can't use it; the server is then as it was.
 * @throws {TypeError | RangeError} if an option is none.
 *
 * @example
 * ```ts
 * import { createServer } from "node:https";
 * import { functionServerCertSource, rotateServer } from "@reanchor/reanchor/server";
 *
 * const server = createServer({ minVersion: "TLSv1.3" }, (_, response) => void response.end("hello"));
 * const cert = functionServerCertSource(() => {
 *   throw new Error("the secret store is down");
 * });
 * const error: unknown = await rotateServer(server, { cert }).catch((caught: unknown) => caught);
 * console.log(String(error)); // SourceError: Cannot load server certificate from function: the secret store is down
 * ```
 */
export async function rotateServer(
  server: Server,
  options: RotateServerOptions,
): Promise<RotatingServer> {
  requireHeldHandshakes("reanchor/server");
  const parts = { server, clock: systemClock, ...checkServerOptions(options) };
  return await new ServerRotation(parts).start();
}

/**
 * A server's certificate and private key from files that are read again as they age and before the certificate
 * expires; never one of before a rotation with one of after it.
 *
 * @param files The two files, or the path of one that holds both. They may be swapped, renamed over or written in
 * place.
 * @param options How often they are read.
 *
 * @example
 * ```ts
 * import { fileServerCertSource } from "@reanchor/reanchor/server";
 *
 * const folder = "/etc/webhook/tls";
 * const cert = fileServerCertSource({
 *   certificate: `${folder}/tls.crt`,
 *   key: `${folder}/tls.key`,
 * });
 * console.log(cert.status.kind); // server-certificate
 * ```
 */
export const fileServerCertSource: (
  files: ClientCertFiles | string,
  options?: SourceOptions,
) => ServerCertSource = /* @__PURE__ */ bindFileServerCertSource(host);

/**
 * A server's certificate and private key from a function, which is called as the pair ages and before the certificate
 * expires.
 *
 * @param read Gives the pair. Called again if the two do not belong together.
 * @param options How often it is called.
 */
export const functionServerCertSource: (
  read: ClientCertFunction,
  options?: SourceOptions,
) => ServerCertSource = /* @__PURE__ */ bindFunctionServerCertSource(host);

/**
 * The CAs of a server's clients from a file that is read again as it ages.
 *
 * @param path The file. It may be swapped, renamed over or written in place at any time.
 * @param options How often it is read.
 */
export const fileCaSource: (path: string, options?: SourceOptions) => CaSource =
  /* @__PURE__ */ bindFileCaSource(host);
