/**
 * Failures of every kind of proxy. No error contains the credentials of the proxy's URL, or the client's.
 *
 * @module
 */

import { describe, expect, test } from "vitest";
import { entry } from "./support/entry.ts";
import { traits } from "./support/traits.ts";
import { reachable } from "./support/inspect.ts";
import {
  TOKEN,
  expectNoCredentials,
  proxyFailures,
  startFailing,
} from "./support/proxy-failures.ts";
import { connectClient, rejection } from "./support/scene.ts";

/** Deno would also send the credentials of other proxies to the server, so those are rejected. */
const schemes = traits.keepsProxyCredentials
  ? entry.runtime.capabilities.proxies
  : (["socks5"] as const);

describe.each(schemes)("an %s proxy", (scheme) => {
  test.each(Object.keys(proxyFailures))("that %s leaks no credentials", async (failure) => {
    const scene = await startFailing(scheme, failure);
    if (scene === undefined) return;
    const { ca, server, proxy } = scene;
    const { kube, events } = await connectClient({
      config: {
        server,
        proxy,
        ca: entry.staticCaSource(ca),
        token: entry.staticTokenSource(TOKEN),
      },
      connectTimeoutMs: 1_000,
      timeoutMs: 3_000,
    });
    const error = await rejection(kube.get("/version"));
    expect(error).toMatchObject({
      name: expect.stringMatching(/^(Connection|Timeout|UntrustedServer)Error$/),
    });
    expectNoCredentials(error);
    expectNoCredentials(events);
    expectNoCredentials(kube.status());
    expectNoCredentials(kube);
  });
});

test("reachable() finds hidden values", () => {
  const hidden = Symbol("hidden");
  const error = Object.assign(new Error("outer", { cause: { [hidden]: new Map([[1, "deep"]]) } }), {
    packet: new TextEncoder().encode("bytes"),
  });
  Object.defineProperty(error, "concealed", { value: { options: ["options"] } });
  for (const text of ["outer", "deep", "bytes", "options"])
    expect(reachable(error)).toContain(text);
});
