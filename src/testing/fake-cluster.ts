/**
 * Makes an in-memory cluster for tests.
 *
 * @module
 */

import { orAborted } from "../abort.ts";
import type { KubeObject, Stored } from "../api/object.ts";
import type { KubeClient } from "../client/client.ts";
import { bindConnect } from "../client/connect.ts";
import { bindFunctionCaSource } from "../sources/ca-source.ts";
import { bindFunctionTokenSource } from "../sources/token-source.ts";
import { ClosedError } from "../errors.ts";
import { checkFlag, checkKnown, checkObject, kindOf } from "../options.ts";
import type { ResourceKind } from "../resources/kind.ts";
import { type Runtime, systemClock } from "../runtime.ts";
import { pickSourceOptions, sourceOptionNames } from "../sources/source.ts";
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
import { fakeFetch } from "./model/fake-fetch.ts";
import { type Fault, type FaultWhere, fits } from "./model/faults.ts";
import type { ApiObject, StoredObject } from "./model/objects.ts";
import type { ApiAnswer, ApiRequest } from "./model/request-target.ts";
import {
  type FakeKind,
  addedKinds,
  builtInKinds,
  checkKind,
  checkPlace,
  seed,
} from "./seeded-objects.ts";
import type {
  FakeCluster,
  FakeClusterOptions,
  FakeConnectOptions,
  FakeObjectOptions,
  FakeRequestFilter,
  RotateOptions,
} from "./fake-cluster-types.ts";

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

const filterNames: readonly (keyof FakeRequestFilter)[] = [
  "verb",
  "kind",
  "namespace",
  "name",
  "subresource",
];

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
