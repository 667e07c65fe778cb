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
import type { Answer } from "../transport/flight.ts";
import {
  type FetchInit,
  type OutgoingRequest,
  describe,
  readHeaders,
  readRequest,
  withoutLength,
} from "../transport/request.ts";
import { parseRetryAfter } from "../transport/retry-after.ts";
import { AddedHeader } from "../transport/shared-headers.ts";
import { withQuery } from "./addresses.ts";
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
  readonly #accept = new AddedHeader("accept");
  readonly #contentType = new AddedHeader("content-type");
  readonly #agent = new AddedHeader("user-agent");

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
    const address = addressOf(call);
    const request = this.#toRequest(call, address);
    const text = this.#check(call, await this.#read(request, address, call));
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
    const address = addressOf(call);
    const request = this.#toRequest(call, address);
    return this.#check(call, await this.#read(request, address, call));
  }

  async fetch(input: string | URL | Request, init: FetchInit = {}): Promise<Response> {
    // A text is looked for first: on Node, naming `Request` loads all of `fetch`.
    const isRequest = typeof input !== "string" && input instanceof Request;
    const [given, text] = isRequest ? [input, input.url] : [undefined, String(input)];
    const request = this.#sign(await this.#fromInit(text, init, given));
    return (await this.#connections.send(request, text)).toResponse();
  }

  async open(path: string, init: FetchInit = {}, verb = "GET"): Promise<Response> {
    const request = this.#sign(await this.#fromInit(path, init));
    const { response, text } = await this.#connections.open(request, path);
    if (text !== undefined) throw this.#toError({ method: verb, path }, response, text);
    return response.toResponse();
  }

  async upgrade(call: UpgradeCall): Promise<Upgraded> {
    // Loaded where it is used: few programs stream into pods.
    const { openUpgraded } = await import("./open-upgraded.ts");
    return await openUpgraded(call, {
      capabilities: this.#capabilities,
      connections: this.#connections,
      sign: (request) => this.#sign(request),
      toError: (...error) => this.#toError(...error),
    });
  }

  async generation(signal: AbortSignal | undefined): Promise<unknown> {
    return await this.#connections.generation(signal);
  }

  /** Sends a call's request and reads the answer. */
  #read(request: OutgoingRequest, address: string, call: ResourceCall): Promise<Answer> {
    const maxBytes = checkMaxResponseBytes(call.maxResponseBytes) ?? this.#maxResponseBytes;
    return this.#connections.read(request, address, maxBytes);
  }

  /** The text of an answer that is no error. */
  #check(call: ResourceCall, { response, text }: Answer): string {
    const { method, path } = call;
    // A look at a header has its price, so only where somebody listens.
    if (this.onEvent !== undefined) {
      for (const message of warningsOf(response.header("warning"))) {
        notify(this.onEvent, { type: "warning", message, method, path: withoutQuery(path) });
      }
    }
    if (response.status < 200 || response.status > 299) throw this.#toError(call, response, text);
    return text;
  }

  /** A call as a request. */
  #toRequest(call: ResourceCall, address: string): OutgoingRequest {
    const { method, body, contentType = "application/json", signal } = call;
    let headers = this.#accept.setDefault(readHeaders(call.headers), "application/json");
    if (body !== undefined) headers = this.#contentType.setDefault(headers, contentType);
    const sent = body === undefined ? null : JSON.stringify(body);
    headers = withoutLength(headers, sent);
    const connections = this.#connections;
    return this.#sign({
      method,
      url: connections.resolve(address),
      headers,
      headerLines: [],
      authorized: headers.has("authorization"),
      body: sent,
      redirect: "follow",
      timeoutMs:
        checkDuration("timeoutMs", call.timeoutMs, timeLimit) ?? connections.peek().timeoutMs,
      signal,
    });
  }

  /** What a caller passed to a `fetch` as a request. */
  #fromInit(
    address: string,
    init: FetchInit,
    request?: Request,
  ): OutgoingRequest | Promise<OutgoingRequest> {
    const url = this.#connections.resolve(address);
    const { timeoutMs } = this.#connections.peek();
    return readRequest(url, { request, init, timeoutMs, clock: this.clock });
  }

  /** Says who asks, unless the caller does. */
  #sign(request: OutgoingRequest): OutgoingRequest {
    request.headers = this.#agent.setDefault(request.headers, this.#userAgent);
    return request;
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

/** Where a call goes on its server. */
function addressOf({ method, path, query }: ResourceCall): string {
  if (typeof path === "string") return withQuery(path, query);
  throw new TypeError(`Cannot ${method}: the path is ${kindOf(path)}, not a string`);
}

function withoutQuery(path: string): string {
  return path.split("?", 1)[0] ?? path;
}
