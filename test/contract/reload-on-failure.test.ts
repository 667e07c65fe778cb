/**
 * Clause c: both the file and the server rotate before the reload interval ends.
 *
 * @module
 */

import { describe, expect, test } from "vitest";
import type { ReanchorEvent } from "../../src/index.ts";
import type { ServeOptions, TestServer } from "../support/api-server.ts";
import { type AuthorityKind, authorityKinds } from "./support/authorities.ts";
import { entry } from "./support/entry.ts";
import { abilitiesBy } from "./support/traits.ts";
import {
  type ObservedClient,
  connectClient,
  createVolume,
  rejection,
  startCluster,
  types,
  until,
} from "./support/scene.ts";

interface Rotated extends ObservedClient {
  readonly server: TestServer;
}

/**
 * A client that has connected once. After that, the file and the server have moved to a new CA.
 *
 * @param options how the server differs from then on
 */
async function rotated(
  { next, settings }: AuthorityKind,
  options: Partial<ServeOptions> = {},
): Promise<Rotated> {
  const { ca, server } = await startCluster({}, await next());
  const volume = await createVolume({ ca: ca.pem });
  const client = await connectClient({
    config: { server: server.origin, ca: entry.fileCaSource(volume.caFile) },
    ...settings,
  });
  await client.kube.get("/version");
  client.events.length = 0;

  const successor = await next();
  await volume.write({ ca: successor.pem });
  await server.restart({ ...(await successor.issue()), ...options });
  await server.resetStats();
  return { ...client, server };
}

const payload = "0123456789".repeat(5_000);

function streamOf(text: string): ReadableStream<Uint8Array> {
  const bytes = new TextEncoder().encode(text);
  let offset = 0;
  return new ReadableStream<Uint8Array>({
    pull(controller) {
      if (offset >= bytes.length) return controller.close();
      controller.enqueue(bytes.slice(offset, offset + 10_000));
      offset += 10_000;
    },
  });
}

function streamInit(text: string): RequestInit {
  return { method: "POST", body: streamOf(text), duplex: "half" } as RequestInit;
}

describe.each(authorityKinds)("$kind", (authorities) => {
  test.each([
    ["GET", undefined],
    ["POST of a string", payload],
    ["POST of bytes", new TextEncoder().encode(payload)],
  ])("fetch() succeeds with one reload and one retry: %s", async (_, body) => {
    const { kube, events, server } = await rotated(authorities);
    const response = await kube.fetch("/echo", body === undefined ? {} : { method: "POST", body });
    expect(response.status).toBe(200);
    const echo = (await response.json()) as { body: string };
    expect(echo.body).toBe(body === undefined ? "" : payload);
    expect((await server.stats()).requests).toBe(1);
    // A GET may first use the old connection, if the client has not noticed yet that it is lost.
    const isLost = (event: ReanchorEvent) =>
      event.type === "retry" && event.reason !== "untrusted-server";
    expect(types(events.filter((event) => !isLost(event)))).toEqual([
      "ca-reloaded",
      "generation-opened",
      "generation-retired",
      "retry",
    ]);
    expect(events.at(-1)).toMatchObject({ reason: "untrusted-server", path: "/echo" });
  });

  test("fetch() succeeds for 100 requests that fail together", async () => {
    const { kube, events, server } = await rotated(authorities);
    const first = kube.post("/echo", { number: "first" });
    const others = Array.from({ length: 100 }, (_, number) => kube.post("/echo", { number }));
    await Promise.all([first, ...others]);
    // One request has reloaded while some are still in flight. Those find the newer bundle, and read nothing.
    expect((await server.stats()).requests).toBe(101);
    const reloads = types(events).filter((type) => type.startsWith("ca-"));
    expect(reloads[0]).toBe("ca-reloaded");
    expect(reloads.length).toBeLessThanOrEqual(2);
    expect(types(events).filter((type) => type === "generation-opened")).toHaveLength(1);
  });

  test("fetch() reads nothing for 100 requests that fail after another one has reloaded", async () => {
    const { kube, events, server } = await rotated(authorities, { handshakeGate: "slow" });
    const waiting = Array.from({ length: 100 }, (_, number) => kube.post("/echo", { number }));
    await until("all of them connect", async () => (await server.stats()).connections >= 100);
    await server.swap({ handshakeGate: null });

    await kube.get("/version");
    expect(types(events).slice(0, 2)).toEqual(["ca-reloaded", "generation-opened"]);

    await server.release("slow");
    await Promise.all(waiting);
    expect(await server.stats()).toMatchObject({ requests: 101 });
    expect(types(events).filter((type) => type.startsWith("ca-"))).toEqual(["ca-reloaded"]);
    expect(types(events).filter((type) => type === "generation-opened")).toHaveLength(1);
  });

  test("fetch() sends an untouched stream again or reports the failure, but never sends a part of it", async () => {
    const { kube, server } = await rotated(authorities);
    if (!abilitiesBy(authorities.settings).capabilities.resendsUntouchedStreams) {
      const error = await rejection(kube.fetch("/echo", streamInit(payload)));
      expect(error).toBeInstanceOf(entry.UntrustedServerError);
      expect(String(error)).toContain("stream body");
      expect(await server.requests()).toEqual([]);
      // The bundle is new by now, so a second try by the caller succeeds.
    }
    const response = await kube.fetch("/echo", streamInit(payload));
    expect(response.status).toBe(200);
    await response.text();
    expect(await server.requests()).toMatchObject([{ method: "POST", body: payload }]);
  });
});
