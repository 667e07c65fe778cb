/**
 * An in-memory cluster for tests.
 *
 * @module
 */

import { orAborted } from "../abort.ts";
import type { KubeObject, Stored } from "../api/object.ts";
import type { KubeClient } from "../client/client.ts";
import { type ConnectOptions, bindConnect } from "../client/connect.ts";
import { bindFunctionCaSource } from "../sources/ca-source.ts";
import { bindFunctionTokenSource } from "../sources/token-source.ts";
import type { Impersonation } from "../config/impersonation.ts";
import { ClosedError } from "../errors.ts";
import type { ManifestObject } from "../manifests/manifest-object.ts";
import { checkFlag, checkKnown, checkObject, kindOf } from "../options.ts";
import type { ResourceKind } from "../resources/kind.ts";
import { type Clock, type Runtime, systemClock } from "../runtime.ts";
import { pickSourceOptions, sourceOptionNames, type SourceOptions } from "../sources/source.ts";
import { FakeIdentity } from "./fake-identity.ts";
import {
  type FakeListenOptions,
  type FakeServer,
  FakeServers,
  type ServerHost,
  checkListenOptions,
} from "./fake-servers.ts";
import { MemoryConnectionError, createMemoryRuntime } from "./memory-runtime.ts";
import { containersOf } from "./model/container-logs.ts";
import { type FakeApi, type FakeRequest, createFakeApi } from "./model/fake-api.ts";
import { type FakeFetch, fakeFetch } from "./model/fake-fetch.ts";
import { type Fault, type FaultWhere, type RandomFaults, fits } from "./model/faults.ts";
import type { ApiObject, StoredObject } from "./model/objects.ts";
import type { OpenWatch } from "./model/open-watches.ts";
import type { ApiAnswer, ApiRequest, Verb } from "./model/request-target.ts";
import type { Authorize } from "./model/reviews.ts";
import {
  type FakeKind,
  addedKinds,
  builtInKinds,
  checkKind,
  checkPlace,
  seed,
} from "./seeded-objects.ts";

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

const connectNames: readonly (keyof FakeConnectOptions)[] = [
  "drainTimeoutMs",
  "fieldManager",
  "impersonate",
  "maxResponseBytes",
  "maxRetryAfterMs",
  "namespace",
  "onEvent",
  "timeoutMs",
  "trustWaitMs",
  "userAgent",
  "warnBeforeExpiryMs",
  ...sourceOptionNames,
];

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

const filterNames: readonly (keyof FakeRequestFilter)[] = [
  "verb",
  "kind",
  "namespace",
  "name",
  "subresource",
];

/** Which requests fail, and how many of them. */
export interface FailNextOptions extends FakeRequestFilter {
  /**
   * How many requests fail.
   *
   * @default 1
   */
  times?: number | undefined;
}

const faultNames: readonly (keyof Fault)[] = [
  "status",
  "reason",
  "message",
  "retryAfterSeconds",
  "delayMs",
  "isLost",
  "isAnswerLost",
  "isSilent",
  "isEmpty",
  "firstLine",
  "cutAfterBytes",
  "endAfterBytes",
  "silentAfterBytes",
  "chunkBytes",
  "warning",
];

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

/** What a cluster needs from the runtime. */
export interface FakeClusterHost {
  /** A runtime without files, programs and an environment, for what is sent over no connection. */
  readonly base: Runtime;
  /** Finds what can listen. Throws if the runtime has no servers. */
  readonly findServerHost: () => ServerHost;
}

