/**
 * Requests that are aborted at random moments: while they wait, connect, are sent, and receive their response. Each ends
 * with its own response or with its signal's reason, and afterwards the pool works and holds nothing.
 *
 * `REANCHOR_RANDOM_ABORTS=<seed>:<requests>` runs one seed for that many requests, and prints statistics.
 *
 * @module
 */

import process from "node:process";
import { describe, expect, test } from "vitest";
import type { Echo } from "../support/api-server.ts";
import { type Random, seeded } from "../support/random.ts";
import { entry } from "./support/entry.ts";
import { connectClient, startCluster, until } from "./support/scene.ts";
import { traits } from "./support/traits.ts";
import { ways } from "./support/ways.ts";

const own = process.env["REANCHOR_RANDOM_ABORTS"];
const [seed = 19, requests = 400] = own?.split(":").map(Number) ?? [];
const AT_ONCE = 40;
/** Longer than a loaded machine takes for anything. */
const PATIENCE_MS = 100_000;
const REASON = new Error("enough");

describe.each(ways)("over $way", ({ http2, settings }) => {
  test(
    "fetch() returns its own response or throws its signal's reason, and the pool works afterwards",
    async () => {
      const { ca, server } = await startCluster({ http2 });
      const config = { server: server.origin, ca: entry.staticCaSource(ca.pem) };
      const limits = { connectTimeoutMs: PATIENCE_MS, timeoutMs: PATIENCE_MS };
      const { kube } = await connectClient({ config, ...limits, ...settings });
      const random = seeded(seed);
      const ends = { complete: 0, aborted: 0 };
      let count = 0;

      async function ask(): Promise<void> {
        const abort = new AbortController();
        const path = `/echo?${(count += 1)}`;
        const init = { signal: abort.signal, ...requestInit(random) };
        abortSoon(abort, random);
        try {
          const echo = (await (await kube.fetch(path, init)).json()) as Echo;
          expect([echo.url, echo.method, echo.body]).toEqual([path, init.method, init.body ?? ""]);
          ends.complete += 1;
        } catch (error) {
          expect(error).toBe(REASON);
          ends.aborted += 1;
        }
      }
      async function askOften(): Promise<void> {
        while (count < requests) await ask();
      }
      await Promise.all(Array.from({ length: AT_ONCE }, askOften));
      if (own !== undefined)
        console.log(JSON.stringify({ seed, ...ends, ...(await server.stats()) }));
      expect(ends.complete).toBeGreaterThan(requests / 20);
      expect(ends.aborted).toBeGreaterThan(requests / 20);

      // What was given up is closed, and what is kept can be used.
      const all = Array.from({ length: AT_ONCE }, async (_, index) => {
        const path = `/echo?after-${index}`;
        expect(await kube.get(path)).toMatchObject({ url: path });
      });
      await Promise.all(all);
      if (!traits.opensSpareConnections) {
        await until("no more is open", async () => (await server.stats()).open <= AT_ONCE);
      }
      await kube.close();
      await until("nothing is open", async () => (await server.stats()).open === 0);
    },
    120_000 + requests * 100,
  );
});

function requestInit(random: Random): { method: string; body?: string } {
  return random.below(3) === 0
    ? { method: "POST", body: "x".repeat(random.below(3_000) + 1) }
    : { method: "GET" };
}

/** Aborts after some turns of one kind or the other, after some milliseconds, or not at all. */
function abortSoon(abort: AbortController, random: Random): void {
  const kind = random.below(4);
  const turns = random.below(12);
  if (kind === 0) return void setTimeout(() => abort.abort(REASON), random.below(30));
  if (kind === 1) return;
  void afterTurns(turns, kind === 2).then(() => abort.abort(REASON));
}

async function afterTurns(count: number, areLong: boolean): Promise<void> {
  for (let turn = 0; turn < count; turn++) {
    if (areLong) await new Promise((resolve) => void setTimeout(resolve, 0));
    else await Promise.resolve();
  }
}
