/**
 * Clause n: a request of which HTTP/2 says that it was not processed. Only Deno's `fetch` speaks HTTP/2.
 *
 * @module
 */

import { expect, test } from "vitest";
import { entry, lane } from "./support/entry.ts";
import { connectClient, startCluster } from "./support/scene.ts";

// The test server's GOAWAY can't name a stream before a connection's first.
test.each([
  ["goaway", 1],
  ["refused-stream", 3],
])(
  "fetch() sends a POST again each time that the server says so: %s, %i times",
  async (how, times) => {
    const { ca, server } = await startCluster({ http2: true });
    const config = { server: server.origin, ca: entry.staticCaSource(ca.pem) };
    const { kube, events } = await connectClient({ config });
    await kube.get("/version");
    const path = `/${how}`;
    const init = { method: "POST", body: "{}" };
    const response = await kube.fetch(`${path}?key=again&times=${times}`, init);
    expect(response.status).toBe(200);
    await response.text();
    const retry = { type: "retry", reason: "connection-lost", method: "POST", path, delayMs: 50 };
    const retries = events.filter(({ type }) => type === "retry");
    expect(retries).toEqual(lane === "deno" ? Array.from({ length: times }, () => retry) : []);
  },
);
