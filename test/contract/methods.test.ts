/**
 * Clause: a request is sent with the method that its caller meant and with a single body framing, or not at
 * all.
 *
 * @module
 */

import { describe, expect, test } from "vitest";
import type { FetchInit } from "../../src/index.ts";
import type { Echo } from "../support/api-server.ts";
import { entry } from "./support/entry.ts";
import { connectClient, startCluster } from "./support/scene.ts";
import { ways } from "./support/ways.ts";

describe.each(ways)("over $way", ({ http2, settings }) => {
  async function start() {
    const { ca, server } = await startCluster({ http2 });
    const trust = entry.staticCaSource(ca.pem);
    const { kube } = await connectClient({
      config: { server: server.origin, ca: trust },
      ...settings,
    });
    return { kube, server };
  }

  test("fetch() sends each method unchanged", async () => {
    const { kube, server } = await start();
    for (const method of ["GET", "OPTIONS", "POST", "PUT", "PATCH", "DELETE", "patch"]) {
      const echo = (await (await kube.fetch("/echo", { method })).json()) as Echo;
      expect(echo.method).toBe(method.toUpperCase());
    }
    expect((await kube.fetch("/echo", { method: "HEAD" })).status).toBe(200);
    expect((await server.requests()).at(-1)?.method).toBe("HEAD");
  });

  test.each(["FOO", "PROPFIND", "TRACE", "CONNECT", "GET /x", "", "PO\u017fT"])(
    "fetch() rejects method %j before it connects",
    async (method) => {
      const { kube, server } = await start();
      await expect(kube.fetch("/echo", { method })).rejects.toThrow(TypeError);
      expect((await server.stats()).connections).toBe(0);
    },
  );

  const bodies: readonly (readonly [what: string, body: () => BodyInit | null])[] = [
    ["no body", () => null],
    ["text", () => "some text"],
    ["bytes", () => new Uint8Array([1, 2, 3])],
    ["a stream", () => new Blob(["a stream"]).stream()],
  ];
  test.each(bodies)("fetch() sends %s with exactly one framing", async (_what, body) => {
    const { kube, server } = await start();
    for (const method of ["POST", "PUT", "PATCH", "DELETE"]) {
      const init = { method, body: body(), duplex: "half" } as FetchInit;
      const echo = (await (await kube.fetch("/echo", init)).json()) as Echo;
      expect(echo).toMatchObject({ method, body: await new Response(body()).text() });
      const framing = echo.rawHeaders.filter(([name]) =>
        /^(?:content-length|transfer-encoding)$/i.test(name),
      );
      expect(framing.length).toBeLessThanOrEqual(1);
    }
    await kube.get("/version");
    expect((await server.stats()).requests).toBe(5);
  });
});
