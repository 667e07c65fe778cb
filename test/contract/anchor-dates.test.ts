/**
 * An anchor that becomes valid or expires while a client is open. Validity is checked at each handshake, not
 * when the bundle is read.
 *
 * @module
 */

import { describe, expect, test } from "vitest";
import { authorityKinds } from "./support/authorities.ts";
import { entry } from "./support/entry.ts";
import { connectClient, rejection, startCluster, until } from "./support/scene.ts";

const { laxChains } = entry.runtime.capabilities;

/** The dates in certificates have whole seconds. */
function secondsFromNow(seconds: number): Date {
  return new Date((Math.floor(Date.now() / 1000) + seconds) * 1000);
}

describe.each(authorityKinds)("$kind", ({ next, settings }) => {
  test("fetch() stops trusting an anchor when it expires", async () => {
    const notAfter = secondsFromNow(4);
    const ca = await next({ notAfter });
    const { server } = await startCluster({}, ca);
    const config = { server: server.origin, ca: entry.staticCaSource(ca.pem) };
    const { kube } = await connectClient({ config, ...settings });
    await kube.get("/version");

    await until("it has expired", () => Date.now() > notAfter.getTime() + 1_000);
    await server.dropConnections();
    const { requests } = await server.stats();
    expect(await rejection(kube.get("/version"))).toBeInstanceOf(entry.UntrustedServerError);
    expect(await server.stats()).toMatchObject({ requests });
  });

  test("fetch() stops trusting a server's certificate when it expires", async () => {
    const notAfter = secondsFromNow(4);
    const ca = await next();
    const { server } = await startCluster(await ca.issue({ notAfter }), ca);
    const config = { server: server.origin, ca: entry.staticCaSource(ca.pem) };
    const { kube } = await connectClient({ config, ...settings });
    await kube.get("/version");

    await until("it has expired", () => Date.now() > notAfter.getTime() + 1_000);
    await server.dropConnections();
    const { requests } = await server.stats();
    const asked = kube.get("/version");
    if (settings.exclusiveTrust !== true && laxChains.includes("expired-since-verified")) {
      // Declared: the session is resumed, which verifies nothing.
      expect(await asked).toHaveProperty("gitVersion");
    } else {
      expect(await rejection(asked)).toBeInstanceOf(entry.UntrustedServerError);
      expect(await server.stats()).toMatchObject({ requests });
    }
  });

  test("fetch() starts trusting an anchor when it becomes valid", async () => {
    const notBefore = secondsFromNow(4);
    const ca = await next({ notBefore });
    const { server } = await startCluster({}, ca);
    const config = { server: server.origin, ca: entry.staticCaSource(ca.pem) };
    const { kube } = await connectClient({ config, ...settings });
    expect(await rejection(kube.get("/version"))).toBeInstanceOf(entry.UntrustedServerError);
    expect(await server.stats()).toMatchObject({ requests: 0 });

    await until("it is valid", () => Date.now() > notBefore.getTime() + 1_000);
    expect(await kube.get("/version")).toHaveProperty("gitVersion");
  });
});
