/**
 * Responses, with everything that a plain `Response` lacks.
 *
 * @module
 */

import { describe, expect, test, vi } from "vitest";
import type { TransportResponse } from "../../../src/runtime.ts";
import { decodeBody, fetchedResponseClass, fromResponse } from "../../../src/transport/response.ts";
import { bodyLimit } from "../../support/body-limit.ts";
import { streamOf } from "../support/outgoing.ts";

const url = "https://10.96.0.1/api";

const FetchedResponse = fetchedResponseClass();

describe("fetchedResponseClass()", () => {
  test("is an instance of the global Response with its URL", async () => {
    const response = new FetchedResponse(
      streamOf("{}"),
      { status: 201, statusText: "Created" },
      url,
    );
    expect(response).toBeInstanceOf(Response);
    expect(response.url).toBe(url);
    expect(response).toMatchObject({ status: 201, statusText: "Created", ok: true });
    expect(await response.json()).toEqual({});
  });

  test("keeps its URL in a clone, and in a clone's clone, and all are readable", async () => {
    const headers = { "x-a": "1" };
    const response = new FetchedResponse(streamOf("text"), { status: 404, headers }, url);
    const clone = response.clone();
    const again = clone.clone();
    for (const copy of [clone, again]) {
      expect(copy.url).toBe(url);
      expect(copy.status).toBe(404);
      expect(copy.headers.get("x-a")).toBe("1");
    }
    expect(await Promise.all([response, clone, again].map((it) => it.text()))).toEqual([
      "text",
      "text",
      "text",
    ]);
  });

  test.each([204, 205, 304])(
    "accepts the status %d, which has no body, even with a body",
    (status) => {
      const response = new FetchedResponse(streamOf(""), { status }, url);
      expect(response.status).toBe(status);
      expect(response.body).toBeNull();
      expect(response.clone().status).toBe(status);
    },
  );
});

describe("decodeBody()", () => {
  test.each([
    ["gzip", "gzip"],
    ["x-gzip", "gzip"],
    ["GZIP", "gzip"],
    ["deflate", "deflate"],
  ] as const)("decodes %s", async (encoding, format) => {
    const encoded = new Response("text").body?.pipeThrough(new CompressionStream(format));
    if (encoded === undefined) throw new Error("no body");
    const decoded = decodeBody(encoded, new Headers({ "content-encoding": encoding }));
    expect(await new Response(decoded).text()).toBe("text");
  });

  test("leaves bodies unchanged without an encoding, or with an unknown one", () => {
    const { body } = new Response("text");
    if (body === null) throw new Error("no body");
    expect(decodeBody(body, new Headers())).toBe(body);
    expect(decodeBody(body, new Headers({ "content-encoding": "identity" }))).toBe(body);
    expect(decodeBody(body, new Headers({ "content-encoding": "br" }))).toBe(body);
  });
});

describe("fromResponse()", () => {
  test("returns status, headers and text", async () => {
    const response = fromResponse(
      new Response("text", { status: 404, headers: { "X-A": "1" } }),
      url,
    );
    expect(response.status).toBe(404);
    expect(response.header("x-a")).toBe("1");
    expect(response.header("x-b")).toBeNull();
    expect(await response.text(bodyLimit())).toBe("text");
  });

  test("returns a runtime's own response unchanged if it has its URL", () => {
    const own = new FetchedResponse(streamOf("text"), {}, "https://10.96.0.1/own");
    expect(fromResponse(own, url).toResponse()).toBe(own);
  });

  test("gives a response without a URL that of the request", async () => {
    const response = fromResponse(new Response("text", { status: 202 }), url).toResponse();
    expect(response.url).toBe(url);
    expect(response.status).toBe(202);
    expect(await response.text()).toBe("text");
  });

  test("reports the end of a body once, when it has been read as text or cancelled", async () => {
    for (const end of ["text", "discard"] as const) {
      const onEnd = vi.fn();
      await watched(new Response("text"), onEnd)[end](bodyLimit());
      expect(onEnd).toHaveBeenCalledOnce();
    }
  });

  test("reports the end of a body that fails", async () => {
    const onEnd = vi.fn();
    const failure = new Error("lost");
    await expect(watched(failingResponse(failure), onEnd).text(bodyLimit())).rejects.toBe(failure);
    expect(onEnd).toHaveBeenCalledOnce();
    const response = watched(failingResponse(failure), onEnd).toResponse();
    await expect(response.text()).rejects.toBe(failure);
    expect(onEnd).toHaveBeenCalledTimes(2);
  });

  test("reports the end of a streamed body when it has been read to its end, and not before", async () => {
    const onEnd = vi.fn();
    const response = watched(new Response("text"), onEnd).toResponse();
    const reader = response.body?.getReader();
    expect(new TextDecoder().decode((await reader?.read())?.value)).toBe("text");
    expect(onEnd).not.toHaveBeenCalled();
    expect((await reader?.read())?.done).toBe(true);
    expect(onEnd).toHaveBeenCalledOnce();
  });

  test("reports the end of a cancelled stream, and cancels its source", async () => {
    const onEnd = vi.fn();
    const cancel = vi.fn();
    const under = new ReadableStream<Uint8Array>({ cancel });
    await watched(new Response(under), onEnd).toResponse().body?.cancel("enough");
    expect(onEnd).toHaveBeenCalledOnce();
    expect(cancel).toHaveBeenCalledWith("enough");
  });

  test("returns a response unchanged if its end need not be exact, and keeps it alive by body and clone", async () => {
    const onEnd = vi.fn();
    const own = new FetchedResponse(streamOf("text"), {}, "https://10.96.0.1/own");
    const exchange = fromResponse(own, url);
    exchange.onEnd(onEnd);
    const response = exchange.toResponse();
    expect(response).toBe(own);
    expect(response.body).toBeInstanceOf(ReadableStream);
    const clone = response.clone();
    expect(clone.url).toBe("https://10.96.0.1/own");
    expect(await Promise.all([response.text(), clone.text()])).toEqual(["text", "text"]);
    expect(onEnd).not.toHaveBeenCalled();
  });

  test("reports to every listener", async () => {
    const listeners = [vi.fn(), vi.fn(), vi.fn()];
    const exchange = fromResponse(new Response("text"), url);
    for (const listener of listeners) exchange.onEnd(listener);
    await exchange.text(bodyLimit());
    for (const listener of listeners) expect(listener).toHaveBeenCalledOnce();
  });

  test("reports the end at once if there is no body", () => {
    const onEnd = vi.fn();
    const response = watched(new Response(null, { status: 204 }), onEnd).toResponse();
    expect(onEnd).toHaveBeenCalledOnce();
    expect(response.status).toBe(204);
  });
});

/** A response whose end is reported exactly. */
function watched(response: Response, onEnd: () => void): TransportResponse {
  const exchange = fromResponse(response, url);
  exchange.onEnd(onEnd, true);
  return exchange;
}

function failingResponse(failure: Error): Response {
  return new Response(
    new ReadableStream({
      start(controller) {
        controller.error(failure);
      },
    }),
  );
}
