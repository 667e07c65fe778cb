/**
 * A client of one cluster.
 *
 * @module
 */

import { cleanCause } from "../clean-cause.ts";
import { ConnectionError } from "../errors.ts";
import { type EventListener, notify } from "../events.ts";
import { checkDuration, checkKnown, checkMaxResponseBytes, kindOf, timeLimit } from "../options.ts";
import type { Capabilities, Runtime, TransportResponse, UpgradedConnection } from "../runtime.ts";
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
import type { ApiError } from "../api/api-error.ts";
import { refusal } from "../api/apply-conflict.ts";
import type { ConfigFollower } from "./config-follower.ts";
import type { Discovery, DiscoverOptions } from "../resources/discovery.ts";
import {
  type CallOptions,
  type ResourceCall,
  type ResourceClient,
  type UpgradeCall,
  callOptionNames,
} from "../api/api-call.ts";
import { type PatchOptions, patchContentType } from "../api/patch.ts";
import type { ClientStatus } from "./status.ts";
import type { KubeObject } from "../api/object.ts";
import type { ResourceKind } from "../resources/kind.ts";
import type { Resource } from "../resources/resource.ts";
import type { ResourceOptions } from "../resources/kind.ts";
import { warningsOf } from "../api/warning-header.ts";

/** A client of one cluster. */
export interface KubeClient extends AsyncDisposable {
  /** The API server's URL; another one once a kubeconfig has changed. */
  readonly server: string;
  /** The namespace to work in: the pod's own, in a cluster. */
  readonly namespace: string;
  /** What this runtime can do. */
  readonly capabilities: Capabilities;

  /**
   * Sends a request, as the web's `fetch` does. An answer of any status is a response.
   *
   * @param input A path such as `/api/v1/pods`, or a URL or `Request` of the server's origin.
   * @throws {TypeError} if it is for another origin, before anything connects.
   * @throws {UntrustedServerError} if the server's certificate is rejected, also after a reload.
   * @throws {ConnectionError | TimeoutError | ClosedError} if no response came.
   * @throws The signal's reason, if its signal was aborted.
   */
  fetch(input: string | URL | Request, init?: FetchInit): Promise<Response>;
  /**
   * Gets JSON.
   *
   * @throws {ApiError} if the server rejects. Beside that as {@link KubeClient.fetch}.
   */
  get<T = unknown>(path: string, options?: CallOptions): Promise<T>;
  /** Posts JSON: creates a resource. Throws as {@link KubeClient.get}. */
  post<T = unknown>(path: string, body: unknown, options?: CallOptions): Promise<T>;
  /** Puts JSON: replaces a resource. Throws as {@link KubeClient.get}. */
  put<T = unknown>(path: string, body: unknown, options?: CallOptions): Promise<T>;
  /** Patches a resource. Throws as {@link KubeClient.get}. */
  patch<T = unknown>(path: string, body: unknown, options?: PatchOptions): Promise<T>;
  /** Deletes a resource, with an optional body of `DeleteOptions`. Throws as {@link KubeClient.get}. */
  delete<T = unknown>(path: string, options?: DeleteCallOptions): Promise<T>;

  /**
   * Binds a kind of resource, to get, write, watch and wait for its objects.
   *
   * @param kind One of `reanchor/resources`, or what `defineResource()` gives.
   * @throws {TypeError} if a namespace is given to a kind that is in none.
   */
  resource<T extends KubeObject, Verbs extends Resource<T>>(
    kind: ResourceKind<T, Verbs>,
    options?: ResourceOptions,
  ): Verbs;
  /**
   * Asks the server which kinds it has, once: what it said is kept until it is asked to `refresh`.
   *
   * @throws as {@link KubeClient.get}.
   */
  discover(options?: DiscoverOptions): Promise<Discovery>;

  /** How trust, identity and connections are doing, with no I/O. */
  status(): ClientStatus;
  /** Ends every request and connection. A closed client can't be opened again. */
  close(): Promise<void>;
}