/** Creates a fake cluster. */
export function makeFakeCluster(
  { base, findServerHost }: FakeClusterHost,
  options: FakeClusterOptions,
): FakeCluster {
  checkKnown("createFakeCluster", options, ["objects", "kinds", "clock", "authorize"]);
  const { objects = [], clock = systemClock, authorize } = options;
  checkFunction("authorize", authorize);
  const builtIn = builtInKinds();
  const kinds = [...builtIn, ...addedKinds(options.kinds, builtIn)];
  const identity = new FakeIdentity(clock);
  const api = createFakeApi({
    kinds,
    clock,
    hasControllers: true,
    ...(authorize && { authorize }),
    authenticate: (headers) => identity.accepts(headers.get("authorization")),
  });
  const clients = new Set<KubeClient>();
  const servers = new FakeServers(findServerHost, { identity, handle });
  let isClosed = false;
  let latest: Promise<unknown> = Promise.resolve();

  async function handle(request: ApiRequest): Promise<ApiAnswer> {
    if (isClosed) throw new ClosedError();
    return await api.handle(request);
  }

  /** One after the other: a server that starts during a rotation would keep the former certificate. */
  async function inTurn<T>(act: () => Promise<T>): Promise<T> {
    const turn = latest.then(act);
    latest = turn.catch(() => {});
    return await turn;
  }

  async function listen(given: FakeListenOptions = {}): Promise<FakeServer> {
    const checked = checkListenOptions(given);
    return await inTurn(async () => {
      if (isClosed) throw new ClosedError();
      const server = await servers.listen(checked);
      makeNamespace(checked.namespace);
      return server;
    });
  }

  async function publish(): Promise<void> {
    await identity.publish();
    await servers.writeFiles();
  }

  async function rotate({ overlaps, publishes }: RotationSteps): Promise<void> {
    const next = await identity.prepare();
    if (overlaps) {
      identity.addToBundle(next);
      await servers.writeFiles();
    }
    identity.rotate(next);
    await servers.renew();
    if (overlaps) {
      identity.publishToken();
      await servers.writeFiles();
    } else if (publishes) await publish();
    api.endWatches();
    api.endLogStreams();
  }

  const runtime: Runtime = createMemoryRuntime(base, {
    clock,
    fetch: fakeFetch(
      { handle },
      { lost: () => new MemoryConnectionError("the connection was lost") },
    ),
    servingCa: async () => (await identity.serving()).pem,
  });
  const connectTo = bindConnect(runtime);

  function makeNamespace(name: string): void {
    const namespaces = { group: "", version: "v1", plural: "namespaces" };
    if (api.objects(namespaces).some(({ metadata }) => metadata.name === name)) return;
    const labels = { "kubernetes.io/metadata.name": name };
    const content = { spec: { finalizers: ["kubernetes"] }, status: { phase: "Active" } };
    api.put(namespaces, { metadata: { name, labels }, ...content });
  }

  async function connect(given: FakeConnectOptions = {}): Promise<KubeClient> {
    checkKnown("connect of a fake cluster", given, connectNames);
    if (isClosed) throw new ClosedError();
    const { namespace = "default", impersonate, ...settings } = given;
    const sourceOptions = pickSourceOptions(settings);
    for (const name of sourceOptionNames) delete settings[name];
    const kube = await connectTo({
      ...settings,
      config: {
        server: SERVER,
        namespace,
        impersonate,
        ca: bindFunctionCaSource(runtime)(() => identity.publishedCa(), sourceOptions),
        token: bindFunctionTokenSource(runtime)(() => identity.publishedToken, sourceOptions),
      },
    });
    makeNamespace(namespace);
    clients.add(kube);
    return kube;
  }

  function placeOf(kind: FakeKind, what: string): FakeKind {
    const checked = checkKind(what, kind);
    const isKnown = api.kinds.some(
      (one) =>
        one.group === checked.group &&
        one.version === checked.version &&
        one.plural === checked.plural,
    );
    if (isKnown) return checked;
    throw new TypeError(
      `Cannot use ${what}: the cluster has no ${checked.kind} of ${checked.group || "core"}/${checked.version}; add the kind to the option kinds of createFakeCluster`,
    );
  }

  function whereOf(what: string, filter: FakeRequestFilter): FaultWhere {
    const { verb, kind, namespace, name, subresource } = filter;
    const { group, plural } = kind === undefined ? {} : placeOf(kind, `kind of ${what}`);
    return {
      ...(verb !== undefined && { verb }),
      ...(group !== undefined && { group }),
      ...(plural !== undefined && { plural }),
      ...(namespace !== undefined && { namespace }),
      ...(name !== undefined && { name }),
      ...(subresource !== undefined && { subresource }),
    };
  }

  function pluralOf(kind: FakeKind | undefined): string | undefined {
    return kind === undefined ? undefined : placeOf(kind, "the kind").plural;
  }

  for (const name of NAMESPACES) makeNamespace(name);
  seed(api, api.kinds, objects);
  for (const kind of api.kinds) {
    if (!kind.namespaced) continue;
    for (const { metadata } of api.objects(kind)) makeNamespace(metadata.namespace ?? "default");
  }

  async function close(): Promise<void> {
    isClosed = true;
    await Promise.all([...clients].map(async (kube) => await kube.close()));
    api.endWatches();
    api.endLogStreams();
    await inTurn(async () => await servers.close());
  }

  return {
    connect,
    fetch: fakeFetch({ handle }),
    get requests() {
      return api.requests;
    },
    get openWatches() {
      return api.openWatches;
    },
    put<T extends KubeObject>(kind: ResourceKind<T>, object: T): Stored<T> {
      const known = placeOf(kind, "the kind of put");
      checkObject("the object of put", object, 'pass { metadata: { name: "a" } }');
      checkPlace("the object of put", object, known);
      if (known.namespaced) makeNamespace(object.metadata?.namespace ?? "default");
      return copyOf<T>(api.put(known, object as KubeObject as ApiObject));
    },
    objects<T extends KubeObject>(kind: ResourceKind<T>): Stored<T>[] {
      return api.objects(placeOf(kind, "the kind of objects")).map((object) => copyOf<T>(object));
    },
    object<T extends KubeObject>(
      kind: ResourceKind<T>,
      name: string,
      place: FakeObjectOptions = {},
    ): Stored<T> | undefined {
      checkKnown("object", place, ["namespace"]);
      const known = placeOf(kind, "the kind of object");
      const namespace = known.namespaced ? (place.namespace ?? "default") : undefined;
      const found = api
        .objects(known)
        .find(({ metadata }) => metadata.name === name && metadata.namespace === namespace);
      return found && copyOf<T>(found);
    },
    remove(kind, name, place = {}) {
      checkKnown("remove", place, ["namespace"]);
      api.remove(placeOf(kind, "the kind of remove"), place.namespace, name);
    },
    log(pod, line, place = {}) {
      checkKnown("log", place, ["namespace", "container"]);
      const { namespace = "default" } = place;
      api.log(`${namespace}/${pod}`, place.container ?? onlyContainer(api, namespace, pod), line);
    },
    failNext(fault, given = {}) {
      checkKnown("failNext", given, [...filterNames, "times"]);
      checkFault("the fault of failNext", fault);
      const { times = 1, ...filter } = given;
      if (!Number.isInteger(times) || times < 1) {
        throw new RangeError(
          "Cannot use option times of failNext: it must be a whole number from 1",
        );
      }
      api.faults.next(whereOf("failNext", filter), fault, times);
    },
    failSometimes(faults, filter = {}) {
      checkKnown("failSometimes", filter, filterNames);
      checkKnown("the faults of failSometimes", faults, ["seed", "rate", "of"]);
      for (const fault of faults.of) checkFault("a fault of failSometimes", fault);
      api.faults.sometimes(whereOf("failSometimes", filter), faults);
    },
    clearFailures: () => api.faults.clear(),
    endWatches: (kind) => api.endWatches(pluralOf(kind)),
    expireWatches(kind) {
      api.compact();
      return api.expireWatches(pluralOf(kind));
    },
    async waitForRequest(filter = {}, signal) {
      checkKnown("waitForRequest", filter, filterNames);
      const where = whereOf("waitForRequest", filter);
      signal?.throwIfAborted();
      const earlier = api.requests.find((request) => fits(request, where));
      if (earlier !== undefined) return earlier;
      let stop = (): void => {};
      const next = new Promise<FakeRequest>((resolve) => {
        stop = api.onRequest((request) => {
          if (fits(request, where)) resolve(request);
        });
      });
      return await orAborted(next, signal).finally(stop);
    },
    listen,
    async rotate(given = {}) {
      const steps = checkRotation(given);
      await inTurn(async () => await rotate(steps));
    },
    publish: () => inTurn(publish),
    close,
    [Symbol.asyncDispose]: close,
  };
}

