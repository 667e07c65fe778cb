/**
 * Connections of our own on Bun, for upgrades and for `http: "sockets"`.
 *
 * @module
 */

import type { PoolOptions, TlsSnapshot } from "../../src/runtime.ts";
import { anchorsForOpenSsl } from "../_shared/openssl-anchors.ts";
import type { Dialler } from "../_shared/dial.ts";
import { openTcp } from "../_shared/node-tcp.ts";
import { openTls } from "../_shared/tls-bytes.ts";

/** How the connections of a pool are made. */
export function bunDialler(trust: TlsSnapshot, options: PoolOptions): Dialler {
  const { ca, clientCert } = trust;
  const anchors = ca && anchorsForOpenSsl(ca);
  return {
    trust,
    options,
    openTcp,
    tls: (isProxy) => ({
      minVersion: "TLSv1.2",
      // As Go, a certificate that the bundle holds is an anchor, also if its own issuer is not there.
      ...(anchors && { ca: anchors, allowPartialTrustChain: true }),
      ...(!isProxy && clientCert && { cert: clientCert.certificate, key: clientCert.key }),
    }),
    openTls,
  };
}
