/**
 * Headers that a caller must not control: those that decide which server is trusted, and where a request
 * ends.
 *
 * @module
 */

import { expect, test } from "vitest";
import type { Echo } from "../support/api-server.ts";
import { entry } from "./support/entry.ts";
import { connectClient, control, rejection, startCluster } from "./support/scene.ts";
import { shown } from "./support/inspect.ts";
import { ways } from "./support/ways.ts";

test.each(ways)(
  "a caller's Host header never decides which name is verified over $way",
  async ({ settings, http2 }) => {
    const { ca, server } = await startCluster({ http2 });
    const { kube } = await connectClient({
      config: { server: server.origin, ca: entry.staticCaSource(ca.pem) },
      ...settings,
    });
    const headers = { host: "elsewhere.example" };
    await expect(kube.fetch("/echo", { headers })).rejects.toThrow("Cannot send header host");
    await expect(kube.get("/echo", { headers })).rejects.toThrow("Cannot send header host");
    expect(await server.requests()).toEqual([]);
  },
);

test.each(ways)(
  "fetch() sets the headers of the connection itself, and a request arrives once and complete over $way",
  async ({ settings, http2 }) => {
    const { ca, server } = await startCluster({ http2 });
    const { kube } = await connectClient({
      config: { server: server.origin, ca: entry.staticCaSource(ca.pem) },
      ...settings,
    });
    const headers = {
      connection: "close",
      "keep-alive": "timeout=1",
      te: "trailers",
      "content-length": "2",
    };
    const response = await kube.fetch("/echo", { method: "POST", body: "{}", headers });
    const echo = (await response.json()) as Echo;
    expect(echo.body).toBe("{}");
    expect(echo.headers["keep-alive"]).toBeUndefined();
    expect(await server.requests()).toHaveLength(1);
  },
);

test.each(ways)(
  "no error message contains a query, whatever fails over $way",
  async ({ settings, http2 }) => {
    const { ca, server } = await startCluster({ http2 });
    const other = await startCluster();
    const silent = await control.serve({ ...(await ca.issue()) });
    await silent.close();
    const failures: unknown[] = [];
    for (const origin of [other.server.origin, silent.origin]) {
      const { kube } = await connectClient({
        config: { server: origin, ca: entry.staticCaSource(ca.pem) },
        ...settings,
      });
      failures.push(await rejection(kube.fetch("/echo?secret=sesame")));
      failures.push(await rejection(kube.get("/echo", { query: { secret: "sesame" } })));
    }
    const { kube } = await connectClient({
      config: { server: server.origin, ca: entry.staticCaSource(ca.pem) },
      ...settings,
    });
    failures.push(await rejection(kube.get("/missing?secret=sesame")));
    failures.push(
      await rejection(kube.fetch("/drop?secret=sesame", { method: "POST", body: "a" })),
    );
    expect(failures).toHaveLength(6);
    for (const failure of failures) {
      expect(failure).toBeInstanceOf(Error);
      expect(shown(failure)).not.toContain("sesame");
    }
  },
);
