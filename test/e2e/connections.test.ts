/**
 * Connections that end: the server sends GOAWAY, or they are cut in the middle of a request.
 *
 * @module
 */

import { describe, expect, test } from "vitest";
import { entry } from "../contract/support/entry.ts";
import { Creator, countMarks } from "./support/config-maps.ts";
import { figure } from "./support/figures.ts";
import { startLoad } from "./support/load.ts";
import { cluster, connectAs, createAccount, types, ways } from "./support/scene.ts";

const GETS = 3_000;
const POSTS = 1_000;

describe.each(ways)("$way", ({ way, settings, http2 }) => {
  test("none of 4,000 requests fails when the server ends the connection after one in 50", async () => {
    const account = await createAccount();
    const { kube, events } = await connectAs(account, { settings });
    const creator = new Creator(kube, account);
    const { accepted } = await cluster.connections();
    let gets = GETS;
    let posts = POSTS;
    const failures: unknown[] = [];
    const note = (error: unknown): void => void failures.push(error);
    const readers = Array.from({ length: 12 }, async () => {
      while (gets-- > 0) await kube.get("/version").catch(note);
    });
    const writers = Array.from({ length: 4 }, async () => {
      while (posts-- > 0) await creator.create().catch(note);
    });
    await Promise.all([...readers, ...writers]);

    const counts = await countMarks(cluster, account);
    const connections = (await cluster.connections()).accepted - accepted;
    await figure(`GOAWAY, ${way}: requests`, GETS + POSTS);
    await figure(`GOAWAY, ${way}: failed`, failures.length);
    await figure(`GOAWAY, ${way}: retries`, types(events).filter((it) => it === "retry").length);
    await figure(`GOAWAY, ${way}: connections`, connections);
    expect(failures).toEqual([]);
    expect(counts.size).toBe(POSTS);
    expect([...counts.values()].filter((count) => count !== 1)).toEqual([]);
    // Only HTTP/2 has GOAWAY. With it, the server ends some dozens of connections, otherwise none.
    if (http2) expect(connections).toBeGreaterThan(20);
    else expect(connections).toBeLessThanOrEqual(50);
  });

  test("a POST whose connection is cut is reported and never sent again", async () => {
    const account = await createAccount();
    const { kube } = await connectAs(account, { settings });
    const creator = new Creator(kube, account);
    const load = startLoad(16, () => creator.create());
    for (let cut = 0; cut < 10; cut += 1) {
      await load.more();
      await cluster.cutConnections();
    }
    await load.stop();

    for (const error of load.failures) expect(error).toBeInstanceOf(entry.ConnectionError);
    const counts = await countMarks(cluster, account);
    expect([...counts.values()].filter((count) => count !== 1)).toEqual([]);
    for (const mark of creator.created) expect(counts.get(mark)).toBe(1);
    await figure(`connections cut, ${way}: POSTs`, creator.asked);
    await figure(`connections cut, ${way}: POSTs reported as lost`, load.failures.length);
    await figure(`connections cut, ${way}: of them created`, counts.size - creator.created.length);
    expect(load.failures.length).toBeGreaterThan(0);
  });
});
