/**
 * A typed client on top of `createFetch`: openapi-fetch takes it as it is, on every runtime.
 *
 * @module
 */

import createClient from "openapi-fetch";
import { expect, onTestFinished, test } from "vitest";
import type { ReanchorEvent } from "../../src/index.ts";
import { createCa } from "../support/pki.ts";
import { entry, lane } from "./support/entry.ts";
import { createVolume, rejection, startCluster, types } from "./support/scene.ts";

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
  if (lane === "bun") {
    // A Request's body is a stream there, and Bun has read it by the time that the server is refused.
    expect(await rejection(post())).toBeInstanceOf(entry.UntrustedServerError);
    expect((await server.stats()).requests).toBe(0);
  }
  const echo = await post();
  expect(echo).toMatchObject({ method: "POST", body: '{"kind":"Pod"}' });
  if (lane !== "bun") expect(types(events)).toContain("retry");
  expect(types(events)).toContain("ca-reloaded");
  expect((await server.stats()).requestsByPath["/echo"]).toBe(1);

  async function post(): Promise<{ method: string; body: string } | undefined> {
    return (await client.POST("/echo", { body: { kind: "Pod" } })).data;
  }
});
