/**
 * An in-memory cluster for tests, as a test sees it: its options and its methods. `fake-cluster.ts` makes one.
 *
 * @module
 */

import type { KubeObject, Stored } from "../api/object.ts";
import type { KubeClient } from "../client/client.ts";
import type { ConnectOptions } from "../client/connect.ts";
import type { Impersonation } from "../config/impersonation.ts";
import type { ManifestObject } from "../manifests/manifest-object.ts";
import type { ResourceKind } from "../resources/kind.ts";
import type { Clock } from "../runtime.ts";
import type { SourceOptions } from "../sources/source.ts";
import type { FakeListenOptions, FakeServer } from "./fake-servers.ts";
import type { FakeRequest } from "./model/fake-api.ts";
import type { FakeFetch } from "./model/fake-fetch.ts";
import type { Fault, RandomFaults } from "./model/faults.ts";
import type { OpenWatch } from "./model/open-watches.ts";
import type { Verb } from "./model/request-target.ts";
import type { Authorize } from "./model/reviews.ts";
import type { FakeKind } from "./seeded-objects.ts";

/** The options of `createFakeCluster()`. */
export interface FakeClusterOptions {
  /**
   * The initial objects, of any kinds, each with `apiVersion` and `kind`. `List`s and the result of
   * `readManifests()` work too. Missing namespaces are created.
   */
  objects?: Iterable<KubeObject | ManifestObject> | undefined;
  /**
   * Further kinds beside the built-in ones: what `defineResource()` returns. A CustomResourceDefinition adds
   * its kind by itself, whether it is in `objects` or created later.
   */
  kinds?: readonly FakeKind[] | undefined;
  /**
   * The clock of the cluster and of its clients, such as a {@link ManualClock}.
   *
   * @default the runtime's own time
   */
  clock?: Clock | undefined;
  /**
   * Decides what clients may do. If it denies a request, the request fails with 403 and `can()` returns
   * `false`.
   *
   * @default anything
   */
  authorize?: Authorize | undefined;
}

/**
 * How to connect to a fake cluster: the options of `connect()` without its config and without those about
 * connections.
 */
export interface FakeConnectOptions
  extends
    Pick<
      ConnectOptions,
      | "drainTimeoutMs"
      | "fieldManager"
      | "maxResponseBytes"
      | "maxRetryAfterMs"
      | "onEvent"
      | "timeoutMs"
      | "trustWaitMs"
      | "userAgent"
      | "warnBeforeExpiryMs"
    >,
    SourceOptions {
  /**
   * The client's namespace. It is created if it does not exist.
   *
   * @default "default"
   */
  namespace?: string | undefined;
  /** The user to impersonate. */
  impersonate?: Impersonation | undefined;
}

/** Selects requests: those that match every property that is set. */
export interface FakeRequestFilter {
  /**
   * The verb as the API server names it: `replace()` is an `update`, `apply()` a `patch`, and a watch or an informer
   * asks for `watch`.
   */
  verb?: Verb | undefined;
  /** The kind, such as `Pod`. */
  kind?: FakeKind | undefined;
  /** The namespace. */
  namespace?: string | undefined;
  /** The object's name. */
  name?: string | undefined;
  /** As in `status`. */
  subresource?: string | undefined;
}

/** Which requests fail, and how many of them. */
export interface FailNextOptions extends FakeRequestFilter {
  /**
   * How many requests fail.
   *
   * @default 1
   */
  times?: number | undefined;
}

/** How a cluster rotates. */
export interface RotateOptions {
  /**
   * Whether clients can read the new CA and token at once. If not, their requests wait, until
   * {@link FakeCluster.publish} or until their `trustWaitMs` has passed.
   *
   * @default true
   */
  publish?: boolean | undefined;
  /**
   * Whether clients trust the new CA before the server changes, and the old one after that, until
   * {@link FakeCluster.publish} removes the old one. Careful cluster operators rotate in this way.
   *
   * @default false
   */
  overlap?: boolean | undefined;
}

/** Selects an object, together with its name. */
export interface FakeObjectOptions {
  /**
   * Its namespace.
   *
   * @default "default"
   */
  namespace?: string | undefined;
}

/** Selects the log that a line is written to. */
export interface FakeLogOptions extends FakeObjectOptions {
  /** The container. Required if the pod has more than one. */
  container?: string | undefined;
}

