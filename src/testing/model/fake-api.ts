/**
 * A model of the Kubernetes API server: its storage, watches, logs and error responses, built on web
 * standards alone. A test reaches it over HTTP, through {@linkcode FakeApi.handle}, or directly through the
 * other methods.
 *
 * `test/e2e/fake-api.test.ts` compares it with kube-apiserver. What it does not do:
 *
 * - It has no schemas. It sets no defaults and validates only metadata, even with `fieldValidation`. Each
 *   list has one owner, as if every list were atomic, and a map has no owner apart from those of its entries.
 * - It supports no strategic merge patches, and no content type but JSON.
 * - It has no controllers: no garbage collection (so `propagationPolicy` has no effect), no kubelet that ends
 *   pods, and no deletion of a namespace's objects.
 *
 * @module
 */

import { startControllers } from "./controllers.ts";
import { systemClock } from "../../runtime.ts";
import { discover } from "./discovery-documents.ts";
import { Faults } from "./faults.ts";
import { withFault } from "./faulty-answer.ts";
import { answer, carryOut, type Handler } from "./handler.ts";
import { DEFAULT_KINDS, type KindDefinition } from "./served-kinds.ts";
import { Logs } from "./container-logs.ts";
import type { Model, ModelClock } from "./model.ts";
import type { ApiObject, StoredObject } from "./objects.ts";
import { expired, methodNotAllowed, noSuchResource, Refusal, refusalOf } from "./refusal.ts";
import {
  type ApiAnswer,
  type ApiRequest,
  keyOf,
  readTarget,
  type Target,
  type Verb,
  urlOf,
} from "./request-target.ts";
import { type Authorize, checkAccess } from "./reviews.ts";
import { answerServerPath } from "./server-paths.ts";
import { Store } from "./store.ts";
import { asAccepted } from "./views.ts";
import { type OpenWatch, Watches } from "./open-watches.ts";
import { freshMetadata } from "./writes.ts";

/** The options of a model. By default it behaves like a current server. */
export interface FakeApiOptions {
  /** @default {@linkcode DEFAULT_KINDS} */
  readonly kinds?: readonly KindDefinition[];
  /** @default the runtime's own time */
  readonly clock?: ModelClock;
  /**
   * The store's revision before the first write. @default 97, so that the versions of the first few objects
   * do not sort as text
   */
  readonly revision?: number;
  /** Whether watches can send the initial list, as in Kubernetes 1.34 and later. @default true */
  readonly streamingLists?: boolean;
  /** Whether aggregated discovery documents are served, as in Kubernetes 1.30 and later. @default true */
  readonly aggregatedDiscovery?: boolean;
  /**
   * Whether a watch from an expired version is answered with HTTP 410 instead of an `ERROR` event. @default
   * false
   */
  readonly expiredAsStatus?: boolean;
  /**
   * Whether it handles CustomResourceDefinitions and namespaces as a control plane's controllers do, and
   * rejects objects in namespaces that do not exist. @default false
   */
  readonly hasControllers?: boolean;
  /** Whether the credentials of a request are valid. @default all are */
  readonly authenticate?: (headers: Headers) => boolean;
  /** Decides what users may do. @default anything */
  readonly authorize?: Authorize;
}

/** A request as it was received. */
export interface FakeRequest {
  /**
   * The verb as the API server names it, as in `list` or `patch`; missing if the request is not about a
   * resource.
   */
  readonly verb?: Verb;
  /** The kind, as in `Deployment`. */
  readonly kind?: string;
  /** The API group, as in `apps`; empty for the core group. */
  readonly group?: string;
  /** The kind's name in URLs, as in `deployments`. */
  readonly plural?: string;
  /** The namespace. Missing if the request is for all namespaces, or if the kind is not namespaced. */
  readonly namespace?: string;
  /** The object's name; missing if the request names none. */
  readonly name?: string;
  /** As in `status`. */
  readonly subresource?: string;
  /** As in `GET`. */
  readonly method: string;
  /** The path, without the query. */
  readonly path: string;
  /** The query's parameters, each by its last value. */
  readonly query: Record<string, string>;
  /** The headers, their names in lower case. */
  readonly headers: Record<string, string>;
  /** The body, parsed if it is JSON, otherwise as text. Missing if the request has none. */
  readonly body?: unknown;
}

/** A kind, by its plural name or by group, version and plural. */
export type KindName = string | Pick<KindDefinition, "group" | "plural" | "version">;

/** A pod: `name` or `namespace/name`. */
export type PodName = string;

/**
 * A model of the Kubernetes API server. A kind is named by its plural. An object without a namespace is in
 * `default`.
 */
export interface FakeApi {
  /** Answers a request. @throws {LostConnection} if a fault says so */
  handle(request: ApiRequest): Promise<ApiAnswer>;
  /** Every request received so far, oldest first. */
  readonly requests: readonly FakeRequest[];
  readonly openWatches: readonly OpenWatch[];
  /** The kinds that it serves. */
  readonly kinds: readonly KindDefinition[];
  /** The revision of the last write, which is the resourceVersion of a list. */
  readonly revision: number;
  readonly faults: Pick<Faults, "next" | "sometimes" | "clear">;

