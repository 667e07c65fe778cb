/**
 * Container logs of the model of the API server.
 *
 * @module
 */

import { expect, test } from "vitest";
import { fakeFetch } from "../../../src/testing/model/fake-fetch.ts";
import { PODS, start } from "./fake-api-scene.ts";

test("a log is truncated as by a kubelet", async () => {
  const { api, send, clock } = start();
  const spec = { containers: [{ name: "c" }] };
  api.put("pods", { metadata: { name: "p" }, spec });
  api.log("p", "c", "one");
  await clock.advance(1_500);
  const time = api.log("p", "c", "two");
  api.log("p", "c", "three");
  expect(time).toBe("2026-01-01T00:00:01.500000000Z");
  async function read(query: string): Promise<unknown> {
    return (await send("GET", `${PODS}/p/log?${query}`)).body;
  }
  expect(await read("")).toBe("one\ntwo\nthree\n");
  expect(await read("tailLines=1&timestamps=true")).toBe("2026-01-01T00:00:01.500000001Z three\n");
  expect(await read(`sinceTime=${time}`)).toBe("two\nthree\n");
  expect(await read("sinceTime=2026-01-01T00:00:01.900Z")).toBe("two\nthree\n");
  expect(await read("sinceSeconds=1")).toBe("two\nthree\n");
  expect(await read("limitBytes=5")).toBe("one\nt");
  expect(await read("previous=true")).toMatchObject({ code: 400 });
  api.restartContainer("p", "c");
  api.log("p", "c", "anew");
  expect(await read("previous=true")).toBe("one\ntwo\nthree\n");
  expect(await read("container=c")).toBe("anew\n");
});

test("a request that follows a log ends when the container ends", async () => {
  const { api } = start();
  api.put("pods", { metadata: { name: "p" } });
  api.log("p", "c", "one");
  const response = await fakeFetch(api)(`${PODS}/p/log?follow=true`);
  const text = response.text();
  api.log("p", "c", "two");
  api.endLog("p", "c");
  expect(await text).toBe("one\ntwo\n");
});

test("a pending pod has no log yet", async () => {
  const { api, send } = start();
  const spec = { containers: [{ name: "c" }] };
  await send("POST", PODS, { metadata: { name: "p" }, spec });
  expect((await send("GET", `${PODS}/p/log`)).status).toBe(204);
  const status = { phase: "Pending" };
  api.put("pods", { metadata: { name: "p" }, spec: { ...spec, nodeName: "n" }, status });
  expect((await send("GET", `${PODS}/p/log`)).body).toMatchObject({
    code: 400,
    message: 'container "c" in pod "p" is waiting to start: ContainerCreating',
  });
});
