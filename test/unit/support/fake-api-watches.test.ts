/**
 * Watches of the model of the API server.
 *
 * @module
 */

import { expect, test } from "vitest";
import { CONFIG_MAPS, PODS, start, configMap, told, watch } from "./fake-api-scene.ts";

test("a watch without a version starts with the initial list, and one from a version with later changes", async () => {
  const { api } = start();
  const { metadata } = api.put("configmaps", configMap("a"));
  api.put("configmaps", configMap("b"));
  const fromState = await watch(api, CONFIG_MAPS);
  expect(told(await fromState.next(2))).toEqual(["ADDED a", "ADDED b"]);
  const fromVersion = await watch(
    api,
    `${CONFIG_MAPS}?resourceVersion=${metadata.resourceVersion}`,
  );
  expect(told(await fromVersion.next(1))).toEqual(["ADDED b"]);

  api.put("configmaps", configMap("a", { x: "1" }));
  api.remove("configmaps", "default", "b");
  const expected = ["MODIFIED a", "DELETED b"];
  expect(told(await fromState.next(2))).toEqual(expected);
  const live = await fromVersion.next(2);
  expect(told(live)).toEqual(expected);
  expect(live[1]?.object.metadata.resourceVersion).toBe(String(api.revision));
  expect(live[0]?.object).toMatchObject({ kind: "ConfigMap", apiVersion: "v1" });
});

test("a watch with a selector emits objects that start or stop matching as added and deleted", async () => {
  const { api } = start();
  const events = await watch(api, `${CONFIG_MAPS}?labelSelector=app%3Dweb`);
  api.put("configmaps", configMap("a"));
  api.put("configmaps", configMap("a", {}, { app: "web" }));
  api.put("configmaps", configMap("a", { x: "1" }, { app: "web" }));
  api.put("configmaps", configMap("a"));
  api.remove("configmaps", "default", "a");
  const seen = await events.next(3);
  expect(told(seen)).toEqual(["ADDED a", "MODIFIED a", "DELETED a"]);
  expect(seen[2]?.object.metadata).toMatchObject({
    labels: { app: "web" },
    resourceVersion: "101",
  });
  api.endWatches();
  expect(await events.rest()).toEqual([]);
  expect(api.openWatches).toEqual([]);
});

test("a watch from a compacted version is rejected, by an event or by an HTTP status", async () => {
  const { api } = start();
  const { metadata } = api.put("configmaps", configMap("a"));
  api.put("configmaps", configMap("b"));
  api.compact();
  const path = `${CONFIG_MAPS}?resourceVersion=${metadata.resourceVersion}`;
  const [event] = await (await watch(api, path)).rest();
  expect(event).toMatchObject({ type: "ERROR", object: { reason: "Expired", code: 410 } });

  const other = start({ expiredAsStatus: true });
  other.api.skipRevisions(2);
  other.api.compact();
  expect((await other.send("GET", `${CONFIG_MAPS}?watch=1&resourceVersion=98`)).status).toBe(410);
});

test("bookmarks are sent when a test says so, to watches that asked for them", async () => {
  const { api } = start();
  const wants = await watch(api, `${CONFIG_MAPS}?allowWatchBookmarks=true`);
  const other = await watch(api, CONFIG_MAPS);
  api.skipRevisions(5);
  api.bookmark();
  api.endWatches();
  const [bookmark] = await wants.rest();
  expect(bookmark).toEqual({
    type: "BOOKMARK",
    object: { kind: "ConfigMap", apiVersion: "v1", metadata: { resourceVersion: "102" } },
  });
  expect(await other.rest()).toEqual([]);
});

test("a streaming list ends with a marked bookmark, and an older server rejects it", async () => {
  const query = "sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true";
  const { api } = start();
  api.put("pods", { metadata: { name: "p" } });
  const [added, bookmark] = await (await watch(api, `${PODS}?${query}`)).next(2);
  expect(added?.type).toBe("ADDED");
  expect(bookmark).toMatchObject({
    type: "BOOKMARK",
    object: {
      metadata: { resourceVersion: "98", annotations: { "k8s.io/initial-events-end": "true" } },
    },
  });
  const older = start({ streamingLists: false });
  expect(await older.send("GET", `${PODS}?watch=1&${query}`)).toMatchObject({
    status: 422,
    body: { reason: "Invalid", message: expect.stringContaining("WatchList feature gate") },
  });
});

test("a watch ends after its timeout", async () => {
  const { api, clock } = start();
  const events = await watch(api, `${PODS}?timeoutSeconds=10`);
  await clock.advance(9_999);
  expect(api.openWatches).toHaveLength(1);
  await clock.advance(1);
  expect(await events.rest()).toEqual([]);
  expect(clock.pending).toBe(0);
});
