/**
 * What comes back, as an instance of the global `Response` with all that a hand-built one lacks.
 *
 * @module
 */

import type { BodyLimit, TransportResponse } from "../runtime.ts";
import { MIN_PROGRESS_BYTES } from "./time-limit.ts";
import { declaredBytes, readText } from "./read-text.ts";
import { canTellCollected, handOver, keepWithBody } from "./response-lifetime.ts";

/** The Fetch standard's statuses without a body: constructing a `Response` of one with a body throws. */
const nullBodyStatuses = new Set([101, 204, 205, 304]);

/** Whether a response to a request by this method has a body. */
export function hasBody(method: string, status: number): boolean {
  return method !== "HEAD" && !nullBodyStatuses.has(status);
}

/** A body: still to come, there as a whole, or none. */
export type FetchedBody = ReadableStream<Uint8Array> | Uint8Array<ArrayBuffer> | null;

/** A class of responses that know their URL. */
export type ResponseClass = new (body: FetchedBody, init: ResponseInit, url: string) => Response;

let made: ResponseClass | undefined;

/**
 * A `Response` that knows its URL, also as a clone. The class is made at its first use: on Node, to extend
 * `Response` is to load all of `fetch`, which an import must not wait for.
 */
export function fetchedResponseClass(): ResponseClass {
  return (made ??= class FetchedResponse extends Response {
    readonly #url: string;

    constructor(body: FetchedBody, init: ResponseInit, url: string) {
      super(nullBodyStatuses.has(init.status ?? 200) ? null : body, init);
      this.#url = url;
    }

    override get url(): string {
      return this.#url;
    }

    override clone(): Response {
      const { status, statusText, headers } = this;
      return new FetchedResponse(super.clone().body, { status, statusText, headers }, this.#url);
    }
  });
}

/**
 * Decodes a body that a transport returns as it came, as the web's `fetch` does: a caller asked for
 * the encoding.
 */
export function decodeBody(
  body: ReadableStream<Uint8Array<ArrayBuffer>>,
  headers: Headers,
): ReadableStream<Uint8Array<ArrayBuffer>> {
  const encoding = headers.get("content-encoding")?.toLowerCase().replace(/^x-/, "");
  if (encoding !== "gzip" && encoding !== "deflate") return body;
  return body.pipeThrough(new DecompressionStream(encoding));
}

/**
 * Hands on the `Response` of a runtime's own `fetch`.
 *
 * @param readExact Reads a body that can't have more bytes than its `Content-Length` says, as where the runtime
 * itself read it from the network.
 */
export function fromResponse(
  response: Response,
  url: string,
  readExact?: typeof readText,
): TransportResponse {
  return new FetchedExchange(response, url, readExact);
}

/** See {@link fromResponse}. */
class FetchedExchange implements TransportResponse {
  readonly #response: Response;
  readonly #url: string;
  readonly #readExact: typeof readText | undefined;
  #listener: (() => void) | undefined;
  #isExact = false;
  readonly status: number;

  constructor(response: Response, url: string, readExact: typeof readText | undefined) {
    this.#response = response;
    this.#url = url;
    this.#readExact = readExact;
    this.status = response.status;
  }

  header(name: string): string | null {
    return this.#response.headers.get(name);
  }

  onEnd(listener: () => void, exact = false): void {
    const earlier = this.#listener;
    this.#listener =
      earlier === undefined
        ? listener
        : () => {
            earlier();
            listener();
          };
    this.#isExact ||= exact;
  }

  text(limit: BodyLimit): Promise<string> {
    const read = this.#readExact;
    const bytes = read === undefined ? undefined : declaredBytes(this);
    // Runtimes read it fastest as a whole, and then report no piece. Of a small body there is no need: where
    // it has not come in time, less than the least has.
    const isSmall = bytes !== undefined && bytes <= Math.min(limit.maxBytes, MIN_PROGRESS_BYTES);
    const text = isSmall
      ? this.#response.text()
      : (read ?? readText)(this.#response.body, limit, bytes);
    return this.#listener === undefined ? text : text.finally(this.#listener);
  }

  async discard(): Promise<void> {
    try {
      await this.#response.body?.cancel();
    } finally {
      this.#listener?.();
    }
  }

  toResponse(): Response {
    const response = this.#response;
    const listener = this.#listener;
    // As it is where possible: runtimes read their own responses faster than any other.
    const knowsUrl = response.url !== "";
    if (listener === undefined) return knowsUrl ? response : this.#rebuild(response.body);
    if (!knowsUrl || this.#isExact || !canTellCollected) {
      return this.#rebuild(observed(keepWithBody(response), listener));
    }
    return handOver(response, listener);
  }

  #rebuild(body: ReadableStream<Uint8Array> | null): Response {
    const url = this.#response.url || this.#url;
    return new (fetchedResponseClass())(body, this.#response, url);
  }
}

/** A body that reports its end, however it ends. */
function observed(
  body: ReadableStream<Uint8Array> | null,
  onEnd: () => void,
): ReadableStream<Uint8Array> | null {
  if (body === null) {
    onEnd();
    return null;
  }
  const reader = body.getReader();
  return new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        try {
          const { done, value } = await reader.read();
          if (!done) return controller.enqueue(value);
          controller.close();
        } catch (error) {
          controller.error(error);
        }
        onEnd();
      },
      async cancel(reason) {
        onEnd();
        await reader.cancel(reason);
      },
    },
    { highWaterMark: 0 },
  );
}
