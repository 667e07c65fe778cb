/**
 * A handshake that the network delays. An anchor that was removed meanwhile must not complete it.
 *
 * @module
 */

import { describe, expect, test } from "vitest";
import { authorityKinds } from "./support/authorities.ts";
import { entry } from "./support/entry.ts";
import { hasExclusiveTransport } from "./support/traits.ts";
import { openFileCluster, rejection, until } from "./support/scene.ts";

describe.each(authorityKinds)("$kind", ({ next, settings }) => {
  // Deno uses sockets for exclusive trust.
  const rejectsLateHandshakes =
    entry.runtime.capabilities.rejectsLateHandshakes ||
    (hasExclusiveTransport && settings.exclusiveTrust === true);

  test.each(["GET", "POST"])(
    "fetch() sends no %s on a handshake that ends after its anchor was removed",
    async (method) => {
      const { server, volume, source, kube } = await openFileCluster({
        ca: await next(),
        token: "secret",
        connect: { timeoutMs: 1_500, ...settings },
      });
      await server.swap({ handshakeGate: "late" });
      const body = method === "POST" ? "{}" : null;
      const sent = kube.fetch("/echo", { method, body });
      const outcome = rejection(sent);
      await server.held("late");
      await volume.write({ ca: (await next()).pem });
      await source.reload();
      if (rejectsLateHandshakes) {
        await server.swap({ handshakeGate: null });
        await server.release("late");
        expect(await outcome).toBeInstanceOf(entry.UntrustedServerError);
      } else {
        // Declared: the runtime hides its sockets, and the request's time limit bounds the wait.
        expect(await outcome).toBeInstanceOf(entry.TimeoutError);
        await server.swap({ handshakeGate: null });
        await server.release("late");
      }
      await until("it is gone", async () => (await server.stats()).open === 0);
      expect((await server.stats()).requests).toBe(0);
    },
  );

  test("fetch() sends with the new generation when trust was extended during the handshake", async () => {
    const scene = await openFileCluster({ ca: await next(), connect: settings });
    const { ca, server, volume, source, kube } = scene;
    await server.swap({ handshakeGate: "late" });
    const sent = Promise.all([kube.get("/version"), kube.post("/echo", { kind: "Pod" })]);
    await server.held("late", 2);
    await volume.write({ ca: ca.pem + (await next()).pem });
    await source.reload();
    await server.swap({ handshakeGate: null });
    await server.release("late");
    expect(await sent).toMatchObject([{ gitVersion: expect.any(String) }, { method: "POST" }]);
    expect((await server.stats()).requests).toBe(2);
    if (rejectsLateHandshakes) expect((await server.stats()).connections).toBeGreaterThan(2);
  });
});
