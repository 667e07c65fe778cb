/**
 * Clause n: a request of which HTTP/2 says that it was not processed. Only Deno's `fetch` speaks HTTP/2.
 *
 * @module
 */

import { expect, test } from "vitest";
import { entry, lane } from "./support/entry.ts";
import { connectClient, startCluster } from "./support/scene.ts";

const TIMES = 3;

test.each(["goaway", "refused-stream"])(
  "fetch() sends a POST again each time that the server says so: %s",
  async (how) => {
    const { ca, server } = await startCluster({ http2: true });
    const config = { server: server.origin, ca: entry.staticCaSource(ca.pem) };
    const { kube, events } = await connectClient({ config });
    await kube.get("/version");
    const path = `/${how}`;
    const init = { method: "POST", body: "{}" };
    const response = await kube.fetch(`${path}?key=again&times=${TIMES}`, init);
    expect(response.status).toBe(200);
    await response.text();
    const retry = { type: "retry", reason: "connection-lost", method: "POST", path, delayMs: 50 };
    const retries = events.filter(({ type }) => type === "retry");
    expect(retries).toEqual(lane === "deno" ? Array.from({ length: TIMES }, () => retry) : []);
  },
);
