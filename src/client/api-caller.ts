/**
 * The calls of a client: makes a request of what a caller asks, and a value or an error of the answer.
 *
 * @module
 */

import type { ResourceCall, ResourceClient, UpgradeCall } from "../api/api-call.ts";
import type { ApiError } from "../api/api-error.ts";
import { refusal } from "../api/apply-conflict.ts";
import { warningsOf } from "../api/warning-header.ts";
import { cleanCause } from "../clean-cause.ts";
import { ConnectionError } from "../errors.ts";
import { type EventListener, notify } from "../events.ts";
import { checkDuration, checkMaxResponseBytes, kindOf, timeLimit } from "../options.ts";
import type {
  Capabilities,
  Clock,
  LocalSystem,
  Runtime,
  TransportResponse,
  Upgraded,
} from "../runtime.ts";
import {
  type FetchInit,
  type OutgoingRequest,
  describe,
  dropLength,
  readHeaders,
  readRequest,
} from "../transport/request.ts";
import { parseRetryAfter } from "../transport/retry-after.ts";
import { Addresses, withQuery } from "./addresses.ts";
import type { ConfigFollower } from "./config-follower.ts";

/** What a client is made of. */
export interface ClientParts {
  readonly runtime: Runtime;
  readonly connections: ConfigFollower;
  readonly userAgent: string;
  /** The most bytes of an answer whose call sets no limit. */
  readonly maxResponseBytes: number;
  readonly fieldManager: string | undefined;
  readonly onEvent: EventListener | undefined;
}

/** Which request it was that the server rejected, as its error names it. */
interface RejectedCall {
  readonly method: string;
  readonly path: string;
}

export class ApiCaller implements ResourceClient {
  readonly fieldManager: string | undefined;
  readonly clock: Clock;
  readonly onEvent: EventListener | undefined;
  readonly closing: AbortSignal;
  readonly local: (() => Promise<LocalSystem>) | undefined;
  readonly #capabilities: Capabilities;
  readonly #connections: ConfigFollower;
  readonly #userAgent: string;
  readonly #maxResponseBytes: number;
  readonly #addresses = new Addresses();

  constructor(parts: ClientParts) {
    this.fieldManager = parts.fieldManager;
    this.#capabilities = parts.runtime.capabilities;
    this.clock = parts.runtime.clock;
    this.onEvent = parts.onEvent;
    this.closing = parts.connections.closing;
    this.local = parts.runtime.local;
    this.#connections = parts.connections;
    this.#userAgent = parts.userAgent;
    this.#maxResponseBytes = parts.maxResponseBytes;
  }

  get server(): string {
    return this.#connections.peek().server.href;
  }

  get namespace(): string {
    return this.#connections.peek().namespace;
  }

  async call<T>(call: ResourceCall): Promise<T> {
    const { request, text } = await this.#exchange(call);
    if (text === "") return undefined as T;
    try {
      return JSON.parse(text) as T;
    } catch (cause) {
      throw new ConnectionError(`Cannot ${describe(request)}: the answer is not JSON`, {
        cause: cleanCause(cause),
      });
    }
  }

