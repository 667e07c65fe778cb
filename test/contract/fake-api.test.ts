/**
 * The model of the API server over real TLS: its bodies stream, and its lost connections are real ones.
 *
 * @module
 */

import { expect, test } from "vitest";
import { entry } from "./support/entry.ts";
import { connectClient, rejection, startCluster, until } from "./support/scene.ts";

const PATH = "/api/v1/namespaces/default/configmaps";

test.each([false, true])("a watch streams until it is cut, with HTTP/2 %s", async (http2) => {
  const { ca, server } = await startCluster({ fakeApi: {}, http2 });
  const { kube } = await connectClient({
    config: { server: server.origin, ca: entry.staticCaSource(ca.pem) },
  });
  await server.fake.put("configmaps", { metadata: { name: "a" } });
  await server.fake.faults.next({ verb: "watch" }, { cutAfterBytes: 400 });
  const response = await kube.fetch(`${PATH}?watch=1`);
  const reader = response.body?.getReader();
  const first = await reader?.read();
  const text = new TextDecoder().decode(first?.value);
  expect(text).toContain('"type":"ADDED"');
  await server.fake.put("configmaps", { metadata: { name: "b" } });
  async function readOn(): Promise<void> {
    for (let isDone = false; !isDone;) isDone = (await reader?.read())?.done ?? true;
  }
  expect(await rejection(readOn())).toBeInstanceOf(Error);
  await until("the watch is closed", async () => (await server.fake.openWatches()).length === 0);

  await server.restart();
  const list = (await (await kube.fetch(PATH)).json()) as { items: unknown[] };
  expect(list.items).toHaveLength(2);
  const requests = await server.fake.requests();
  expect(requests.map(({ verb }) => verb)).toEqual(["watch", "list"]);
});
