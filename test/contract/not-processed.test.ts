/**
 * Clause n: a request that HTTP/2 reports as not processed. Only HTTP/2 servers can report this.
 *
 * @module
 */

import { expect, test } from "vitest";
import { entry } from "./support/entry.ts";
import { connectClient, startCluster } from "./support/scene.ts";

const { http2 } = entry.runtime.capabilities;
const path = { goaway: "/goaway", "refused-stream": "/refused-stream" } as const;

async function post(how: keyof typeof path, times: number) {
  const { ca, server } = await startCluster({ http2: true });
  const config = { server: server.origin, ca: entry.staticCaSource(ca.pem) };
  const { kube, events } = await connectClient({ config });
  await kube.get("/version");
  const init = { method: "POST", body: "{}" };
  const response = await kube.fetch(`${path[how]}?key=again&times=${times}`, init);
  await response.text();
  return { status: response.status, retries: events.filter(({ type }) => type === "retry") };
}

// The test server's GOAWAY can't name a stream before a connection's first.
const cases = [
  ["goaway", 1],
  ["refused-stream", 3],
] as const;

const what = http2
  ? "fetch() sends a POST again each time that the server says so"
  : "fetch() sends a POST once, since without HTTP/2 no server can say so";

test.each(cases)(`${what}: %s, %i times`, async (how, times) => {
  const retry = {
    type: "retry",
    reason: "connection-lost",
    method: "POST",
    path: path[how],
    delayMs: 50,
  };
  const retries = Array.from({ length: http2 ? times : 0 }, () => retry);
  expect(await post(how, times)).toEqual({ status: 200, retries });
});
