/**
 * A request on its way out, in the form that every step of its way takes and gives on.
 *
 * @module
 */

import { checkDuration, timeLimit } from "../options.ts";
import type { Clock, Ending, HeaderLine, Transport, TransportResponse } from "../runtime.ts";
import { readMethod } from "./method.ts";
import { bufferBody } from "./buffer-body.ts";

/** A body that a transport can send. */
export type OutgoingBody = string | Uint8Array<ArrayBuffer> | ReadableStream<Uint8Array> | null;

/** What goes out. */
export interface OutgoingRequest {
  readonly method: string;
  readonly url: URL;
  /**
   * Names are in lower case. Requests may share them, and transports remember the form that their runtime needs: who
   * has something to add puts another map in their place. A `Map`, since `Headers` would cost more than all else
   * that is done here.
   */
  headers: ReadonlyMap<string, string>;
  /** Lines that are sent beside the headers and never joined, though their names may be equal. */
  readonly headerLines: readonly HeaderLine[];
  /** Whether the caller set `Authorization`, which then wins. */
  readonly authorized: boolean;
  readonly body: OutgoingBody;
  readonly redirect: Request["redirect"];
  /** How long the response's headers may take, in milliseconds. */
  readonly timeoutMs: number;
  readonly signal: AbortSignal | undefined;
  /** Whether it needs a connection that has carried no other request. */
  readonly isFresh?: boolean | undefined;
  /** See {@link TransportRequest.ending}. */
  readonly ending?: Ending | undefined;
  /** By which it can be ended; `undefined` before it is on its way. */
  readonly flight?: { end(reason: unknown): void } | undefined;
  /**
   * Sends it in another way than others, on a connection of its own. Then it is not sent again once its connection
   * was lost.
   */
  readonly sendBy?:
    | ((transport: Transport, request: OutgoingRequest) => Promise<TransportResponse>)
    | undefined;
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

/** What a caller passed to a `fetch` beside its URL. */
export interface FetchCall {
  /** What `init` adds to, if the caller passed a `Request`. */
  readonly request: Request | undefined;
  readonly init: FetchInit;
  /** The time limit of a request that names none. */
  readonly timeoutMs: number;
  readonly clock: Clock;
}

/**
 * Reads what a caller passed to a `fetch`.
 *
 * @param url Where it goes.
 * @returns A promise only if there may be a body to read.
 * @throws {TypeError} if it can't be a request.
 */
export function readRequest(url: URL, call: FetchCall): OutgoingRequest | Promise<OutgoingRequest> {
  const { request, init, timeoutMs } = call;
  const method = readMethod(init.method ?? request?.method ?? "GET");
  for (const name of foreignMembers) {
    if ((init as Record<string, unknown>)[name] === undefined) continue;
    throw new TypeError(
      `Cannot fetch with ${name}: it would replace the connections whose trust reloads; use createFetch or connect with the options that it stands for`,
    );
  }
  const headers = readHeaders(init.headers ?? request?.headers);
  const outgoing: OutgoingRequest = {
    method,
    url,
    headers,
    headerLines: [],
    authorized: headers.has("authorization"),
    body: null,
    redirect: init.redirect ?? request?.redirect ?? "follow",
    timeoutMs: checkDuration("timeoutMs", init.timeoutMs, timeLimit) ?? timeoutMs,
    signal: init.signal === undefined ? request?.signal : (init.signal ?? undefined),
  };
  if ((init.body ?? request ?? null) !== null) return addBody(outgoing, call);
  outgoing.headers = withoutLength(headers, null);
  return outgoing;
}

async function addBody(
  outgoing: OutgoingRequest,
  { request, init, clock }: FetchCall,
): Promise<OutgoingRequest> {
  const { method, url } = outgoing;
  let { headers } = outgoing;
  const given = init.body ?? (request && (await bufferBody(request, clock)));
  let body: OutgoingBody = null;
  if (given !== null && given !== undefined) {
    if (method === "GET" || method === "HEAD") {
      throw new TypeError(`Cannot ${method} ${url.origin}${url.pathname}: ${method} has no body`);
    }
    const read = await readBody(given);
    body = read.body;
    if (read.contentType !== null && !headers.has("content-type")) {
      headers = new Map(headers).set("content-type", read.contentType);
    }
  }
  return { ...outgoing, headers: withoutLength(headers, body), body };
}

/** How other clients and runtimes let a caller replace the connection. */
const foreignMembers = ["agent", "client", "dispatcher", "proxy", "tls"];

const noHeaders: ReadonlyMap<string, string> = new Map();

/** Headers of one connection, which HTTP leaves to who makes it. They are dropped. */
const connectionHeaders = ["connection", "keep-alive", "te"];

/** Headers that would change where a request goes, or where it ends. */
const forbiddenHeaders = [
  "expect",
  "host",
  "proxy-authorization",
  "proxy-connection",
  "trailer",
  "transfer-encoding",
  "upgrade",
];

/**
 * Reads what a caller passed as headers.
 *
 * @throws {TypeError} if HTTP can't carry them, or they are not a caller's to set: `host` decides which name the
 * server's certificate is checked for on some runtimes, and the others where a request ends.
 */
export function readHeaders(given: RequestInit["headers"]): ReadonlyMap<string, string> {
  if (given === undefined) return noHeaders;
  const headers = new Map(new Headers(given));
  for (const name of connectionHeaders) headers.delete(name);
  for (const name of forbiddenHeaders) {
    if (!headers.has(name)) continue;
    throw new TypeError(
      `Cannot send header ${name}: it is set for each connection, not by its caller`,
    );
  }
  checkImpersonation(headers);
  return headers;
}

/** An empty user would be nobody to act as, so that the request is made with the client's own rights. */
function checkImpersonation(headers: ReadonlyMap<string, string>): void {
  for (const [name, value] of headers) {
    if (!name.startsWith("impersonate-")) continue;
    if (value === "") {
      throw new TypeError(`Cannot send header ${name}: it is empty, and would impersonate nobody`);
    }
    if (!headers.has("impersonate-user")) {
      throw new TypeError(`Cannot send header ${name}: it needs impersonate-user beside it`);
    }
  }
}

/**
 * Leaves the length of the body to the runtime.
 *
 * @throws {TypeError} if the caller's is another one.
 */
export function withoutLength(
  headers: ReadonlyMap<string, string>,
  body: OutgoingBody,
): ReadonlyMap<string, string> {
  const given = headers.get("content-length");
  if (given === undefined) return headers;
  if (given !== String(lengthOf(body))) {
    throw new TypeError("Cannot send header content-length: it is not the length of the body");
  }
  const others = new Map(headers);
  others.delete("content-length");
  return others;
}

function lengthOf(body: OutgoingBody): number | undefined {
  if (body instanceof ReadableStream) return undefined;
  return typeof body === "string" ? new TextEncoder().encode(body).length : (body?.length ?? 0);
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
