/**
 * Clause d: the server rotates first and the file two seconds later, and no request waits for the file.
 *
 * @module
 */

import { describe, expect, test } from "vitest";
import { authorityKinds } from "./support/authorities.ts";
import { entry } from "./support/entry.ts";
import { connectClient, createVolume, startCluster, until } from "./support/scene.ts";

const COOLDOWN_MS = 100;

interface Attempt {
  readonly startedAt: number;
  readonly endedAt: number;
  readonly error: unknown;
}

describe.each(authorityKinds)("$kind", ({ next, settings }) => {
  test("fetch() fails until the file changes, and then the first request succeeds", async () => {
    const { ca, server } = await startCluster({}, await next());
    const volume = await createVolume({ ca: ca.pem });
    const source = entry.fileCaSource(volume.caFile, { cooldownMs: COOLDOWN_MS });
    const reads: number[] = [];
    source.subscribe(() => reads.push(performance.now()));
    const { kube } = await connectClient({
      config: { server: server.origin, ca: source },
      trustWaitMs: 0,
      ...settings,
    });
    await kube.get("/version");

    const successor = await next();
    await server.restart(await successor.issue());
    const attempts: Attempt[] = [];
    let running = true;
    const loops = Array.from({ length: 4 }, async () => {
      while (running) {
        const startedAt = performance.now();
        const error = await kube.post("/echo", {}).then(
          () => undefined,
          (cause: unknown) => cause,
        );
        attempts.push({ startedAt, endedAt: performance.now(), error });
      }
    });
    await new Promise((resolve) => setTimeout(resolve, 2_000));
    const changingAt = performance.now();
    await volume.write({ ca: successor.pem });
    const changedAt = performance.now();
    await until("requests succeed", () => {
      const after = attempts.filter(({ startedAt }) => startedAt > changedAt);
      return after.filter(({ error }) => !error).length > 20;
    });
    running = false;
    await Promise.all(loops);

    const before = attempts.filter(({ endedAt }) => endedAt < changingAt);
    expect(before.length).toBeGreaterThan(20);
    for (const { error } of before) expect(error).toBeInstanceOf(entry.UntrustedServerError);
    const after = attempts.filter(({ startedAt }) => startedAt > changedAt);
    expect(after.length).toBeGreaterThan(0);
    for (const { error } of after) expect(error).toBeUndefined();
    expect(reads.length).toBeGreaterThan(1);
    const spanMs = (reads.at(-1) ?? 0) - (reads[0] ?? 0);
    expect(reads.length).toBeLessThanOrEqual(spanMs / COOLDOWN_MS + 2);
  });
});