  /**
   * Stores an object unchanged, replacing an existing one of the same name, and returns the stored object.
   */
  put(kind: KindName, object: ApiObject): StoredObject;
  /** Removes an object at once, even if it has finalizers. */
  remove(kind: KindName, namespace: string | undefined, name: string): void;
  /** The objects of a kind, sorted by namespace and name. */
  objects(kind: KindName): StoredObject[];
  /** Adds a kind, as a CustomResourceDefinition does. */
  addKind(kind: KindDefinition): void;
  /** Removes a kind. Its objects stay in the store. */
  removeKind(kind: KindName): void;
  /** Calls `listener` with each request as it arrives. Returns a function that stops this. */
  onRequest(listener: (request: FakeRequest) => void): () => void;

  /** Discards the history up to now, or up to a revision. Requests for older versions then get "expired". */
  compact(revision?: number): void;
  /** Skips revisions, as writes to other kinds do. */
  skipRevisions(count: number): void;
  /** Sends a bookmark to the watches that asked for bookmarks. */
  bookmark(plural?: string): void;
  /** Ends watches cleanly, as their timeout does, and returns how many. */
  endWatches(plural?: string): number;
  /** Ends watches with an `ERROR` event of code 410, and returns how many. */
  expireWatches(plural?: string): number;

  /** Forbids the eviction of a pod, or allows it again. */
  protectPod(pod: PodName, isProtected?: boolean): void;
  /**
   * Writes a line to a container's log, and returns its timestamp.
   *
   * @param at the timestamp, in RFC 3339 with nine fractional digits; now by default
   */
  log(pod: PodName, container: string, text: string, at?: string): string;
  /** Ends a container for good, and with it every request that follows its log. */
  endLog(pod: PodName, container: string): void;
  /** Restarts a container, and ends every request that follows its log. */
  restartContainer(pod: PodName, container: string): void;
  /** Ends the requests that follow a log although the containers still run, and returns how many. */
  endLogStreams(): number;
}

const FIRST_REVISION = 97;

