/**
 * Responses: each is an instance of the global `Response`, with everything that a runtime's own response has.
 *
 * @module
 */

import { expect, test } from "vitest";
import type { Echo } from "../support/api-server.ts";
import { entry } from "./support/entry.ts";
import { connectClient, connectionIsFree, startCluster } from "./support/scene.ts";

async function connectAnonymous() {
  const { ca, server } = await startCluster();
  const { kube } = await connectClient({
    config: { server: server.origin, ca: entry.staticCaSource(ca.pem) },
  });
  return { kube, server };
}

test("fetch() returns an instance of the global Response with its URL", async () => {
  const { kube, server } = await connectAnonymous();
  const response = await kube.fetch("/version?pretty=true");
  expect(response).toBeInstanceOf(globalThis.Response);
  expect(response.url).toBe(`${server.origin}/version?pretty=true`);
  expect(response).toMatchObject({ ok: true, status: 200, bodyUsed: false });
  expect(response.headers.get("content-type")).toBe("application/json");
  expect(await response.json()).toHaveProperty("gitVersion");
  expect(response.bodyUsed).toBe(true);
});

test("clone() keeps the URL, and both bodies are complete", async () => {
  const { kube } = await connectAnonymous();
  const response = await kube.fetch("/stream?chunks=50&intervalMs=0&size=2000");
  const clone = response.clone();
  expect(clone).toBeInstanceOf(globalThis.Response);
  expect(clone.url).toBe(response.url);
  expect(clone).toMatchObject({ status: 200, bodyUsed: false });
  const second = clone.clone();
  expect(second.url).toBe(response.url);
  const texts = await Promise.all([response.text(), clone.text(), second.text()]);
  expect(texts[0]).toHaveLength(100_000);
  expect(new Set(texts).size).toBe(1);
});

for (const status of [204, 205, 304]) {
  test(`fetch() returns a response without a body when the status is ${status}`, async () => {
    const { kube, server } = await connectAnonymous();
    const response = await kube.fetch(`/empty/${status}`);
    expect(response).toBeInstanceOf(globalThis.Response);
    expect(response.status).toBe(status);
    expect(response.url).toBe(`${server.origin}/empty/${status}`);
    expect(await response.text()).toBe("");
    await connectionIsFree();
    await kube.get("/version");
    expect((await server.stats()).connections).toBe(1);
  });
}

test("get() returns undefined when the status is 204", async () => {
  const { kube } = await connectAnonymous();
  expect(await kube.get("/empty/204")).toBeUndefined();
  expect(await kube.delete("/empty/200")).toBeUndefined();
});

test("fetch() returns the headers and no body when the method is HEAD", async () => {
  const { kube, server } = await connectAnonymous();
  const response = await kube.fetch("/version", { method: "HEAD" });
  expect(response.status).toBe(200);
  expect(Number(response.headers.get("content-length"))).toBeGreaterThan(0);
  expect(await response.text()).toBe("");
  expect(response.url).toBe(`${server.origin}/version`);
});

for (const status of [200, 201, 400, 404, 409, 422, 500, 501]) {
  test(`fetch() returns a response when the status is ${status}`, async () => {
    const { kube } = await connectAnonymous();
    const response = await kube.fetch(`/text/${status}`);
    expect(response.status).toBe(status);
    expect(response.ok).toBe(status < 300);
    expect(await response.text()).toBe(`plain text with status ${status}\n`);
  });
}

test("body streams what has arrived before the rest has", async () => {
  const { kube, server } = await connectAnonymous();
  const response = await kube.fetch("/held-body?key=stream");
  const reader = response.body?.pipeThrough(new TextDecoderStream()).getReader();
  expect(await reader?.read()).toEqual({ done: false, value: "first\n" });
  await server.held("stream");
  await server.release("stream");
  expect(await reader?.read()).toEqual({ done: false, value: "second\n" });
  expect(await reader?.read()).toMatchObject({ done: true });
});

test("body is received only as fast as it is read", async () => {
  const { kube } = await connectAnonymous();
  const response = await kube.fetch("/stream?chunks=5000&intervalMs=0&size=10000");
  let bytes = 0;
  for await (const chunk of response.body ?? []) bytes += chunk.byteLength;
  expect(bytes).toBe(50_000_000);
});

test("fetch() decodes gzip when the caller asks for it", async () => {
  const { kube } = await connectAnonymous();
  const headers = { "accept-encoding": "gzip" };
  const response = await kube.fetch("/gzip", { headers });
  expect(await response.json()).toMatchObject({ compressed: true });
  expect(await kube.get("/gzip", { headers })).toMatchObject({ compressed: true });
});

test("fetch() sends a stream as the body", async () => {
  const { kube } = await connectAnonymous();
  const chunk = new Uint8Array(64 * 1024).fill(120);
  let left = 32;
  const body = new ReadableStream<Uint8Array>({
    pull(controller) {
      if (left-- > 0) controller.enqueue(chunk);
      else controller.close();
    },
  });
  const init: RequestInit & { duplex: "half" } = { method: "POST", body, duplex: "half" };
  const response = await kube.fetch("/upload", init);
  expect(await response.json()).toMatchObject({ bytes: 32 * 64 * 1024 });
});

test("fetch() sends a Blob, a form and URLSearchParams with their content type", async () => {
  const { kube } = await connectAnonymous();
  const form = new FormData();
  form.set("a", "b");
  const bodies: [BodyInit, RegExp, string][] = [
    [new Blob(["x"], { type: "text/x" }), /^text\/x$/, "x"],
    [new URLSearchParams({ a: "b" }), /^application\/x-www-form-urlencoded/, "a=b"],
    [form, /^multipart\/form-data; ?boundary=/, 'name="a"'],
    ["text", /^text\/plain/, "text"],
  ];
  for (const [body, type, sent] of bodies) {
    const response = await kube.fetch("/echo", { method: "POST", body });
    const echo: Echo = await response.json();
    expect(echo.headers["content-type"]).toMatch(type);
    expect(echo.body).toContain(sent);
  }
});
