/**
 * Connections of their own on Deno. They trust nothing but the CA bundle, whatever requests do.
 *
 * @module
 */

import { environmentProxy } from "../../src/config/environment-proxy.ts";
import type {
  PoolOptions,
  TlsSnapshot,
  TransportRequest,
  TransportResponse,
  UpgradedConnection,
} from "../../src/runtime.ts";
import type { Dialler } from "../_shared/dial.ts";
import { dialProbe, dialUpgrade } from "../_shared/dial-upgrade.ts";
import { isDenied } from "./permissions.ts";
import { deno } from "./shim.ts";
import { denoDialler } from "./dialler.ts";

/** The pool that a connection belongs to. */
export interface DenoPool {
  readonly trust: TlsSnapshot;
  readonly options: PoolOptions;
  /** Whether its requests go by `fetch`, which itself goes through the proxy that the environment names. */
  readonly sendsByFetch: boolean;
}

/** See {@link Transport.upgrade}. */
export async function upgradeOnDeno(
  pool: DenoPool,
  url: string,
  request: TransportRequest,
): Promise<UpgradedConnection | TransportResponse> {
  return await dialUpgrade(await diallerOf(pool, url), url, request);
}

/** See {@link Transport.probe}. It asks no more of a chain than the requests that wait for it. */
export async function probeOnDeno(pool: DenoPool, url: string, signal: AbortSignal): Promise<void> {
  const strict = await diallerOf(pool, url);
  const { checkChain: _, ...lenient } = strict;
  await dialProbe(pool.sendsByFetch ? lenient : strict, url, signal);
}

async function diallerOf(
  { trust: given, options, sendsByFetch }: DenoPool,
  url: string,
): Promise<Dialler> {
  const proxy = given.proxy ?? (sendsByFetch ? await ownProxy(new URL(url)) : undefined);
  return denoDialler({ ...given, proxy }, options);
}

async function ownProxy(server: URL): Promise<URL | undefined> {
  const env = (name: string) => (isDenied("env", name) ? undefined : deno().env.get(name));
  const proxy = await environmentProxy({ env }, server);
  if (proxy === undefined) return undefined;
  return URL.parse(proxy) ?? undefined;
}