/** Creates an empty model. */
export function createFakeApi(options: FakeApiOptions = {}): FakeApi {
  const model: Model = {
    store: new Store(options.revision ?? FIRST_REVISION),
    clock: options.clock ?? systemClock,
    kinds: [...(options.kinds ?? DEFAULT_KINDS)],
    streamingLists: options.streamingLists ?? true,
    aggregatedDiscovery: options.aggregatedDiscovery ?? true,
    expiredAsStatus: options.expiredAsStatus ?? false,
    checksNamespaces: options.hasControllers ?? false,
    authorize: options.authorize ?? (() => true),
  };
  const { store, kinds } = model;
  const watches = new Watches(model);
  const logs = new Logs(model);
  const faults = new Faults();
  const protectedPods = new Set<string>();
  const authenticate = options.authenticate ?? (() => true);
  const requests: FakeRequest[] = [];
  const listeners = new Set<(request: FakeRequest) => void>();
  const isProtected = (key: string): boolean => protectedPods.has(key);
  const handler: Handler = { ...model, watches, logs, isProtected };

  async function handle(request: ApiRequest): Promise<ApiAnswer> {
    const read = attempt(() => readTarget(request, kinds));
    const target = read instanceof Refusal ? undefined : read;
    const record = recordOf(request, target);
    requests.push(record);
    for (const listener of listeners) listener(record);
    const fault = faults.take(record);

    function respond(): ApiAnswer {
      const answered = attempt(() => {
        if (!authenticate(request.headers)) throw refusalOf(401);
        if (target !== undefined) {
          checkAccess(target, request, model.authorize);
          const accept = request.headers.get("accept") ?? "";
          return asAccepted(carryOut(handler, target, request), accept);
        }
        return answerWithoutTarget(model, request, read instanceof Refusal ? read : undefined);
      });
      return answered instanceof Refusal ? refusalAnswer(answered) : answered;
    }

    if (fault === undefined) return respond();
    return await withFault(fault, { clock: model.clock, signal: request.signal }, respond);
  }

  function kindOf(name: KindName): KindDefinition {
    const plural = typeof name === "string" ? name : name.plural;
    const kind = kinds.find((one) => {
      if (one.plural !== plural || typeof name === "string") return one.plural === plural;
      return one.group === name.group && one.version === name.version;
    });
    if (kind === undefined) throw new RangeError(`Cannot find the kind ${plural}: there is none`);
    return kind;
  }

  function put(name: KindName, object: ApiObject): StoredObject {
    const kind = kindOf(name);
    const { metadata = {} } = object;
    const namespace = kind.namespaced ? (metadata.namespace ?? "default") : undefined;
    const key = keyOf(namespace, metadata.name ?? "");
    const before = store.get(kind, key)?.metadata;
    const { uid, creationTimestamp, generation } =
      before ?? freshMetadata(model, namespace, object);
    const filled = {
      ...(namespace === undefined ? {} : { namespace }),
      ...(generation === undefined ? {} : { generation }),
    };
    const whole = { ...filled, uid, creationTimestamp, ...metadata } as ApiObject["metadata"];
    return store.set(kind, key, { ...object, metadata: whole ?? {} });
  }

  function remove(of: KindName, namespace: string | undefined, name: string): void {
    const kind = kindOf(of);
    store.delete(kind, keyOf(kind.namespaced ? (namespace ?? "default") : undefined, name));
  }

  function objects(kind: KindName): StoredObject[] {
    return store.at(kindOf(kind), store.revision).map(([, object]) => object);
  }

  function removeKind(name: KindName): void {
    const kind = kindOf(name);
    const index = kinds.indexOf(kind);
    watches.end(kind.plural);
    kinds.splice(index, 1);
  }

  function addKind(kind: KindDefinition): void {
    kinds.push(kind);
  }

  if (options.hasControllers === true) startControllers(model, { addKind, removeKind });

  function podOf(pod: PodName): StoredObject {
    const found = store.get(kindOf("pods"), podKey(pod));
    if (found === undefined) throw new RangeError(`Cannot find the pod ${pod}: there is none`);
    return found;
  }

  return {
    handle,
    get requests() {
      return requests;
    },
    get openWatches() {
      return watches.open;
    },
    get revision() {
      return store.revision;
    },
    kinds,
    faults,
    put,
    remove,
    objects,
    addKind,
    removeKind,
    onRequest(listener) {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
    compact: (revision) => store.compact(revision ?? store.revision),
    skipRevisions(count) {
      for (let skipped = 0; skipped < count; skipped += 1) store.skip();
    },
    bookmark: (plural) => watches.bookmark(plural),
    endWatches: (plural) => watches.end(plural),
    expireWatches: (plural) => watches.fail(expired("The resourceVersion is too old."), plural),
    protectPod(pod, isNow = true) {
      if (isNow) protectedPods.add(podKey(pod));
      else protectedPods.delete(podKey(pod));
    },
    log: (pod, container, text, at) => logs.write(podOf(pod), container, text, at),
    endLog: (pod, container) => logs.end(podOf(pod), container),
    restartContainer: (pod, container) => logs.restart(podOf(pod), container),
    endLogStreams: () => logs.endStreams(),
  };
}

function podKey(pod: PodName): string {
  return pod.includes("/") ? pod : `default/${pod}`;
}

function attempt<T>(act: () => T): T | Refusal {
  try {
    return act();
  } catch (error) {
    if (error instanceof Refusal) return error;
    throw error;
  }
}

/** Discovery, or a path that does not exist. */
function answerWithoutTarget(
  { kinds, aggregatedDiscovery: isAggregated }: Model,
  { url, method, headers }: ApiRequest,
  refusal: Refusal | undefined,
): ApiAnswer {
  const { pathname } = urlOf({ url });
  const accept = headers.get("accept") ?? "";
  const document = discover(pathname, kinds, { accept, isAggregated });
  if (document !== undefined && method !== "GET") throw methodNotAllowed();
  if (document !== undefined) return document;
  if (refusal !== undefined) throw refusal;
  const about = answerServerPath(pathname);
  if (about !== undefined) return about;
  if (!/^\/apis?\//.test(pathname)) throw noSuchResource();
  const text = { "Content-Type": "text/plain; charset=utf-8" };
  return { status: 404, headers: text, body: "404 page not found\n" };
}

function refusalAnswer({ status }: Refusal): ApiAnswer {
  const refused = answer(status.code, status);
  const { retryAfterSeconds } = (status["details"] ?? {}) as { retryAfterSeconds?: number };
  if (retryAfterSeconds === undefined) return refused;
  return { ...refused, headers: { ...refused.headers, "Retry-After": String(retryAfterSeconds) } };
}

function recordOf(request: ApiRequest, target: Target | undefined): FakeRequest {
  const { pathname, searchParams } = urlOf(request);
  return {
    ...(target === undefined ? {} : targetRecord(target)),
    method: request.method,
    path: pathname,
    query: Object.fromEntries(searchParams),
    headers: Object.fromEntries(request.headers),
    ...(request.body === "" ? {} : { body: parsed(request.body) }),
  };
}

function targetRecord({ verb, kind, namespace, name, subresource }: Target): Partial<FakeRequest> {
  return {
    verb,
    group: kind.group,
    kind: kind.kind,
    plural: kind.plural,
    ...(namespace === undefined ? {} : { namespace }),
    ...(name === undefined ? {} : { name }),
    ...(subresource === undefined ? {} : { subresource }),
  };
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return text;
  }
}
