/**
 * A model of the API server as a `fetch`, without a connection.
 *
 * @module
 */

import { orAborted } from "../../abort.ts";
import type { FakeApi } from "./fake-api.ts";
import { LostConnection } from "./faulty-answer.ts";

/** The options of a request to a fake cluster: the part of the web's `RequestInit` that applies to it. */
export interface FakeFetchInit {
  /** The HTTP method. @default "GET" */
  readonly method?: string | undefined;
  /** The headers. */
  readonly headers?: HeadersInit | undefined;
  /** The body, as the web's `fetch` takes it. */
  readonly body?: unknown;
  /** Aborts the request, and the body of its response. */
  readonly signal?: AbortSignal | null | undefined;
}

/** The options of {@linkcode fakeFetch}. */
export interface FakeFetchOptions {
  /** Makes the error for a lost connection. @default a `TypeError`, as by the runtimes' own `fetch` */
  readonly lost?: () => unknown;
}

/**
 * A `fetch` that only ever reaches the model, whatever the origin of the URL. The URL may be just a path and
 * a query.
 */
export type FakeFetch = (
  input: string | URL | Request,
  init?: FakeFetchInit | RequestInit,
) => Promise<Response>;

/** Creates a `fetch` that reaches a model. */
export function fakeFetch(
  api: Pick<FakeApi, "handle">,
  { lost = networkError }: FakeFetchOptions = {},
): FakeFetch {
  function explain(error: unknown, signal: AbortSignal | null | undefined): unknown {
    if (signal?.aborted) return signal.reason;
    return error instanceof LostConnection ? lost() : error;
  }

  return async (input, init = {}) => {
    const { method = "GET", url, headers, body, signal } = readCall(input, init);
    signal?.throwIfAborted();
    const text = await new Response((body ?? null) as BodyInit | null).text();
    const left = new AbortController();
    const gone = AbortSignal.any(signal ? [signal, left.signal] : [left.signal]);
    const request = { method, url, headers: new Headers(headers), body: text, signal: gone };
    const answering = api.handle(request);
    const answer = await orAborted(answering, signal ?? undefined).catch((error: unknown) => {
      throw explain(error, signal);
    });
    const { status, body: content } = answer;
    const stream =
      typeof content === "string"
        ? content
        : streamOf(content, {
            signal,
            leave: () => left.abort(),
            explain: (error) => explain(error, signal),
          });
    return new Response(status === 204 ? null : stream, { status, headers: answer.headers });
  };
}

interface FakeCall extends FakeFetchInit {
  readonly url: string;
}

function readCall(input: string | URL | Request, init: FakeFetchInit | RequestInit): FakeCall {
  const { method, headers, body, signal } = init;
  // Strings are checked first: a string may be just a path, and on Node, naming `Request` loads all of
  // `fetch`.
  if (typeof input === "string" || input instanceof URL) {
    return { url: String(input), method, headers, body, signal };
  }
  return {
    url: input.url,
    method: method ?? input.method,
    headers: headers ?? input.headers,
    body: body ?? input.body,
    signal: signal ?? input.signal,
  };
}

/** With the error code by which a client recognises a lost connection. */
function networkError(): TypeError {
  return Object.assign(new TypeError("network error"), { code: "ECONNRESET" });
}

interface Reading {
  readonly signal: AbortSignal | null | undefined;
  readonly leave: () => void;
  readonly explain: (error: unknown) => unknown;
}

function streamOf(
  chunks: AsyncIterable<Uint8Array>,
  { signal, leave, explain }: Reading,
): ReadableStream<Uint8Array> {
  const iterator = chunks[Symbol.asyncIterator]();
  return new ReadableStream<Uint8Array>(
    {
      start(controller) {
        // Fails at once, even if earlier chunks have not been read yet.
        signal?.addEventListener("abort", () => controller.error(signal.reason), { once: true });
      },
      async pull(controller) {
        try {
          const { done, value } = await iterator.next();
          if (signal?.aborted) return;
          if (done === true) controller.close();
          else controller.enqueue(value);
        } catch (error) {
          controller.error(explain(error));
        }
      },
      cancel: leave,
    },
    { highWaterMark: 0 },
  );
}
