/**
 * Forward proxies, each closed when the test ends.
 *
 * @module
 */

import { onTestFinished } from "vitest";
import type { ProxyOptions, TestProxy } from "../../support/api-server.ts";
import type { TestCa } from "../../support/pki.ts";
import { control } from "./scene.ts";

/** How a client speaks to a proxy. */
export type ProxyScheme = ProxyOptions["scheme"];

/** Starts a proxy. If clients speak TLS to it, `ca` signs its certificate. */
export async function startProxy(
  scheme: ProxyScheme,
  ca: TestCa,
  options: Partial<ProxyOptions> = {},
): Promise<TestProxy> {
  const pair = scheme === "https" ? await ca.issue() : {};
  return await openProxy({ scheme, ...pair, ...options });
}

/** Starts a proxy with a certificate of the test's own, if any. */
export async function openProxy(options: ProxyOptions): Promise<TestProxy> {
  const proxy = await control.proxy(options);
  onTestFinished(() => proxy.close());
  return proxy;
}
