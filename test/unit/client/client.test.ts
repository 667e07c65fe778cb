/**
 * A client's requests: their URL, headers and body, and what the response becomes.
 *
 * @module
 */

import { describe, expect, test } from "vitest";
import { ApiError } from "../../../src/api/api-error.ts";
import type { CallOptions } from "../../../src/api/api-call.ts";
import type { KubeClient } from "../../../src/client/client.ts";
import { bindConnect } from "../../../src/client/connect.ts";
import { ConnectionError } from "../../../src/errors.ts";
import { staticCaSource } from "../../../src/sources/ca-source.ts";
import { staticTokenSource } from "../../../src/sources/token-source.ts";
import { anchorPem } from "../support/certificates.ts";
import { type FakeExchange, type FakeRuntime, createFakeRuntime } from "../support/fake-runtime.ts";
import { streamOf } from "../support/outgoing.ts";

async function connected(
  server = "https://10.96.0.1:6443",
): Promise<{ runtime: FakeRuntime; kube: KubeClient; last: () => FakeExchange }> {
  const runtime = createFakeRuntime();
  const config = {
    server,
    ca: staticCaSource(anchorPem()),
    token: staticTokenSource("sesame"),
  };
  const kube = await bindConnect(runtime)({ config });
  const last = (): FakeExchange => {
    const exchange = runtime.exchanges.at(-1);
    if (exchange === undefined) throw new Error("nothing was sent");
    return exchange;
  };
  return { runtime, kube, last };
}

describe("fetch() resolves", () => {
  test.each([
    ["/api/v1/pods?limit=1", "https://10.96.0.1:6443/api/v1/pods?limit=1"],
    ["api/v1/pods", "https://10.96.0.1:6443/api/v1/pods"],
    ["", "https://10.96.0.1:6443/"],
    ["?a=b", "https://10.96.0.1:6443/?a=b"],
    ["//evil.example/x", "https://10.96.0.1:6443//evil.example/x"],
    ["///evil.example/x", "https://10.96.0.1:6443///evil.example/x"],
    ["/\\evil.example/x", "https://10.96.0.1:6443//evil.example/x"],
    ["\\\\evil.example/x", "https://10.96.0.1:6443///evil.example/x"],
    ["@evil.example/x", "https://10.96.0.1:6443/@evil.example/x"],
    [".evil.example/x", "https://10.96.0.1:6443/.evil.example/x"],
    ["1@evil.example/x", "https://10.96.0.1:6443/1@evil.example/x"],
    [" https://evil.example/x", "https://10.96.0.1:6443/%20https://evil.example/x"],
    ["https://10.96.0.1:6443/api", "https://10.96.0.1:6443/api"],
    ["HTTPS://10.96.0.1:6443/api", "https://10.96.0.1:6443/api"],
  ])("%j to the server", async (path, url) => {
    const { kube, last } = await connected();
    const response = await kube.fetch(path);
    expect(last().url).toBe(url);
    expect(response.url).toBe(url);
    expect(last().headers.get("authorization")).toBe("Bearer sesame");
  });

  test("a path under the server's base path", async () => {
    for (const server of ["https://host/k8s/c-1", "https://host/k8s/c-1/"]) {
      const { kube, last } = await connected(server);
      await kube.fetch("/api");
      expect(last().url).toBe("https://host/k8s/c-1/api");
      await kube.fetch("//evil.example/x");
      expect(last().url).toBe("https://host/k8s/c-1//evil.example/x");
      expect(await kube.get("api")).toEqual({});
      expect(last().url).toBe("https://host/k8s/c-1/api");
    }
  });

  test("a URL and a Request of the server's origin", async () => {
    const { kube, last } = await connected();
    await kube.fetch(new URL("https://10.96.0.1:6443/api?x=1"));
    expect(last().url).toBe("https://10.96.0.1:6443/api?x=1");
    const request = new Request("https://10.96.0.1:6443/b", { method: "PUT", body: "text" });
    await kube.fetch(request, { headers: { "x-a": "1" } });
    expect(last()).toMatchObject({ url: "https://10.96.0.1:6443/b", method: "PUT" });
    expect(last().headers.get("x-a")).toBe("1");
  });

  test("the default port as no port", async () => {
    const { kube, last } = await connected("https://host:443");
    await kube.fetch("https://host/api");
    expect(last().url).toBe("https://host/api");
  });

  test.each([
    "https://evil.example/x",
    "https:evil.example/x",
    "https:\\\\evil.example/x",
    "https://10.96.0.1/api",
    "http://10.96.0.1:6443/api",
    "https://10.96.0.1:6443.evil.example/",
    "https://10.96.0.1:6443@evil.example/",
    "https://user:pass@10.96.0.1:6443/api",
    "javascript:alert(1)",
    "file:///etc/passwd",
    "https://[",
    "blob:https://10.96.0.1:6443/b8a2",
  ])("%j to a TypeError before it sends anything", async (url) => {
    const { kube, runtime } = await connected();
    await expect(kube.fetch(url)).rejects.toThrow(TypeError);
    await expect(kube.get(url)).rejects.toThrow(/^Cannot fetch(?!.*pass)/);
    expect(runtime.transports).toEqual([]);
  });

  test("a URL or a Request of another origin to a TypeError as well", async () => {
    const { kube, runtime } = await connected();
    const url = new URL("https://evil.example/");
    await expect(kube.fetch(url)).rejects.toThrow(
      /credentials are for https:\/\/10\.96\.0\.1:6443 alone/,
    );
    await expect(kube.fetch(new Request(url))).rejects.toThrow(TypeError);
    expect(runtime.transports).toEqual([]);
  });
});

