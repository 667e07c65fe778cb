/**
 * Lists and discovery of the model of the API server.
 *
 * @module
 */

import { expect, test } from "vitest";
import { fakeFetch } from "../../../src/testing/model/fake-fetch.ts";
import { CONFIG_MAPS, type List, type Status, start, configMap, names } from "./fake-api-scene.ts";

test("a list omits each item's type, except for custom objects", async () => {
  const { api, send } = start();
  api.put("configmaps", configMap("a"));
  api.put("widgets", { metadata: { name: "w" } });
  const { body } = await send("GET", CONFIG_MAPS);
  expect((body as List).kind).toBe("ConfigMapList");
  expect((body as List).items[0]).not.toHaveProperty("kind");
  const custom = await send("GET", "/apis/example.com/v1/widgets");
  expect((custom.body as List).items[0]).toMatchObject({
    kind: "Widget",
    apiVersion: "example.com/v1",
  });
});

test.each([
  ["app=web", ["a", "b"]],
  ["app==web,tier!=back", ["b"]],
  ["app in (web,db)", ["a", "b", "c"]],
  ["app notin (web)", ["c", "d"]],
  ["app", ["a", "b", "c"]],
  ["!app", ["d"]],
])("a list selects by the labels %s", async (selector, expected) => {
  const { api, send } = start();
  api.put("configmaps", configMap("a", {}, { app: "web", tier: "back" }));
  api.put("configmaps", configMap("b", {}, { app: "web" }));
  api.put("configmaps", configMap("c", {}, { app: "db" }));
  api.put("configmaps", configMap("d"));
  const query = new URLSearchParams({ labelSelector: selector });
  expect(names((await send("GET", `${CONFIG_MAPS}?${query}`)).body)).toEqual(expected);
});

test("pages show the objects at the time of the first page, until that has expired", async () => {
  const { api, send } = start();
  for (const name of ["a", "b", "c", "d"]) api.put("configmaps", configMap(name));
  const first = (await send("GET", `${CONFIG_MAPS}?limit=2`)).body as List;
  expect(names(first)).toEqual(["a", "b"]);
  expect(first.metadata.remainingItemCount).toBe(2);
  api.remove("configmaps", "default", "c");
  api.put("configmaps", configMap("e"));
  const rest = `${CONFIG_MAPS}?limit=9&continue=${first.metadata.continue}`;
  const second = (await send("GET", rest)).body as List;
  expect(names(second)).toEqual(["c", "d"]);
  expect(second.metadata).toEqual({ resourceVersion: first.metadata.resourceVersion });

  api.compact();
  const refused = await send("GET", rest);
  const status = refused.body as Status;
  expect(refused.status).toBe(410);
  expect(status.reason).toBe("Expired");
  expect(status.message).toContain("The provided continue parameter is too old");
  const inconsistent = await send("GET", `${CONFIG_MAPS}?continue=${status.metadata.continue}`);
  expect(names(inconsistent.body)).toEqual(["d", "e"]);
});

test("discovery is one document, or many on an older server", async () => {
  const headers = {
    Accept: "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList,application/json",
  };
  const { api } = start();
  const response = await fakeFetch(api)("/apis", { headers });
  expect(response.headers.get("content-type")).toContain("as=APIGroupDiscoveryList");
  const document = (await response.json()) as { items: { metadata: { name: string } }[] };
  expect(document.items.map(({ metadata }) => metadata.name)).toEqual(["apps", "example.com"]);

  const older = start({ aggregatedDiscovery: false });
  expect((await older.send("GET", "/apis", undefined, { headers })).body).toMatchObject({
    kind: "APIGroupList",
    groups: [{ name: "apps" }, { name: "example.com" }],
  });
  const { body } = await older.send("GET", "/api/v1");
  const { resources } = body as { resources: { name: string }[] };
  expect(resources.map(({ name }) => name)).toContain("pods/log");
});
