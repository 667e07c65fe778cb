/**
 * The arguments of `fetch`.
 *
 * @module
 */

import { describe, expect, test } from "vitest";
import {
  type FetchInit,
  type OutgoingRequest,
  canSendAgain,
  describe as inWords,
  readRequest,
} from "../../../src/transport/request.ts";
import { systemClock } from "../../../src/runtime.ts";
import { outgoing, streamOf } from "../support/outgoing.ts";

const url = new URL("https://10.96.0.1/api");

async function read(init: FetchInit, request?: Request): Promise<OutgoingRequest> {
  return await readRequest(url, { request, init, timeoutMs: 90_000, clock: systemClock });
}

function text(body: OutgoingRequest["body"]): string {
  if (!(body instanceof Uint8Array)) throw new TypeError("not bytes");
  return new TextDecoder().decode(body);
}

describe("readRequest()", () => {
  test("is a GET without a body by default", async () => {
    expect(await read({})).toMatchObject({
      method: "GET",
      url,
      authorized: false,
      body: null,
      redirect: "follow",
      timeoutMs: 90_000,
      signal: undefined,
    });
  });

  test.each([
    "host",
    "transfer-encoding",
    "trailer",
    "upgrade",
    "expect",
    "proxy-authorization",
    "proxy-connection",
  ])("rejects header %s, which a caller may not set", async (name) => {
    const reading = read({ method: "POST", body: "a", headers: { [name]: "x" } });
    await expect(reading).rejects.toThrow(`Cannot send header ${name}`);
  });

  test("drops headers of the connection, and a correct length", async () => {
    const { headers } = await read({
      method: "POST",
      body: "grün",
      headers: {
        connection: "close",
        "keep-alive": "timeout=5",
        te: "trailers",
        "content-length": "5",
        "accept-encoding": "identity",
      },
    });
    expect([...headers.keys()].toSorted()).toEqual(["accept-encoding", "content-type"]);
  });

  test.each<[body: FetchInit["body"], length: string]>([
    ["grün", "4"],
    ["a", "1, 1"],
    [new Uint8Array(3), "0"],
    [undefined, "1"],
    [streamOf("text"), "4"],
  ])("rejects a length of %s that does not match the body: %s", async (body, length) => {
    const init: FetchInit = { method: "POST", headers: { "content-length": length } };
    if (body !== undefined) init.body = body;
    await expect(read(init)).rejects.toThrow("it is not the length of the body");
  });

  test.each([
    { "impersonate-user": "" },
    { "impersonate-user": " " },
    { "impersonate-group": "a" },
  ])("rejects %j, with which the request would use the client's own rights", async (headers) => {
    await expect(read({ headers })).rejects.toThrow("Cannot send header impersonate-");
  });

  test.each(["agent", "client", "dispatcher", "proxy", "tls"])(
    "rejects %s, and ignores other unknown properties",
    async (name) => {
      const foreign = { [name]: {} } as FetchInit;
      await expect(read(foreign)).rejects.toThrow(`Cannot fetch with ${name}`);
      const others = { [name]: undefined, cache: "no-store", next: {}, cf: {} } as FetchInit;
      expect((await read(others)).method).toBe("GET");
    },
  );

  test("accepts a string unchanged", async () => {
    const { body, headers } = await read({ method: "POST", body: "text" });
    expect(body).toBe("text");
    expect(headers.get("content-type")).toBe("text/plain;charset=UTF-8");
  });

  test("accepts a stream unchanged, without a content type", async () => {
    const stream = streamOf("text");
    const { body, headers } = await read({ method: "POST", body: stream });
    expect(body).toBe(stream);
    expect(headers.has("content-type")).toBe(false);
  });

  test.each<[string, () => BodyInit, RegExp | null, RegExp]>([
    ["bytes", () => new Uint8Array([0x61, 0x62]), null, /^ab$/],
    ["an ArrayBuffer", () => new Uint8Array([0x61, 0x62]).buffer, null, /^ab$/],
    ["a view of a part", () => new Uint8Array([0x7a, 0x61, 0x62]).subarray(1), null, /^ab$/],
    ["a DataView", () => new DataView(new Uint8Array([0x61]).buffer), null, /^a$/],
    [
      "a Blob",
      () => new Blob(["ab"], { type: "application/x-test" }),
      /^application\/x-test/,
      /^ab$/,
    ],
    ["a Blob without a type", () => new Blob(["ab"]), null, /^ab$/],
    [
      "parameters",
      () => new URLSearchParams({ a: "b c" }),
      /^application\/x-www-form-urlencoded/,
      /^a=b\+c$/,
    ],
    ["a form", () => form(), /^multipart\/form-data; ?boundary=/, /name="a"[\s\S]*b/],
  ])("accepts %s as bytes that can be sent again", async (_, make, contentType, content) => {
    const { body, headers } = await read({ method: "POST", body: make() });
    expect(body).toBeInstanceOf(Uint8Array);
    expect(text(body)).toMatch(content);
    if (contentType === null) expect(headers.has("content-type")).toBe(false);
    else expect(headers.get("content-type")).toMatch(contentType);
    expect(canSendAgain(body)).toBe(true);
  });

  test("copies bytes, so that later changes by the caller have no effect", async () => {
    const bytes = new Uint8Array([0x61]);
    const { body } = await read({ method: "POST", body: bytes });
    bytes[0] = 0x62;
    expect(text(body)).toBe("a");
  });

  test("keeps the content type that the caller sets", async () => {
    const headers = { "Content-Type": "application/json" };
    const { headers: read1 } = await read({ method: "POST", body: "{}", headers });
    expect(read1.get("content-type")).toBe("application/json");
  });

  test.each(["GET", "HEAD", "get"])("rejects a body with %s", async (method) => {
    await expect(read({ method, body: "text" })).rejects.toThrow(TypeError);
    await expect(read({ method, body: "text" })).rejects.toThrow(/ has no body$/);
  });

  test("treats a null body as none", async () => {
    expect((await read({ method: "GET", body: null })).body).toBeNull();
  });

  test("writes the method in capitals, because servers compare it so", async () => {
    expect((await read({ method: "patch" })).method).toBe("PATCH");
  });

  test.each(["", "FOO", "G ET", "GET\r\nX: y", "TRACE", "CONNECT", "PO\u017fT", 5, {}])(
    "rejects method %j, and lists the valid ones",
    async (method) => {
      const reading = read({ method: method as string });
      await expect(reading).rejects.toThrow(TypeError);
      await expect(reading).rejects.toThrow(
        /^Cannot send a request by method .*: use one of GET, HEAD, OPTIONS, POST, PUT, PATCH, DELETE$/,
      );
    },
  );

  test("records whether the caller has set Authorization", async () => {
    expect((await read({ headers: { AUTHORIZATION: "Basic x" } })).authorized).toBe(true);
    expect((await read({ headers: [["authorization", "Basic x"]] })).authorized).toBe(true);
  });

  test("takes missing options from the Request", async () => {
    const controller = new AbortController();
    const request = new Request(url, {
      method: "PUT",
      headers: { "x-a": "1" },
      body: "text",
      redirect: "manual",
      signal: controller.signal,
    });
    const { method, headers, body, redirect, signal } = await read({}, request);
    expect({ method, redirect }).toEqual({ method: "PUT", redirect: "manual" });
    expect(headers.get("x-a")).toBe("1");
    expect(await new Response(body).text()).toBe("text");
    controller.abort();
    expect(signal?.aborted).toBe(true);
  });

  test("prefers options to the Request, and drops its signal for null", async () => {
    const request = new Request(url, { method: "PUT", headers: { "x-a": "1" }, body: "text" });
    const init = { method: "POST", headers: { "x-b": "2" }, body: "other", signal: null };
    const { method, headers, body, signal } = await read(init, request);
    expect({ method, body, signal }).toEqual({ method: "POST", body: "other", signal: undefined });
    expect([...headers.keys()].toSorted()).toEqual(["content-type", "x-b"]);
  });

  test("does not change the caller's headers", async () => {
    const headers = new Headers({ "x-a": "1" });
    await read({ method: "POST", body: "text", headers });
    expect([...headers.keys()]).toEqual(["x-a"]);
  });

  test("accepts its own time limit, and rejects an invalid one", async () => {
    expect((await read({ timeoutMs: 5 })).timeoutMs).toBe(5);
    expect((await read({ timeoutMs: Number.POSITIVE_INFINITY })).timeoutMs).toBe(Infinity);
    await expect(read({ timeoutMs: 0 })).rejects.toThrow(RangeError);
    await expect(read({ timeoutMs: Number.NaN })).rejects.toThrow(TypeError);
  });
});

