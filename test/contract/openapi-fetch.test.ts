/**
 * Typed clients on top of `createFetch`, on every runtime. openapi-fetch accepts it unchanged.
 *
 * @module
 */

import ky from "ky";
import { createFetch as createOfetch } from "ofetch";
import createClient from "openapi-fetch";
import { expect, onTestFinished, test } from "vitest";
import type { ReanchorEvent, RotatingFetch } from "../../src/index.ts";
import { createCa } from "../support/pki.ts";
import { entry } from "./support/entry.ts";
import { createVolume, startCluster, types } from "./support/scene.ts";

/** As openapi-typescript generates it. */
interface Paths {
  "/version": {
    get: { responses: { 200: { content: { "application/json": { gitVersion: string } } } } };
  };
  "/echo": {
    post: {
      requestBody: { content: { "application/json": { kind: string } } };
      responses: { 200: { content: { "application/json": { method: string; body: string } } } };
    };
  };
}

test("openapi-fetch sends requests with bodies across a rotation", async () => {
  const { ca, server } = await startCluster();
  const volume = await createVolume({ ca: ca.pem });
  const events: ReanchorEvent[] = [];
  const fetch = entry.createFetch({
    ca: entry.fileCaSource(volume.caFile),
    onEvent: (event) => void events.push(event),
  });
  onTestFinished(() => fetch.close());
  const client = createClient<Paths>({ baseUrl: server.origin, fetch });
  expect((await client.GET("/version")).data?.gitVersion).toMatch(/^v1/);
  events.length = 0;

  const successor = await createCa();
  await volume.write({ ca: successor.pem });
  await server.restart(await successor.issue());
  await server.resetStats();
  const echo = await post();
  expect(echo).toMatchObject({ method: "POST", body: '{"kind":"Pod"}' });
  expect(types(events)).toContain("retry");
  expect(types(events)).toContain("ca-reloaded");
  expect((await server.stats()).requestsByPath["/echo"]).toBe(1);

  async function post(): Promise<{ method: string; body: string } | undefined> {
    return (await client.POST("/echo", { body: { kind: "Pod" } })).data;
  }
});

/** Posts a body to a server's echo, and returns what the server received. */
type Post = (body: string) => Promise<string>;

/** The clients that take a `fetch`: each in its own way of sending a body, and none with tries of its own. */
const clients: [string, (origin: string, fetch: RotatingFetch) => Post][] = [
  [
    "openapi-fetch",
    (baseUrl, fetch) => {
      const client = createClient<Paths>({ baseUrl, fetch });
      return async (kind) => (await client.POST("/echo", { body: { kind } })).data?.body ?? "";
    },
  ],
  [
    "ky",
    (origin, fetch) => {
      const client = ky.create({ fetch, retry: 0 });
      return async (kind) =>
        (await client.post<{ body: string }>(`${origin}/echo`, { json: { kind } }).json()).body;
    },
  ],
  [
    "ofetch",
    (baseURL, fetch) => {
      const client = createOfetch({ fetch, defaults: { baseURL, retry: 0 } });
      return async (kind) =>
        (await client<{ body: string }>("/echo", { method: "POST", body: { kind } })).body;
    },
  ],
];

test.each(clients)("%s sends requests with bodies across ten rotations", async (_, open) => {
  let { server, ca } = await startCluster();
  const volume = await createVolume({ ca: ca.pem });
  const source = entry.fileCaSource(volume.caFile);
  const fetch = entry.createFetch({ ca: source });
  onTestFinished(() => fetch.close());
  const post = open(server.origin, fetch);
  let sent = 0;
  async function check(): Promise<void> {
    sent += 1;
    const kind = `body ${sent}`;
    expect(JSON.parse(await post(kind))).toEqual({ kind });
  }
  await check();
  for (let rotation = 0; rotation < 10; rotation += 1) {
    const successor = await createCa();
    if (rotation % 2 === 0) {
      // With an overlap: the file holds both before the server changes, and the client has read it.
      await volume.write({ ca: ca.pem + successor.pem });
      await source.reload();
      await check();
    }
    await server.restart(await successor.issue());
    await volume.write({ ca: successor.pem });
    await Promise.all([check(), check(), check()]);
    ca = successor;
  }
  expect(sent).toBe(36);
});

test("a Request is sent completely when its body is long or slow to arrive", async () => {
  const { server, ca } = await startCluster();
  const fetch = entry.createFetch({ ca: entry.staticCaSource(ca.pem) });
  onTestFinished(() => fetch.close());
  const headers = { "Content-Type": "text/plain" };
  async function echoed(body: BodyInit): Promise<string> {
    const init = { method: "POST", headers, body, duplex: "half" };
    const request = new Request(`${server.origin}/echo`, init);
    return ((await (await fetch(request)).json()) as { body: string }).body;
  }
  const long = "0123456789".repeat(200_000);
  expect(await echoed(long)).toBe(long);
  const slow = new ReadableStream<Uint8Array>({
    async pull(controller) {
      controller.enqueue(new TextEncoder().encode("first "));
      await new Promise((resolve) => void setTimeout(resolve, 100));
      controller.enqueue(new TextEncoder().encode("second"));
      controller.close();
    },
  });
  expect(await echoed(slow)).toBe("first second");
});
