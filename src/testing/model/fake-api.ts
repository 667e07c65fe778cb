/**
 * A model of the Kubernetes API server: its storage, its watches, its logs and its refusals, on web
 * standards alone. A test reaches it over HTTP, in whatever way requests get to
 * {@linkcode FakeApi.handle}, and beside that by acts of its own.
 *
 * `test/e2e/fake-api.test.ts` holds it against kube-apiserver. What it does not do:
 *
 * - It knows no schema: it fills in no default and validates no field but metadata, not with `fieldValidation`
 *   either. A list has one owner, as if every list were atomic, and nobody owns a map apart from what is in it.
 * - It has no strategic merge patches, and no other content type than JSON.
 * - It has no controllers: no garbage collection, which is what `propagationPolicy` is for, no kubelet that ends
 *   pods, and no deletion of what is in a namespace.
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

/** How a model differs from a server of today. */
export interface FakeApiOptions {
  /** @default {@linkcode DEFAULT_KINDS} */
  readonly kinds?: readonly KindDefinition[];
  /** @default the runtime's own time */
  readonly clock?: ModelClock;
  /**
   * Its revision before the first write. @default 97, so that the versions of the first few objects do not
   * sort as text
   */
  readonly revision?: number;
  /** Whether watches can send what there is first, as Kubernetes 1.34 and later. @default true */
  readonly streamingLists?: boolean;
  /** Whether there are aggregated discovery documents, as in Kubernetes 1.30 and later. @default true */
  readonly aggregatedDiscovery?: boolean;
  /** Whether a watch from a version too old gets HTTP 410 instead of an `ERROR` event. @default false */
  readonly expiredAsStatus?: boolean;
  /**
   * Whether it does what the controllers of a control plane do with CustomResourceDefinitions and namespaces, and
   * creates nothing in namespaces that do not exist. @default false
   */
  readonly hasControllers?: boolean;
  /** Whether the credentials of a request are valid. @default any are */
  readonly authenticate?: (headers: Headers) => boolean;
  /** Decides what users may do. @default anything */
  readonly authorize?: Authorize;
}

/** One request as it came. */
export interface FakeRequest {
  /** The verb as the API server names it, as in `list` or `patch`; missing if the request is for no resource. */
  readonly verb?: Verb;
  /** The kind, as in `Deployment`. */
  readonly kind?: string;
  /** The API group, as in `apps`; empty for the core group. */
  readonly group?: string;
  /** The kind's name in URLs, as in `deployments`. */
  readonly plural?: string;
  /** Missing for all namespaces, and if the kind is in none. */
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
  /** The body: what its JSON says, otherwise its text; missing if there is none. */
  readonly body?: unknown;
}

/** A kind by its plural, or more exactly. */
export type KindName = string | Pick<KindDefinition, "group" | "plural" | "version">;

/** Which pod: `name` or `namespace/name`. */
export type PodName = string;

/** See the module. A kind is named by its plural. What has no namespace is in `default`. */
export interface FakeApi {
  /** Answers a request. @throws {LostConnection} where a fault says so */
  handle(request: ApiRequest): Promise<ApiAnswer>;
  /** Every request that came, oldest first. */
  readonly requests: readonly FakeRequest[];
  readonly openWatches: readonly OpenWatch[];
  /** The kinds that it has. */
  readonly kinds: readonly KindDefinition[];
  /** The revision of the last write, which is the resourceVersion of a list. */
  readonly revision: number;
  readonly faults: Pick<Faults, "next" | "sometimes" | "clear">;

  /** Stores an object as it is, in the place of one of its name, and returns it as stored. */
  put(kind: KindName, object: ApiObject): StoredObject;
  /** Removes an object at once, whatever holds it. */
  remove(kind: KindName, namespace: string | undefined, name: string): void;
  /** The objects of a kind, by namespace and name. */
  objects(kind: KindName): StoredObject[];
  /** Brings a kind, as a CustomResourceDefinition does. */
  addKind(kind: KindDefinition): void;
  /** Takes a kind away; its objects stay in the store. */
  removeKind(kind: KindName): void;
  /** Calls back with each request as it comes; returns what ends that. */
  onRequest(listener: (request: FakeRequest) => void): () => void;

  /** Forgets all that was before now, or up to a revision: what asks for it has expired. */
  compact(revision?: number): void;
  /** Takes up revisions, as writes to other kinds do. */
  skipRevisions(count: number): void;
  /** Sends a bookmark to the watches that want them. */
  bookmark(plural?: string): void;
  /** Ends watches in order, as their timeout does, and returns how many. */
  endWatches(plural?: string): number;
  /** Ends watches with an event that says 410, and returns how many. */
  expireWatches(plural?: string): number;

  /** Forbids or allows again to evict a pod. */
  protectPod(pod: PodName, isProtected?: boolean): void;
  /**
   * Writes a line of a container's log, and returns its time.
   *
   * @param at that time, by RFC 3339 with nine digits, unless it is now
   */
  log(pod: PodName, container: string, text: string, at?: string): string;
  /** Ends a container for good, and so those who follow its log. */
  endLog(pod: PodName, container: string): void;
  /** Starts a container anew, and ends those who follow its log. */
  restartContainer(pod: PodName, container: string): void;
  /** Ends those who follow a log, though the containers go on; returns how many. */
  endLogStreams(): number;
}

const FIRST_REVISION = 97;

/** Makes a model, with nothing in it. */
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

/** Discovery, or a path that there is not. */
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