describe("canSendAgain()", () => {
  test("is true for nothing, a string, bytes and a fresh stream, which it leaves fresh", async () => {
    const stream = streamOf("text");
    for (const body of [null, "", "text", new Uint8Array(), stream]) {
      expect(canSendAgain(body)).toBe(true);
    }
    expect(canSendAgain(stream)).toBe(true);
    expect(await new Response(stream).text()).toBe("text");
  });

  test("is false for a stream that is locked", () => {
    const stream = streamOf("text");
    const reader = stream.getReader();
    expect(canSendAgain(stream)).toBe(false);
    reader.releaseLock();
    expect(canSendAgain(stream)).toBe(true);
  });

  test("is false for a stream that was read from, cancelled or piped", async () => {
    const read1 = streamOf("text");
    const reader = read1.getReader();
    await reader.read();
    reader.releaseLock();
    const cancelled = streamOf("text");
    await cancelled.cancel();
    const piped = streamOf("text");
    await piped.pipeTo(new WritableStream());
    for (const stream of [read1, cancelled, piped]) expect(canSendAgain(stream)).toBe(false);
  });
});

test("describe() omits the query, because it may contain private values", () => {
  const request = outgoing("/api/v1/pods?fieldSelector=sesame#x", { method: "DELETE" });
  expect(inWords(request)).toBe("DELETE https://10.96.0.1/api/v1/pods");
});

function form(): FormData {
  const made = new FormData();
  made.set("a", "b");
  return made;
}