/** An in-memory cluster for tests, returned by `createFakeCluster()`. */
export interface FakeCluster extends AsyncDisposable {
  /**
   * Connects a client. No port is opened. Apart from that, the client behaves as in a pod of a real cluster:
   * it trusts the cluster's CA, sends the token of a service account, and reloads both as they age.
   *
   * @throws {TypeError | RangeError} if an option is unknown or has an invalid value.
   */
  connect(options?: FakeConnectOptions): Promise<KubeClient>;
  /**
   * Sends one request to the cluster, with the interface of the web's `fetch`. The origin of the URL is
   * ignored. Pass it as the option `fetch` of `connect()` from `reanchor/edge`, or to any other client that
   * accepts a `fetch`.
   */
  readonly fetch: FakeFetch;
  /**
   * Listens on 127.0.0.1 with HTTPS and HTTP/1.1, for programs that open their own connections: other clients,
   * and other processes. The cluster's CA signs its certificate, which changes with {@link FakeCluster.rotate}.
   * Needs Node, Deno or Bun.
   *
   * @returns The server. It is closed with the cluster.
   * @throws {ConfigError} if the runtime has no servers, as on the edge.
   * @throws {TypeError | RangeError} if an option is unknown or has an invalid value.
   *
   * @example
   * ```ts
   * import { createFakeCluster } from "@reanchor/reanchor/testing";
   *
   * const fake = createFakeCluster();
   * const server = await fake.listen();
   * console.assert(server.url === `https://127.0.0.1:${server.port}`);
   * console.assert(server.kubeconfig().includes(server.url));
   * const before = server.ca;
   * await fake.rotate();
   * console.assert(server.ca !== before);
   * await fake.close();
   * ```
   */
  listen(options?: FakeListenOptions): Promise<FakeServer>;
  /** Every request received so far, oldest first. */
  readonly requests: readonly FakeRequest[];
  /** The watches that are open. */
  readonly openWatches: readonly OpenWatch[];

  /**
   * Stores an object unchanged, and replaces an existing one of the same name. No request is recorded, and
   * watches receive the change, as if a controller or another user had written it.
   *
   * @returns The object as stored.
   * @throws {TypeError} if it has no name, or the cluster does not have the kind.
   */
  put<T extends KubeObject>(kind: ResourceKind<T>, object: NoInfer<T>): Stored<T>;
  /** Returns the objects of a kind in all namespaces, sorted by namespace and name. */
  objects<T extends KubeObject>(kind: ResourceKind<T>): Stored<T>[];
  /** Returns an object, or `undefined` if none has that name. */
  object<T extends KubeObject>(
    kind: ResourceKind<T>,
    name: string,
    options?: FakeObjectOptions,
  ): Stored<T> | undefined;
  /** Removes an object at once, even if it has finalizers. Does nothing if the object does not exist. */
  remove(kind: FakeKind, name: string, options?: FakeObjectOptions): void;
  /**
   * Writes a line to the log of a pod's container.
   *
   * @throws {TypeError} if the pod does not exist, or if it has several containers and none was named.
   */
  log(pod: string, line: string, options?: FakeLogOptions): void;

  /** Makes the next requests that match `options` fail. A client that retries sends such a request again. */
  failNext(fault: Fault, options?: FailNextOptions): void;
  /** Makes random requests fail. The same seed selects the same requests in each run. */
  failSometimes(faults: RandomFaults, filter?: FakeRequestFilter): void;
  /** Cancels {@link FakeCluster.failNext} and {@link FakeCluster.failSometimes}. */
  clearFailures(): void;
  /**
   * Ends watches cleanly, as their timeout does, and returns how many. Ends the watches of all kinds if no
   * kind is given.
   */
  endWatches(kind?: FakeKind): number;
  /**
   * Ends watches with the error 410 and discards the history, so that a client has to list again. Returns how
   * many watches it ended. Ends the watches of all kinds if no kind is given.
   */
  expireWatches(kind?: FakeKind): number;
  /**
   * Waits for a matching request.
   *
   * @returns The first matching request, which may have arrived already.
   */
  waitForRequest(filter?: FakeRequestFilter, signal?: AbortSignal): Promise<FakeRequest>;

  /**
   * Replaces the cluster's CA, its certificate and its clients' tokens, as a rotation does. Ends all streams,
   * as a restart of the API server does. Servers stop listening for a moment, and close their connections.
   *
   * @throws {TypeError} if `overlap` is true and `publish` is false.
   */
  rotate(options?: RotateOptions): Promise<void>;
  /** Lets clients read the current CA and token. */
  publish(): Promise<void>;
  /** Closes every client and every server, and leaves nothing running. */
  close(): Promise<void>;
}
