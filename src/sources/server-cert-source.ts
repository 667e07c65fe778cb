/**
 * What a server shows its clients: its certificate and private key, read again while it runs, and always as a pair.
 *
 * @module
 */

import { kindOf } from "../options.ts";
import { type CertPairUse, createCertPairSource, readPairFiles } from "./cert-pair-source.ts";
import type { ClientCert, ClientCertFiles, ClientCertFunction } from "./client-cert.ts";
import type { Source, SourceHost, SourceOptions } from "./source.ts";

/** A server's certificate with its private key, in the form that a client's has. */
export interface ServerCert extends ClientCert {}

/** A source of server certificates. */
export interface ServerCertSource extends Source<ServerCert> {}

const serverUse: CertPairUse = {
  kind: "server-certificate",
  what: "server certificate",
  label: "ServerCert",
  changed: (details) => ({ type: "server-cert-reloaded", ...details }),
};

/** A server certificate from files; see `bindFileClientCertSource`. */
export function bindFileServerCertSource(
  host: SourceHost,
): (files: ClientCertFiles | string, options?: SourceOptions) => ServerCertSource {
  return (files, options) => {
    const origin = readPairFiles(host, files, {
      maker: "fileServerCertSource",
      what: "server certificate",
      advice: "use functionServerCertSource",
    });
    return createCertPairSource(host, { ...serverUse, ...origin }, options);
  };
}

/** A server certificate from a function, as a secret store or another API gives it. */
export function bindFunctionServerCertSource(
  host: SourceHost,
): (read: ClientCertFunction, options?: SourceOptions) => ServerCertSource {
  return (read, options) => {
    if (typeof read !== "function") {
      throw new TypeError(
        `Cannot make a server certificate source: expected a function, not ${kindOf(read)}`,
      );
    }
    return createCertPairSource(host, { ...serverUse, source: "function", read }, options);
  };
}