/** The origin that a fake cluster has for its clients. */
const SERVER = "https://fake-cluster.invalid";

/** The namespaces of every cluster. */
const NAMESPACES = ["default", "kube-node-lease", "kube-public", "kube-system"];

/** Returns the name of a pod's only container. */
function onlyContainer(api: FakeApi, namespace: string, name: string): string {
  const pod = api
    .objects({ group: "", version: "v1", plural: "pods" })
    .find(({ metadata }) => metadata.name === name && metadata.namespace === namespace);
  if (pod === undefined) {
    throw new TypeError(`Cannot write a log: there is no pod ${namespace}/${name}; put() it first`);
  }
  const names = containersOf(pod);
  const [only] = names;
  if (only !== undefined && names.length === 1) return only;
  const which = names.length === 0 ? "none" : names.join(", ");
  throw new TypeError(
    `Cannot write a log of pod ${namespace}/${name}: its containers are ${which}; pass the option container`,
  );
}

/** A copy for a test, which may change it. The model knows no types of kinds: its caller does. */
function copyOf<T extends KubeObject>(object: StoredObject): Stored<T> {
  return structuredClone(object) as KubeObject as Stored<T>;
}

interface RotationSteps {
  readonly overlaps: boolean;
  readonly publishes: boolean;
}

function checkRotation(options: RotateOptions): RotationSteps {
  checkKnown("rotate", options, ["publish", "overlap"]);
  const publishes = options.publish === undefined || checkFlag("publish", options.publish);
  const overlaps = checkFlag("overlap", options.overlap);
  if (publishes || !overlaps) return { overlaps, publishes };
  throw new TypeError(
    "Cannot use option overlap of rotate with publish: false: an overlap is a bundle that has been published; pass one of the two",
  );
}

function checkFunction(name: string, value: unknown): void {
  if (value === undefined || typeof value === "function") return;
  throw new TypeError(`Cannot use option ${name}: it must be a function, not ${kindOf(value)}`);
}

function checkFault(what: string, fault: Fault): void {
  checkObject(what, fault, "pass { status: 500 } or { isLost: true }");
  checkKnown(what, fault, faultNames);
}
