/**
 * Clause l: nothing keeps a process alive after the last response, and `close()` leaves no socket.
 *
 * @module
 */

import { expect, test } from "vitest";
import { bindFunctionTokenSource } from "../../src/sources/token-source.ts";
import { ManualClock } from "../../src/testing/manual-clock.ts";
import { entry } from "./support/entry.ts";
import { runProgram } from "./support/program.ts";
import {
  connectClient,
  connectTimed,
  createVolume,
  rejection,
  startCluster,
  timedRuntime,
  types,
  until,
} from "./support/scene.ts";

/** What each use of a client prints. */
const ways: Record<string, string[]> = {
  requests: [],
  exclusive: [],
  drained: [],
  closed: ["ClosedError"],
  "aborted headers": ["enough"],
  "aborted streams": ["enough"],
  "aborted wait for a source": ["enough"],
  "closed while a source is read": ["enough"],
  "timed out": ["TimeoutError"],
};

for (const [way, prints] of Object.entries(ways)) {
  test(`a program ends by itself when all is done: ${way}`, async () => {
    // This server keeps connections for an hour, so only the client can close them.
    const { ca, server } = await startCluster();
    const volume = await createVolume({ ca: ca.pem });
    const program = runProgram("leave", [server.origin, volume.caFile, way]);
    let ended = false;
    void program.ended.then(() => (ended = true));
    await until("the program is done", () => program.printed("done\n") || ended);
    await until("the program has ended", () => ended, 4_000);

    const { code, stdout, stderr } = await program.ended;
    expect(stderr).toBe("");
    expect({ code, lines: stdout.trim().split("\n") }).toEqual({
      code: 0,
      lines: [...prints, "done"],
    });
    await until("no socket is left", async () => (await server.stats()).open === 0);
  });
}

test("close() leaves no socket, idle or in use", async () => {
  const { ca, server } = await startCluster();
  const config = { server: server.origin, ca: entry.staticCaSource(ca.pem) };
  const { kube } = await connectClient({ config });
  await Promise.all(Array.from({ length: 5 }, () => kube.get("/version")));
  const held = rejection(kube.fetch("/held-headers?key=left"));
  await server.held("left");
  expect((await server.stats()).open).toBeGreaterThan(0);
  await kube.close();
  await held;
  // Bun closes idle connections when the process ends: the program "closed" tests that.
  const idle = entry.runtime.capabilities.closesIdleConnections ? 0 : 5;
  await until("its sockets are closed", async () => (await server.stats()).open <= idle);
  await kube.close();
});

test("fetch() leaves no timer when it gets a response, fails or is aborted", async () => {
  const { ca, server } = await startCluster();
  const { kube, events, clock } = await connectTimed(() => ({
    config: { server: server.origin, ca: entry.staticCaSource(ca.pem) },
    drainTimeoutMs: 60_000,
  }));
  await kube.get("/version");
  await rejection(kube.get("/status/404"));
  const lost = rejection(kube.get("/drop"));
  await until("the retry pauses", () => types(events).includes("retry"));
  await clock.advance(50);
  await lost;
  const abort = new AbortController();
  const pending = rejection(kube.fetch("/held-headers?key=timer", { signal: abort.signal }));
  await server.held("timer");
  expect(clock.pending).toBe(1);
  abort.abort();
  await pending;
  expect(clock.pending).toBe(0);
});

test("current() and reload() leave no timer when the last caller has left", async () => {
  const clock = new ManualClock();
  let reads = 0;
  const source = bindFunctionTokenSource(timedRuntime(clock))(
    () => (reads++ === 0 ? "sesame" : new Promise(() => {})),
    { readTimeoutMs: 5_000 },
  );
  await source.current();
  await clock.advance(60_000);
  expect(clock.pending).toBe(0);
  for (const wait of [source.current.bind(source), source.reload.bind(source)]) {
    const abort = new AbortController();
    const pending = rejection(wait({ signal: abort.signal }));
    await clock.advance(0);
    abort.abort();
    await pending;
    await clock.advance(0);
    expect(clock.pending).toBe(0);
  }
  // A later caller limits the same read by the remaining time.
  const last = source.current();
  await clock.advance(5_000);
  expect(await last).toBe("sesame");
  expect(source.status.lastError).toContain("5000 ms");
  expect(reads).toBe(2);
  expect(clock.pending).toBe(0);
});

test("close() ends at once a request that waits for Retry-After or for a source", async () => {
  const { ca, server } = await startCluster();
  let reads = 0;
  const source = entry.functionCaSource(
    () => {
      reads += 1;
      return reads === 1 ? ca.pem : new Promise<string>(() => {});
    },
    { reloadIntervalMs: 1_500, readTimeoutMs: 600_000 },
  );
  const { kube, events } = await connectClient({ config: { server: server.origin, ca: source } });
  const retrying = rejection(kube.get("/retry-after?key=closed&times=9&after=20&code=429"));
  await until("the request waits", () => types(events).includes("retry"));
  await until("the bundle has aged", () => (source.status.ageMs ?? 0) > 1_500);
  const reading = rejection(kube.get("/version"));
  await until("the source is read", () => reads === 2);

  await kube.close();
  expect(await retrying).toBeInstanceOf(entry.ClosedError);
  expect(await reading).toBeInstanceOf(entry.ClosedError);
  expect(await rejection(kube.get("/version"))).toBeInstanceOf(entry.ClosedError);
});
