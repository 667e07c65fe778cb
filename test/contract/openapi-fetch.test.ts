/**
 * A typed client on top of `createFetch`: openapi-fetch takes it as it is, on every runtime.
 *
 * @module
 */

import ky from "ky";
import createClient from "openapi-fetch";
import { expect, onTestFinished, test } from "vitest";
import type { ReanchorEvent } from "../../src/index.ts";
import { createCa } from "../support/pki.ts";
import { entry } from "./support/entry.ts";
import { createVolume, startCluster, types } from "./support/scene.ts";

/** As openapi-typescript writes it. */
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

test("ky sends requests with bodies across ten rotations", async () => {
  const { server, ca } = await startCluster();
  const volume = await createVolume({ ca: ca.pem });
  const fetch = entry.createFetch({ ca: entry.fileCaSource(volume.caFile) });
  onTestFinished(() => fetch.close());
  // It fetches a `Request`, and once more by itself unless told otherwise.
  const client = ky.create({ fetch, retry: 0 });
  const post = async (body: string): Promise<string> =>
    (await client.post<{ body: string }>(`${server.origin}/echo`, { json: { body } }).json()).body;
  expect(await post("first")).toContain("first");
  for (let rotation = 0; rotation < 10; rotation += 1) {
    const successor = await createCa();
    await volume.write({ ca: successor.pem });
    await server.restart(await successor.issue());
    expect(await post(`body ${rotation}`)).toContain(`body ${rotation}`);
  }
});

test("a Request whose body is long, or slow to come, is sent whole", async () => {
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
