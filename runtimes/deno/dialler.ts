/**
 * Connections of our own on Deno, for upgrades and for `http: "sockets"`. They trust nothing but the CA bundle:
 * `fetch` there adds a bundle to its default store.
 *
 * @module
 */

import { derOf } from "../../src/certificates/pem.ts";
import type { PoolOptions, TlsSnapshot } from "../../src/runtime.ts";
import type { Dialler } from "../_shared/dial.ts";
import { checkChain } from "./check-chain.ts";
import { anchorsForNodeTls } from "./http-client.ts";
import { openTcp } from "./tcp.ts";
import { canHold, openTls } from "./tls.ts";

/** How the connections of a pool are made. */
export function denoDialler(trust: TlsSnapshot, options: PoolOptions): Dialler {
  const { ca: bundle, clientCert } = trust;
  const ca = bundle && anchorsForNodeTls(bundle).map(({ pem }) => pem);
  const anchors = ca?.map(derOf);
  return {
    trust,
    options,
    openTcp,
    ...(canHold() && { openTls }),
    tls: (isProxy) => ({
      minVersion: "TLSv1.2",
      ...(ca && { ca }),
      ...(!isProxy && clientCert && { cert: clientCert.certificate, key: clientCert.key }),
    }),
    checkChain: (certificate, onPath) => checkChain(certificate, anchors, onPath),
  };
}