/** How a resource is deleted. */
export interface DeleteCallOptions extends CallOptions {
  /** A body of `DeleteOptions` (`meta/v1`). */
  body?: unknown;
}

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

/** Makes a client out of its parts. */
export function createClient({
  runtime,
  connections,
  userAgent,
  maxResponseBytes,
  fieldManager,
  onEvent,
}: ClientParts): KubeClient {
  const { clock, capabilities } = runtime;
  const addresses = new Addresses();

  function toUrlOf(address: string): (server: URL) => URL {
    return (server) => addresses.resolve(address, server);
  }

  /** Says who asks, unless the caller does. */
  function signed(request: OutgoingRequest): OutgoingRequest {
    if (!request.headers.has("user-agent")) request.headers.set("user-agent", userAgent);
    return request;
  }

  async function exchange(
    options: ResourceCall,
  ): Promise<{ readonly request: OutgoingRequest; readonly text: string }> {
    const {
      method,
      path,
      query,
      body,
      contentType = "application/json",
      signal,
      timeoutMs,
    } = options;
    if (typeof path !== "string") {
      throw new TypeError(`Cannot ${method}: the path is ${kindOf(path)}, not a string`);
    }
    const maxBytes = checkMaxResponseBytes(options.maxResponseBytes, maxResponseBytes);
    const headers = readHeaders(options.headers);
    if (!headers.has("accept")) headers.set("accept", "application/json");
    if (body !== undefined && !headers.has("content-type"))
      headers.set("content-type", contentType);
    const sent = body === undefined ? null : JSON.stringify(body);
    dropLength(headers, sent);
    const toUrl = toUrlOf(withQuery(path, query));
    const connection = connections.peek();
    const request = signed({
      method,
      url: toUrl(connection.server),
      headers,
      headerLines: [],
      authorized: headers.has("authorization"),
      body: sent,
      redirect: "follow",
      timeoutMs: checkDuration("timeoutMs", timeoutMs, connection.timeoutMs, timeLimit),
      signal,
    });
    const { response, text } = await connections.read(request, toUrl, maxBytes);
    for (const message of warningsOf(response.header("warning"))) {
      notify(onEvent, { type: "warning", message, method, path: withoutQuery(path) });
    }
    if (response.status < 200 || response.status > 299) throw refused(method, path, response, text);
    return { request, text };
  }

  function refused(
    method: string,
    path: string,
    response: TransportResponse,
    body: string,
  ): ApiError {
    const retryAfterMs = parseRetryAfter(response.header("retry-after"), clock.wallNow());
    return refusal({
      method,
      path: withoutQuery(path),
      status: response.status,
      body,
      retryAfterSeconds: retryAfterMs && Math.ceil(retryAfterMs / 1_000),
    });
  }

  async function call<T>(options: ResourceCall): Promise<T> {
    const { request, text } = await exchange(options);
    if (text === "") return undefined as T;
    try {
      return JSON.parse(text) as T;
    } catch (cause) {
      throw new ConnectionError(`Cannot ${describe(request)}: the answer is not JSON`, {
        cause: cleanCause(cause),
      });
    }
  }

  async function fetch(input: string | URL | Request, init: FetchInit = {}): Promise<Response> {
    // A text is looked for first: on Node, naming `Request` loads all of `fetch`.
    const isRequest = typeof input !== "string" && input instanceof Request;
    const [given, text] = isRequest ? [input, input.url] : [undefined, String(input)];
    const toUrl = toUrlOf(text);
    const { server, timeoutMs } = connections.peek();
    const request = await readRequest(toUrl(server), given, init, timeoutMs);
    return (await connections.send(signed(request), toUrl)).toResponse();
  }

  async function open(path: string, init: FetchInit = {}, verb = "GET"): Promise<Response> {
    const toUrl = toUrlOf(path);
    const { server, timeoutMs } = connections.peek();
    const request = await readRequest(toUrl(server), undefined, init, timeoutMs);
    const { response, text } = await connections.open(signed(request), toUrl);
    if (text !== undefined) throw refused(verb, path, response, text);
    return response.toResponse();
  }

  async function upgrade({
    path,
    headers,
    signal,
    ...others
  }: UpgradeCall): Promise<UpgradedConnection> {
    // Loaded where it is used: few programs stream into pods.
    const { Channel } = await import("../transport/channel.ts");
    const channel = new Channel();
    const toUrl = toUrlOf(path);
    const { server, timeoutMs } = connections.peek();
    const request = signed({
      method: "GET",
      url: toUrl(server),
      headers: new Map(Object.entries(headers)),
      headerLines: [],
      authorized: false,
      body: null,
      redirect: "manual",
      timeoutMs: checkDuration("timeoutMs", others.timeoutMs, timeoutMs, timeLimit),
      signal,
      sendBy: channel.send,
    });
    const { response, text } = await connections.open(request, toUrl);
    if (text !== undefined) throw refused("GET", path, response, text);
    return await channel.take(response, request);
  }

  const resources: ResourceClient = {
    get server() {
      return connections.peek().server.href;
    },
    get namespace() {
      return connections.peek().namespace;
    },
    fieldManager,
    clock,
    onEvent,
    closing: connections.closing,
    call,
    text: async (options) => (await exchange(options)).text,
    fetch,
    open,
    upgrade,
    local: runtime.local,
  };
  let discovery: Discovery | undefined;

  return {
    get server() {
      return resources.server;
    },
    get namespace() {
      return resources.namespace;
    },
    capabilities,
    fetch,
    get: (path, options) => send("GET", path, options),
    post: (path, body, options) => send("POST", path, options, body),
    put: (path, body, options) => send("PUT", path, options, body),
    async patch<T>(path: string, body: unknown, options: PatchOptions = {}): Promise<T> {
      checkKnown("patch", options, [...callOptionNames, "type"]);
      const { type, query: given, ...rest } = options;
      const contentType = patchContentType(body, type);
      const query = type === "apply" ? { fieldManager, ...given } : given;
      return await call<T>({ ...rest, query, method: "PATCH", path, body, contentType });
    },
    delete: (path, options) => send("DELETE", path, options, options?.body, ["body"]),
    resource(kind, options = {}) {
      checkKind(kind);
      return kind.bind(resources, options);
    },
    discover,
    status,
    close,
    [Symbol.asyncDispose]: close,
  };

  async function send<T>(
    method: string,
    path: string,
    options: CallOptions = {},
    body?: unknown,
    moreNames: readonly string[] = [],
  ): Promise<T> {
    checkKnown(method.toLowerCase(), options, [...callOptionNames, ...moreNames]);
    return await call<T>({ ...options, method, path, body });
  }

  async function discover(options: DiscoverOptions = {}): Promise<Discovery> {
    checkKnown("discover", options, ["refresh", "signal"]);
    const { refresh = false, signal } = options;
    if (discovery !== undefined && !refresh) return discovery;
    // Loaded where it is used: most programs know their kinds.
    const { askKinds } = await import("../resources/discovery.ts");
    discovery = await askKinds(resources, signal);
    return discovery;
  }

  function status(): ClientStatus {
    const { health, closed, status: kubeconfig } = connections;
    const connection = connections.peek().status();
    const { ca, token, clientCert } = connection;
    const isStale = [ca, token, clientCert, kubeconfig].some((source) => source?.stale === true);
    return {
      healthy: health.isAccepted && !isStale && !closed,
      lastSuccessAt: health.lastSuccessAt,
      lastFailure: health.lastFailure,
      ...connection,
      kubeconfig,
      closed,
    };
  }

  async function close(): Promise<void> {
    await connections.close();
  }
}

function withoutQuery(path: string): string {
  return path.split("?", 1)[0] ?? path;
}

function checkKind(kind: unknown): void {
  if (typeof kind === "object" && kind !== null && "bind" in kind) return;
  throw new TypeError(
    `Cannot bind a resource: expected a kind, not ${kindOf(kind)}; import it from reanchor/resources, as in kube.resource(Pod), describe it with defineResource(), or find it with kube.discover()`,
  );
}
