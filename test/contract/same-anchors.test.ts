/**
 * Clause g: the same anchors in another form are the same trust.
 *
 * @module
 */

import { expect, test } from "vitest";
import { createCa } from "../support/pki.ts";
import { entry } from "./support/entry.ts";
import { connectClient, createVolume, startCluster, types } from "./support/scene.ts";

type Rewrite = (first: string, second: string) => string;

const rewrites: Record<string, Rewrite> = {
  "in another order": (first, second) => second + first,
  "with comments": (first, second) => `# cluster\n${first}# next\nvalid from today\n${second}# end`,
  "with CRLF": (first, second) => (first + second).replaceAll("\n", "\r\n"),
  "with blank lines and trailing spaces": (first, second) =>
    `\n\n${(first + second).replaceAll("-----\n", "-----  \n")}\n\n`,
  "with a byte order mark": (first, second) => `\ufeff${first}${second}`,
  "with an anchor twice": (first, second) => first + second + first,
};

for (const [how, rewrite] of Object.entries(rewrites)) {
  test(`fetch() keeps its connection when the same anchors come ${how}`, async () => {
    const { ca, server } = await startCluster();
    const other = await createCa();
    const volume = await createVolume({ ca: ca.pem + other.pem });
    const source = entry.fileCaSource(volume.caFile, { reloadIntervalMs: 0 });
    const { kube, events } = await connectClient({ config: { server: server.origin, ca: source } });
    await kube.get("/version");
    const before = await source.current();
    const { fingerprint } = before;
    events.length = 0;

    await volume.write({ ca: rewrite(ca.pem, other.pem) });
    await kube.get("/version");
    // Even when they are reloaded on demand, as after a rejected handshake.
    await source.reload();
    await kube.get("/version");

    expect(await source.current()).toBe(before);
    expect(new Set(types(events))).toEqual(new Set(["ca-unchanged"]));
    const { ca: status, generations } = kube.status();
    expect(status?.fingerprint).toBe(fingerprint);
    expect(generations.map(({ generation }) => generation)).toEqual([1]);
    expect(await server.stats()).toMatchObject({ connections: 1, handshakes: 1, requests: 3 });
  });
}

test("fileCaSource() of a clusterTrustBundle volume keeps its connections when the kubelet shuffles the anchors", async () => {
  const { ca, server } = await startCluster();
  const anchors = [ca, await createCa(), await createCa({ commonName: "b" }), await createCa()];
  const pem = anchors.map((anchor) => anchor.pem);
  const volume = await createVolume({ ca: pem.join("") });
  const source = entry.fileCaSource(volume.caFile, { reloadIntervalMs: 0 });
  const { kube, events } = await connectClient({ config: { server: server.origin, ca: source } });
  await kube.get("/version");
  const before = await source.current();
  events.length = 0;
  // Orders in which each anchor comes first once, and last once.
  for (let turn = 1; turn <= 8; turn += 1) {
    const shuffled = [...pem.slice(turn % 4), ...pem.slice(0, turn % 4)];
    await volume.write({ ca: (turn > 4 ? shuffled.toReversed() : shuffled).join("") });
    await kube.get("/version");
  }
  expect(await source.current()).toBe(before);
  expect(new Set(types(events))).toEqual(new Set(["ca-unchanged"]));
  expect(kube.status().generations.map(({ generation }) => generation)).toEqual([1]);
  expect(await server.stats()).toMatchObject({ connections: 1, handshakes: 1, requests: 9 });
});

test("fetch() opens a new connection when an anchor was added", async () => {
  const { ca, server } = await startCluster();
  const other = await createCa();
  const volume = await createVolume({ ca: ca.pem });
  const source = entry.fileCaSource(volume.caFile, { reloadIntervalMs: 0 });
  const { kube, events } = await connectClient({ config: { server: server.origin, ca: source } });
  await kube.get("/version");

  await volume.write({ ca: ca.pem + other.pem });
  await kube.get("/version");

  expect(types(events)).toContain("ca-reloaded");
  expect(kube.status().generations.map(({ generation }) => generation)).toContain(2);
  expect(await server.stats()).toMatchObject({ handshakes: 2 });
});