describe("fetch()", () => {
  test("returns a response of any status as a stream", async () => {
    const { kube, runtime } = await connected();
    runtime.answer = () => new Response(streamOf("text"), { status: 404 });
    const response = await kube.fetch("/api");
    expect(response).toBeInstanceOf(Response);
    expect(response.status).toBe(404);
    expect(response.body).toBeInstanceOf(ReadableStream);
    expect(await response.text()).toBe("text");
  });

  test("sends a User-Agent, or the caller's own instead", async () => {
    const { kube, last } = await connected();
    await kube.fetch("/api");
    expect(last().headers.get("user-agent")).toMatch(/^reanchor\/\d+\.\d+\.\d+\S* fake\/1\.0$/);
    await kube.fetch("/api", { headers: { "User-Agent": "mine" } });
    expect(last().headers.get("user-agent")).toBe("mine");
  });

  test("prefers the caller's own Authorization header", async () => {
    const { kube, last } = await connected();
    await kube.fetch("/api", { headers: { Authorization: "Basic x" } });
    expect(last().headers.get("authorization")).toBe("Basic x");
  });
});

describe("the JSON verbs", () => {
  const json = "application/json";
  test.each<[string, (kube: KubeClient) => Promise<unknown>, string | null, string | null]>([
    ["GET", (kube) => kube.get("/x"), null, null],
    ["POST", (kube) => kube.post("/x", { a: 1 }), json, '{"a":1}'],
    ["PUT", (kube) => kube.put("/x", [1]), json, "[1]"],
    ["DELETE", (kube) => kube.delete("/x"), null, null],
    ["DELETE", (kube) => kube.delete("/x", { body: { a: 1 } }), json, '{"a":1}'],
    ["PATCH", (kube) => kube.patch("/x", { a: 1 }), "application/merge-patch+json", '{"a":1}'],
    [
      "PATCH",
      (kube) => kube.patch("/x", [{ op: "test" }]),
      "application/json-patch+json",
      '[{"op":"test"}]',
    ],
    [
      "PATCH",
      (kube) => kube.patch("/x", {}, { type: "strategic" }),
      "application/strategic-merge-patch+json",
      "{}",
    ],
    [
      "PATCH",
      (kube) => kube.patch("/x", {}, { type: "apply" }),
      "application/apply-patch+yaml",
      "{}",
    ],
    ["POST", (kube) => kube.post("/x", null), json, "null"],
  ])("%s sends its content type and body (case %#)", async (method, call, contentType, body) => {
    const { kube, runtime, last } = await connected();
    runtime.answer = () => Response.json({ answered: true });
    expect(await call(kube)).toEqual({ answered: true });
    expect(last().method).toBe(method);
    expect(last().headers.get("accept")).toBe(json);
    expect(last().headers.get("content-type") ?? null).toBe(contentType);
    expect(last().body).toBe(body);
  });

  test("prefer the caller's own headers", async () => {
    const { kube, last } = await connected();
    const headers = { Accept: "application/json;as=Table", "Content-Type": "application/cbor" };
    await kube.post("/x", {}, { headers });
    expect(last().headers.get("accept")).toBe("application/json;as=Table");
    expect(last().headers.get("content-type")).toBe("application/cbor");
  });

  test.each<[string, CallOptions["query"], string]>([
    [
      "/x",
      { limit: 500, watch: true, labelSelector: "a=b,c!=d" },
      "/x?limit=500&watch=true&labelSelector=a%3Db%2Cc%21%3Dd",
    ],
    ["/x?a=1", { b: "2" }, "/x?a=1&b=2"],
    ["/x", { a: undefined }, "/x"],
    ["/x", {}, "/x"],
    ["/x", { a: "", b: 0, c: false }, "/x?a=&b=0&c=false"],
    ["/x", { a: "&b=#?/ é" }, "/x?a=%26b%3D%23%3F%2F+%C3%A9"],
  ])("extend %s by the query %o", async (path, query, expected) => {
    const { kube, last } = await connected();
    await kube.get(path, { query });
    expect(last().url).toBe(`https://10.96.0.1:6443${expected}`);
  });

  test("return undefined for an empty response", async () => {
    const { kube, runtime } = await connected();
    for (const answer of [new Response(""), new Response(null, { status: 204 })]) {
      runtime.answer = () => answer;
      expect(await kube.delete("/x")).toBeUndefined();
    }
  });

  test("throw a ConnectionError if a successful response is not JSON, without quoting it", async () => {
    const { kube, runtime } = await connected();
    runtime.answer = () => new Response("<html>sesame</html>");
    const answered = kube.get("/x");
    await expect(answered).rejects.toThrow(ConnectionError);
    await expect(answered).rejects.toThrow(
      "Cannot GET https://10.96.0.1:6443/x: the answer is not JSON",
    );
  });

  test("throw an ApiError if the server rejects the request", async () => {
    const { kube, runtime } = await connected();
    runtime.answer = () =>
      Response.json(
        { kind: "Status", reason: "NotFound", message: 'pods "web" not found', code: 404 },
        { status: 404 },
      );
    const refused = kube.get("/api/v1/pods/web?x=1", { query: { y: 2 } });
    await expect(refused).rejects.toThrow(ApiError);
    await expect(refused).rejects.toMatchObject({
      status: 404,
      reason: "NotFound",
      path: "/api/v1/pods/web",
      message: 'Cannot GET /api/v1/pods/web: 404 NotFound: pods "web" not found',
    });
  });

  test("throw an ApiError for a redirect that was not followed as well", async () => {
    const { kube, runtime } = await connected();
    const headers = { location: "https://evil.example/" };
    runtime.answer = () => new Response(null, { status: 302, headers });
    await expect(kube.get("/x")).rejects.toMatchObject({ name: "ApiError", status: 302 });
    expect(runtime.exchanges).toHaveLength(1);
  });

  test.each([
    ["120", 120],
    ["Thu, 01 Jan 2026 00:02:00 GMT", 120],
    ["soon", undefined],
  ])("read the delay from the header %j if the body has none", async (value, seconds) => {
    const { kube, runtime } = await connected();
    const headers = { "retry-after": value };
    runtime.answer = () => new Response("busy", { status: 429, headers });
    await expect(kube.get("/x")).rejects.toMatchObject({
      status: 429,
      retryAfterSeconds: seconds,
    });
  });

  test("pass on signal and time limit", async () => {
    const { kube, runtime } = await connected();
    const reason = new Error("enough");
    await expect(kube.get("/x", { signal: AbortSignal.abort(reason) })).rejects.toBe(reason);
    await expect(kube.get("/x", { timeoutMs: 0 })).rejects.toThrow(/option timeoutMs/);
    expect(runtime.exchanges).toEqual([]);
  });
});

test("patch() rejects an unknown type, and sends nothing", async () => {
  const { runtime, kube } = await connected();
  for (const type of ["stratgic", "constructor"] as string[]) {
    const options = { type } as { type: "merge" };
    await expect(kube.patch("/x", {}, options)).rejects.toThrow(/none of merge, json, strategic/);
  }
  expect(runtime.exchanges).toEqual([]);
});