  async text(call: ResourceCall): Promise<string> {
    return (await this.#exchange(call)).text;
  }

  async fetch(input: string | URL | Request, init: FetchInit = {}): Promise<Response> {
    // A text is looked for first: on Node, naming `Request` loads all of `fetch`.
    const isRequest = typeof input !== "string" && input instanceof Request;
    const [given, text] = isRequest ? [input, input.url] : [undefined, String(input)];
    const toUrl = this.#toUrlOf(text);
    const { server, timeoutMs } = this.#connections.peek();
    const { clock } = this;
    const request = await readRequest(toUrl(server), { request: given, init, timeoutMs, clock });
    return (await this.#connections.send(this.#sign(request), toUrl)).toResponse();
  }

  async open(path: string, init: FetchInit = {}, verb = "GET"): Promise<Response> {
    const toUrl = this.#toUrlOf(path);
    const { server, timeoutMs } = this.#connections.peek();
    const { clock } = this;
    const call = { request: undefined, init, timeoutMs, clock };
    const request = await readRequest(toUrl(server), call);
    const { response, text } = await this.#connections.open(this.#sign(request), toUrl);
    if (text !== undefined) throw this.#toError({ method: verb, path }, response, text);
    return response.toResponse();
  }

  async upgrade({ path, headers, signal, ...others }: UpgradeCall): Promise<Upgraded> {
    // Loaded where it is used: few programs stream into pods.
    const { Channel } = await import("../transport/channel.ts");
    const channel = new Channel(this.#capabilities);
    const toUrl = this.#toUrlOf(path);
    const { server, timeoutMs } = this.#connections.peek();
    const request = this.#sign({
      method: "GET",
      url: toUrl(server),
      headers: new Map(Object.entries(headers)),
      headerLines: [],
      authorized: false,
      body: null,
      redirect: "manual",
      timeoutMs: checkDuration("timeoutMs", others.timeoutMs, timeLimit) ?? timeoutMs,
      signal,
      sendBy: channel.send,
    });
    const { response, text } = await this.#connections.open(request, toUrl);
    if (text !== undefined) throw this.#toError({ method: "GET", path }, response, text);
    return await channel.take(response, request);
  }

  async generation(signal: AbortSignal | undefined): Promise<unknown> {
    return await this.#connections.generation(signal);
  }

  /** Sends a call and reads the answer as text. */
  async #exchange(call: ResourceCall): Promise<{ request: OutgoingRequest; text: string }> {
    const { method, path } = call;
    if (typeof path !== "string") {
      throw new TypeError(`Cannot ${method}: the path is ${kindOf(path)}, not a string`);
    }
    const maxBytes = checkMaxResponseBytes(call.maxResponseBytes) ?? this.#maxResponseBytes;
    const toUrl = this.#toUrlOf(withQuery(path, call.query));
    const request = this.#toRequest(call, toUrl);
    const { response, text } = await this.#connections.read(request, toUrl, maxBytes);
    // A look at a header has its price, so only where somebody listens.
    if (this.onEvent !== undefined) {
      for (const message of warningsOf(response.header("warning"))) {
        notify(this.onEvent, { type: "warning", message, method, path: withoutQuery(path) });
      }
    }
    if (response.status < 200 || response.status > 299) throw this.#toError(call, response, text);
    return { request, text };
  }

  /** A call as a request. */
  #toRequest(call: ResourceCall, toUrl: (server: URL) => URL): OutgoingRequest {
    const { method, body, contentType = "application/json", signal } = call;
    const headers = readHeaders(call.headers);
    if (!headers.has("accept")) headers.set("accept", "application/json");
    if (body !== undefined && !headers.has("content-type")) {
      headers.set("content-type", contentType);
    }
    const sent = body === undefined ? null : JSON.stringify(body);
    dropLength(headers, sent);
    const { server, timeoutMs } = this.#connections.peek();
    return this.#sign({
      method,
      url: toUrl(server),
      headers,
      headerLines: [],
      authorized: headers.has("authorization"),
      body: sent,
      redirect: "follow",
      timeoutMs: checkDuration("timeoutMs", call.timeoutMs, timeLimit) ?? timeoutMs,
      signal,
    });
  }

  /** Says who asks, unless the caller does. */
  #sign(request: OutgoingRequest): OutgoingRequest {
    if (!request.headers.has("user-agent")) request.headers.set("user-agent", this.#userAgent);
    return request;
  }

  #toUrlOf(address: string): (server: URL) => URL {
    return (server) => this.#addresses.resolve(address, server);
  }

  #toError({ method, path }: RejectedCall, response: TransportResponse, body: string): ApiError {
    const retryAfterMs = parseRetryAfter(response.header("retry-after"), this.clock.wallNow());
    return refusal({
      method,
      path: withoutQuery(path),
      status: response.status,
      body,
      retryAfterSeconds: retryAfterMs && Math.ceil(retryAfterMs / 1_000),
    });
  }
}

function withoutQuery(path: string): string {
  return path.split("?", 1)[0] ?? path;
}
