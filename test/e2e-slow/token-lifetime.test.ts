/**
 * A token as the API grants it, for the shortest time that it grants one, from its issue to the moment at
 * which the server rejects it.
 *
 * @module
 */

import { expect, test } from "vitest";
import type { KubeClient, ReanchorEvent } from "../../src/index.ts";
import { SHORTEST_TOKEN_SECONDS, type ServiceAccount } from "../support/service-account.ts";
import { Creator, expectEachOnce } from "../e2e/support/config-maps.ts";
import { figure } from "../e2e/support/figures.ts";
import { startLoad } from "../e2e/support/load.ts";
import { cluster, connectAs, createAccount, types } from "../e2e/support/scene.ts";

const LIFETIME_MS = SHORTEST_TOKEN_SECONDS * 1_000;
/** When the kubelet replaces a token that lives for an hour, in parts of its lifetime. */
const REPLACED_AT = 0.8;
/** What the server may go on after a token's `exp`: its leeway, and what it keeps of a token. */
const REFUSED_AFTER_MS = 90_000;
/** Between two requests of a loop: ten minutes at full speed would tell no more. */
const PAUSE_MS = 50;
const TEST_LIMIT_MS = LIFETIME_MS + REFUSED_AFTER_MS + 60_000;

async function pause(delayMs: number): Promise<void> {
  await new Promise((resolve) => void setTimeout(resolve, delayMs));
}

/** Loops that get, a little slower than they could. */
function startGets(loops: number, kube: KubeClient, { configMaps }: ServiceAccount) {
  return startLoad(loops, async () => {
    await kube.get(`${configMaps}?limit=1`);
    await pause(PAUSE_MS);
  });
}

/** The requests that were sent again since the server rejected their token. */
function refusedTokens(events: readonly ReanchorEvent[]): ReanchorEvent[] {
  return events.filter((event) => event.type === "retry" && event.reason === "unauthorized");
}

test(
  "a token that the API granted for ten minutes ends under load and fails nothing that was replaced",
  async () => {
    const [replaced, late, idle] = await Promise.all([
      createAccount(),
      createAccount(),
      createAccount(),
    ]);
    const tokens = await Promise.all([replaced, late, idle].map((it) => it.issueToken()));
    const issuedAt = performance.now();
    const [first = "", other = "", third = ""] = tokens;
    await Promise.all([
      replaced.volume.write({ token: first }),
      late.volume.write({ token: other }),
      idle.volume.write({ token: third }),
    ]);
    const [client, lateClient, idleClient] = await Promise.all(
      [replaced, late, idle].map((account) => connectAs(account)),
    );
    if (client === undefined || lateClient === undefined || idleClient === undefined) {
      throw new Error("Cannot go on: there is no client");
    }
    const creator = new Creator(client.kube, replaced);
    const loads = [
      startGets(4, client.kube, replaced),
      startLoad(1, async () => {
        await creator.create();
        await pause(10 * PAUSE_MS);
      }),
    ];
    const lateLoad = startGets(2, lateClient.kube, late);
    await idleClient.kube.get(idle.configMaps);

    await pause(REPLACED_AT * LIFETIME_MS - (performance.now() - issuedAt));
    await replaced.volume.write({ token: await replaced.issueToken() });
    await idle.volume.write({ token: await idle.issueToken() });
    await pause(LIFETIME_MS - (performance.now() - issuedAt));
    expect(lateLoad.failures).toEqual([]);
    await Promise.all(
      [replaced, late, idle].map((it, at) => it.refused(tokens[at] ?? "", REFUSED_AFTER_MS)),
    );
    const seconds = (performance.now() - issuedAt) / 1_000;
    await Promise.all([...loads, lateLoad].map((load) => load.more()));

    const failures = loads.flatMap((load) => load.failures);
    await figure("token of 600 s: seconds until the server refused it", Math.round(seconds));
    await figure(
      "token of 600 s: requests",
      loads.reduce((sum, { done }) => sum + done, 0),
    );
    await figure("token of 600 s: failed", failures.length);
    expect(failures).toEqual([]);
    expect(types(client.events).filter((type) => type === "token-reloaded")).toHaveLength(1);
    expect(refusedTokens(client.events)).toEqual([]);

    // A program that slept through it all has the new one at its first request.
    await idleClient.kube.get(idle.configMaps);
    expect(refusedTokens(idleClient.events)).toEqual([]);

    // Whose file is late is told so, and goes on as soon as it is there.
    expect(lateLoad.failures.length).toBeGreaterThan(0);
    for (const error of lateLoad.failures) expect(error).toMatchObject({ status: 401 });
    await late.volume.write({ token: await late.issueToken() });
    await lateLoad.more();
    const failedInAll = lateLoad.failures.length;
    await figure("token of 600 s, file late: failed until the file changed", failedInAll);
    await lateLoad.more();
    await Promise.all([...loads, lateLoad].map((load) => load.stop()));
    expect(lateLoad.failures).toHaveLength(failedInAll);

    expect(creator.created).toHaveLength(creator.asked);
    await expectEachOnce(cluster, replaced, creator);
  },
  TEST_LIMIT_MS,
);
