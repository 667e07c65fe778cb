/**
 * Where identity comes from that is shown in the handshake: a client certificate and its private key,
 * read again while the program runs, and always as a pair.
 *
 * @module
 */

import { checkKnown, checkObject, kindOf } from "../options.ts";
import {
  type CertPairOrigin,
  type CertPairUse,
  createCertPairSource,
  loadPairs,
  readPairFiles,
} from "./cert-pair-source.ts";
import type {
  ClientCert,
  ClientCertFiles,
  ClientCertFunction,
  ClientCertPem,
} from "./client-cert.ts";
import { createFixedSource } from "./fixed-source.ts";
import type { Source, SourceHost, SourceOptions } from "./source.ts";

export type { ClientCert, ClientCertFiles, ClientCertFunction, ClientCertPem };

/** A source of client certificates. */
export interface ClientCertSource extends Source<ClientCert> {}

/**
 * A client certificate from files that may be swapped, renamed over or written in place at any time, the
 * one before the other: never the certificate of one pair with the key of the next.
 */
export function bindFileClientCertSource(
  runtime: SourceHost,
): (files: ClientCertFiles | string, options?: SourceOptions) => ClientCertSource {
  return (files, options) => {
    const origin = readPairFiles(runtime, files, {
      maker: "fileClientCertSource",
      what: "client certificate",
      advice: "use what the platform has for client certificates and pass its fetch",
    });
    return createClientCertSource(runtime, origin, options);
  };
}

/** A client certificate from a function, as a secret store or another API gives it. */
export function bindFunctionClientCertSource(
  runtime: SourceHost,
): (read: ClientCertFunction, options?: SourceOptions) => ClientCertSource {
  return (read, options) => {
    if (typeof read !== "function") {
      throw new TypeError(
        `Cannot make a client certificate source: expected a function, not ${kindOf(read)}`,
      );
    }
    return createClientCertSource(runtime, { source: "function", read }, options);
  };
}

/**
 * A client certificate that never changes.
 *
 * @param pem The certificate, with any intermediates after it, and its private key.
 * @returns A source that always returns them. Its first use, which `connect()` makes, throws a
 * {@link SourceError} if one of them is malformed, or if they do not belong together.
 * @throws {TypeError} if one of them is missing.
 *
 * @example
 * ```ts
 * import { SourceError, staticClientCertSource } from "@reanchor/reanchor";
 *
 * const source = staticClientCertSource({ certificate: "no certificate here", key: "no key here" });
 * const error: unknown = await source.current().catch((caught: unknown) => caught);
 * if (error instanceof SourceError) console.log(error.reason); // invalid
 * ```
 */
export function staticClientCertSource(pem: ClientCertPem): ClientCertSource {
  checkObject("the options of staticClientCertSource", pem, "pass both as PEM");
  checkKnown("staticClientCertSource", pem, ["certificate", "key"]);
  for (const part of ["certificate", "key"] as const) {
    if (pem[part] !== undefined) continue;
    throw new TypeError(`Cannot make a client certificate source: ${part} is missing`);
  }
  const load = async (): Promise<ClientCert> => {
    const { createStaticClientCertSource } = await loadPairs();
    return await createStaticClientCertSource(pem, { source: "memory" }).current();
  };
  return createFixedSource(load, { kind: "client-certificate" });
}

/** Makes a source of client certificates from wherever a function reads them. */
export function createClientCertSource(
  runtime: SourceHost,
  origin: CertPairOrigin,
  options?: SourceOptions,
): ClientCertSource {
  return createCertPairSource(runtime, { ...clientUse, ...origin }, options);
}

const clientUse: CertPairUse = {
  kind: "client-certificate",
  what: "client certificate",
  label: "ClientCert",
  changed: (details) => ({ type: "client-cert-reloaded", ...details }),
};
