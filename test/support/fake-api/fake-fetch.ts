/**
 * A model of the API server as a `fetch`, without a connection.
 *
 * @module
 */

import type { FakeApi } from "./fake-api.ts";
import { LostConnection } from "./faulty-answer.ts";

/** What a request can be told. */
export interface FakeFetchInit {
  readonly method?: string | undefined;
  readonly headers?: Headers | Record<string, string> | undefined;
  readonly body?: unknown;
  readonly signal?: AbortSignal | null | undefined;
}

/** What {@linkcode fakeFetch} can be told. */
export interface FakeFetchOptions {
  /** What a lost connection is thrown as. @default a `TypeError`, as by the runtimes' own `fetch` */
  readonly lost?: () => unknown;
}

/** Makes a `fetch` that reaches the model alone. */
export function fakeFetch(
  api: Pick<FakeApi, "handle">,
  { lost = () => new TypeError("network error") }: FakeFetchOptions = {},
): (url: string, init?: FakeFetchInit) => Promise<Response> {
  function explain(error: unknown, signal: AbortSignal | null | undefined): unknown {
    if (signal?.aborted) return signal.reason;
    return error instanceof LostConnection ? lost() : error;
  }

  return async (url, { method = "GET", headers, body, signal } = {}) => {
    signal?.throwIfAborted();
    const text = await new Response((body ?? null) as BodyInit | null).text();
    const left = new AbortController();
    const gone = AbortSignal.any(signal ? [signal, left.signal] : [left.signal]);
    const request = { method, url, headers: new Headers(headers), body: text, signal: gone };
    const answering = api.handle(request);
    const answer = await untilAborted(answering, signal).catch((error: unknown) => {
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
        // At once, also where what has come has not been read.
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

function untilAborted<T>(promise: Promise<T>, signal: AbortSignal | null | undefined): Promise<T> {
  if (!signal) return promise;
  return new Promise((resolve, reject) => {
    signal.addEventListener("abort", () => reject(signal.reason), { once: true });
    promise.then(resolve, reject);
  });
}
