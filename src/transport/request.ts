/**
 * A request on its way out, in the form that every step of its way takes and gives on.
 *
 * @module
 */

import { checkDuration, timeLimit } from "../options.ts";
import type { HeaderLine, TransportResponse } from "../runtime.ts";
import { readMethod } from "./method.ts";

/** A body that a transport can send. */
export type OutgoingBody = string | Uint8Array<ArrayBuffer> | ReadableStream<Uint8Array> | null;

/** What goes out. */
export interface OutgoingRequest {
  readonly method: string;
  readonly url: URL;
  /** Names are in lower case. A `Map`, since `Headers` would cost more than all else that is done here. */
  readonly headers: Map<string, string>;
  /** Lines that are sent beside the headers and never joined, though their names may be equal. */
  readonly headerLines: readonly HeaderLine[];
  /** Whether the caller set `Authorization`, which then wins. */
  readonly authorized: boolean;
  readonly body: OutgoingBody;
  readonly redirect: Request["redirect"];
  /** How long the response's headers may take, in milliseconds. */
  readonly timeoutMs: number;
  readonly signal: AbortSignal | undefined;
  /** Ends it, as its signal says to all who listen; `undefined` before it is on its way. */
  readonly end?: ((reason: unknown) => void) | undefined;
}

/** Sends a request, and gives the response as soon as its headers are there. */
export type Send = (request: OutgoingRequest) => Promise<TransportResponse>;

/** Methods that ask for no change, and so may reach the server twice (RFC 9110 section 9.2.1). */
export const safeMethods: ReadonlySet<string> = new Set(["GET", "HEAD", "OPTIONS"]);

/** A request in words, for messages: no query, since those carry what callers look for. */
export function describe({ method, url }: OutgoingRequest): string {
  return `${method} ${url.origin}${url.pathname}`;
}

/**
 * Whether a body can be sent a second time: text and bytes can, and a stream that nobody has touched.
 */
export function canSendAgain(body: OutgoingBody): boolean {
  if (!(body instanceof ReadableStream)) return true;
  try {
    // By the Fetch standard this throws for a stream that is locked or has been read from.
    new Response(body);
    return true;
  } catch {
    return false;
  }
}

/** What a caller may say of a request: what `fetch` takes, and its own time limit. */
export interface FetchInit extends RequestInit {
  /**
   * How long this request's response headers may take, in milliseconds; `Infinity` for no limit.
   *
   * @default the client's
   */
  timeoutMs?: number | undefined;
}

/**
 * Reads what a caller passed to a `fetch`.
 *
 * @param url Where it goes.
 * @param request What `init` adds to, where the caller passed a `Request`.
 * @throws {TypeError} where it can't be a request.
 */
export async function readRequest(
  url: URL,
  request: Request | undefined,
  init: FetchInit,
  timeoutMs: number,
): Promise<OutgoingRequest> {
  const method = readMethod(init.method ?? request?.method ?? "GET");
  const headers = readHeaders(init.headers ?? request?.headers);
  const given = init.body ?? request?.body;
  let body: OutgoingBody = null;
  if (given !== null && given !== undefined) {
    if (method === "GET" || method === "HEAD") {
      throw new TypeError(`Cannot ${method} ${url.origin}${url.pathname}: ${method} has no body`);
    }
    const read = await readBody(given);
    body = read.body;
    if (read.contentType !== null && !headers.has("content-type")) {
      headers.set("content-type", read.contentType);
    }
  }
  return {
    method,
    url,
    headers,
    headerLines: [],
    authorized: headers.has("authorization"),
    body,
    redirect: init.redirect ?? request?.redirect ?? "follow",
    timeoutMs: checkDuration("timeoutMs", init.timeoutMs, timeoutMs, timeLimit),
    signal: init.signal === undefined ? request?.signal : (init.signal ?? undefined),
  };
}

/**
 * Reads what a caller passed as headers.
 *
 * @throws {TypeError} where HTTP can't carry them.
 */
export function readHeaders(given: RequestInit["headers"]): Map<string, string> {
  return new Map(given === undefined ? [] : new Headers(given));
}

/** Brings a body into a form that can be sent and, but for a stream, sent again. */
async function readBody(
  body: BodyInit,
): Promise<{ body: OutgoingBody; contentType: string | null }> {
  if (typeof body === "string") return { body, contentType: "text/plain;charset=UTF-8" };
  if (body instanceof ReadableStream) return { body, contentType: null };
  // A blob, a form and the like are in memory already, and as bytes they can be sent again.
  const response = new Response(body);
  const contentType = response.headers.get("content-type");
  return { body: new Uint8Array(await response.arrayBuffer()), contentType };
}
