/**
 * A client of one cluster.
 *
 * @module
 */

import { type CallOptions, callOptionNames } from "../api/api-call.ts";
import type { KubeObject } from "../api/object.ts";
import { type PatchOptions, patchContentType } from "../api/patch.ts";
import { checkKnown, kindOf } from "../options.ts";
import type { Capabilities } from "../runtime.ts";
import type { DiscoverOptions, Discovery } from "../resources/discovery.ts";
import type { ResourceKind, ResourceOptions } from "../resources/kind.ts";
import type { Resource } from "../resources/resource.ts";
import type { FetchInit } from "../transport/request.ts";
import { ApiCaller, type ClientParts } from "./api-caller.ts";
import type { ConfigFollower } from "./config-follower.ts";
import type { CanOptions, PathAccess, ResourceAccess, UserInfo } from "./permissions.ts";
import type { ClientStatus } from "./status.ts";

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

  /**
   * Asks whether this client may do something, as `kubectl auth can-i` does.
   *
   * @throws as {@link KubeClient.get}.
   *
   * @example
   * ```ts
   * import type { KubeClient } from "@reanchor/reanchor";
   * import { Pod } from "@reanchor/reanchor/resources";
   *
   * async function mayEvict(kube: KubeClient): Promise<boolean> {
   *   return await kube.can({ verb: "create", resource: Pod, subresource: "eviction", namespace: "*" });
   * }
   * console.assert(typeof mayEvict === "function");
   * ```
   */
  can(access: PathAccess | ResourceAccess, options?: CanOptions): Promise<boolean>;
  /**
   * Asks whom the server takes this client for, as `kubectl auth whoami` does.
   *
   * @throws as {@link KubeClient.get}.
   */
  whoAmI(options?: CanOptions): Promise<UserInfo>;

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

/** Makes a client out of its parts. */
export function createClient(parts: ClientParts): KubeClient {
  const { connections, fieldManager, runtime } = parts;
  const caller = new ApiCaller(parts);
  let discovery: Discovery | undefined;

  async function discover(options: DiscoverOptions = {}): Promise<Discovery> {
    checkKnown("discover", options, ["refresh", "signal"]);
    const { refresh = false, signal } = options;
    if (discovery !== undefined && !refresh) return discovery;
    // Loaded where it is used: most programs know their kinds.
    const { askKinds } = await import("../resources/discovery.ts");
    discovery = await askKinds(caller, signal);
    return discovery;
  }

  async function close(): Promise<void> {
    await connections.close();
  }

  return {
    get server() {
      return caller.server;
    },
    get namespace() {
      return caller.namespace;
    },
    capabilities: runtime.capabilities,
    fetch: (input, init) => caller.fetch(input, init),
    ...rawVerbs(caller, fieldManager),
    resource(kind, options = {}) {
      checkKind(kind);
      return kind.bind(caller, options);
    },
    discover,
    async can(access, options = {}) {
      checkKnown("can", options, ["signal"]);
      const { askAccess } = await import("./permissions.ts");
      return await askAccess(caller, access, options);
    },
    async whoAmI(options = {}) {
      checkKnown("whoAmI", options, ["signal"]);
      const { askIdentity } = await import("./permissions.ts");
      return await askIdentity(caller, options);
    },
    status: () => statusOf(connections),
    close,
    [Symbol.asyncDispose]: close,
  };
}

/** The verbs that take a path. */
function rawVerbs(
  caller: ApiCaller,
  fieldManager: string | undefined,
): Pick<KubeClient, "delete" | "get" | "patch" | "post" | "put"> {
  function send<T>(call: RawCall): Promise<T> {
    // One without options has nothing to check.
    return call.options === undefined ? caller.call<T>(call) : sendChecked<T>(call);
  }

  async function sendChecked<T>({ options = {}, moreNames = [], ...request }: RawCall): Promise<T> {
    checkKnown(request.method.toLowerCase(), options, [...callOptionNames, ...moreNames]);
    return await caller.call<T>({ ...options, ...request });
  }

  return {
    get: (path, options) => send({ method: "GET", path, options }),
    post: (path, body, options) => send({ method: "POST", path, options, body }),
    put: (path, body, options) => send({ method: "PUT", path, options, body }),
    async patch<T>(path: string, body: unknown, options: PatchOptions = {}): Promise<T> {
      checkKnown("patch", options, [...callOptionNames, "type"]);
      const { type, query: given, ...rest } = options;
      const contentType = patchContentType(body, type);
      const query = type === "apply" ? { fieldManager, ...given } : given;
      return await caller.call<T>({ ...rest, query, method: "PATCH", path, body, contentType });
    },
    delete: (path, options) =>
      send({ method: "DELETE", path, options, body: options?.body, moreNames: ["body"] }),
  };
}

/** A call by its path. */
interface RawCall {
  readonly method: string;
  readonly path: string;
  readonly options: CallOptions | undefined;
  readonly body?: unknown;
  /** Names of options that only this verb has. */
  readonly moreNames?: readonly string[];
}

function statusOf(connections: ConfigFollower): ClientStatus {
  const { health, closed, waitingForTrust, status: kubeconfig } = connections;
  const connection = connections.peek().status();
  const { ca, token, clientCert } = connection;
  const isStale = [ca, token, clientCert, kubeconfig].some((source) => source?.stale === true);
  return {
    healthy: health.isAccepted && waitingForTrust.length === 0 && !isStale && !closed,
    lastSuccessAt: health.lastSuccessAt,
    lastFailure: health.lastFailure,
    ...connection,
    waitingForTrust,
    kubeconfig,
    closed,
  };
}

function checkKind(kind: unknown): void {
  if (typeof kind === "object" && kind !== null && "bind" in kind) return;
  throw new TypeError(
    `Cannot bind a resource: expected a kind, not ${kindOf(kind)}; import it from reanchor/resources, as in kube.resource(Pod), describe it with defineResource(), or find it with kube.discover()`,
  );
}
