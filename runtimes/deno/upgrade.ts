/**
 * Connections of their own on Deno. They trust nothing but the CA bundle, whatever requests do.
 *
 * @module
 */

import { derOf } from "../../src/certificates/pem.ts";
import { environmentProxy } from "../../src/config/environment-proxy.ts";
import type {
  PoolOptions,
  TlsSnapshot,
  TransportRequest,
  TransportResponse,
  UpgradedConnection,
} from "../../src/runtime.ts";
import { type Dialler, dialUpgrade } from "../_shared/dial-upgrade.ts";
import { anchorsForNodeTls } from "./http-client.ts";
import { checkChain } from "./check-chain.ts";
import { isDenied } from "./permissions.ts";
import { deno } from "./shim.ts";
import { openTcp } from "./tcp.ts";

/**
 * See {@link Transport.upgrade}.
 *
 * @param followsEnvironment Whether Deno itself sends requests through the proxy that the environment names.
 */
export async function upgradeOnDeno(
  given: TlsSnapshot,
  options: PoolOptions,
  followsEnvironment: boolean,
  url: string,
  request: TransportRequest,
): Promise<UpgradedConnection | TransportResponse> {
  const proxy = given.proxy ?? (followsEnvironment ? await ownProxy(new URL(url)) : undefined);
  const trust = { ...given, proxy };
  const { ca: bundle, clientCert } = trust;
  const ca = bundle && anchorsForNodeTls(bundle).map(({ pem }) => pem);
  const anchors = ca?.map(derOf);
  const dialler: Dialler = {
    trust,
    options,
    openTcp,
    tls: (isProxy) => ({
      minVersion: "TLSv1.2",
      ...(ca && { ca }),
      ...(!isProxy && clientCert && { cert: clientCert.certificate, key: clientCert.key }),
    }),
    checkChain: (certificate, onPath) => checkChain(certificate, anchors, onPath),
  };
  return await dialUpgrade(dialler, url, request);
}

async function ownProxy(server: URL): Promise<URL | undefined> {
  const env = (name: string) => (isDenied("env", name) ? undefined : deno().env.get(name));
  const proxy = await environmentProxy({ env }, server);
  if (proxy === undefined) return undefined;
  return URL.parse(proxy) ?? undefined;
}
