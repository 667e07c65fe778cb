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

import { discover } from "./discovery.ts";
import { Faults } from "./faults.ts";
import { withFault } from "./faulty-answer.ts";
import { answer, carryOut, type Handler } from "./handler.ts";
import { DEFAULT_KINDS, type KindDefinition } from "./kinds.ts";
import { Logs } from "./logs.ts";
import type { Model, ModelClock } from "./model.ts";
import type { ApiObject, StoredObject } from "./objects.ts";
import { expired, methodNotAllowed, noSuchResource, Refusal } from "./refusal.ts";
import {
  type ApiAnswer,
  type ApiRequest,
  keyOf,
  readTarget,
  type Target,
  urlOf,
} from "./request.ts";
import { Store } from "./store.ts";
import { asAccepted } from "./views.ts";
import { type OpenWatch, Watches } from "./watches.ts";
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
}

/** One request as it came. */
export interface FakeApiRequest {
  /** Missing where it is for no object. */
  readonly verb?: Target["verb"];
  readonly plural?: string;
  readonly method: string;
  readonly path: string;
  readonly query: Record<string, string>;
  readonly headers: Record<string, string>;
  readonly body: string;
}

/** Which pod: `name` or `namespace/name`. */
export type PodName = string;

/** See the module. A kind is named by its plural. What has no namespace is in `default`. */
export interface FakeApi {
  /** Answers a request. @throws {LostConnection} where a fault says so */
  handle(request: ApiRequest): Promise<ApiAnswer>;
  /** Every request that came, oldest first. */
  readonly requests: readonly FakeApiRequest[];
  readonly openWatches: readonly OpenWatch[];
  /** The revision of the last write, which is the resourceVersion of a list. */
  readonly revision: number;
  readonly faults: Pick<Faults, "next" | "sometimes" | "clear">;

  /** Stores an object as it is, in the place of one of its name, and returns it as stored. */
  put(plural: string, object: ApiObject): StoredObject;
  /** Removes an object at once, whatever holds it. */
  remove(plural: string, namespace: string | undefined, name: string): void;
  /** The objects of a kind, by namespace and name. */
  objects(plural: string): StoredObject[];
  /** Brings a kind, as a CustomResourceDefinition does. */
  addKind(kind: KindDefinition): void;
  /** Takes a kind away; its objects stay in the store. */
  removeKind(plural: string): void;

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

const runtimeClock: ModelClock = {
  wallNow: () => Date.now(),
  setTimeout(callback, delayMs) {
    const timer = setTimeout(callback, delayMs);
    return () => clearTimeout(timer);
  },
};

const FIRST_REVISION = 97;

/** Makes a model, with nothing in it. */
export function createFakeApi(options: FakeApiOptions = {}): FakeApi {
  const model: Model = {
    store: new Store(options.revision ?? FIRST_REVISION),
    clock: options.clock ?? runtimeClock,
    kinds: [...(options.kinds ?? DEFAULT_KINDS)],
    streamingLists: options.streamingLists ?? true,
    aggregatedDiscovery: options.aggregatedDiscovery ?? true,
    expiredAsStatus: options.expiredAsStatus ?? false,
  };
  const { store, kinds } = model;
  const watches = new Watches(model);
  const logs = new Logs(model);
  const faults = new Faults();
  const protectedPods = new Set<string>();
  const requests: FakeApiRequest[] = [];
  const isProtected = (key: string): boolean => protectedPods.has(key);
  const handler: Handler = { ...model, watches, logs, isProtected };

  async function handle(request: ApiRequest): Promise<ApiAnswer> {
    const read = attempt(() => readTarget(request, kinds));
    const target = read instanceof Refusal ? undefined : read;
    requests.push(recordOf(request, target));
    const fault = faults.take(target ?? {});

    function respond(): ApiAnswer {
      const answered = attempt(() => {
        if (target !== undefined) {
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

  function kindOf(plural: string): KindDefinition {
    const kind = kinds.find((one) => one.plural === plural);
    if (kind === undefined) throw new RangeError(`Cannot find the kind ${plural}: there is none`);
    return kind;
  }

  function put(plural: string, object: ApiObject): StoredObject {
    const kind = kindOf(plural);
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

  function remove(plural: string, namespace: string | undefined, name: string): void {
    const kind = kindOf(plural);
    store.delete(kind, keyOf(kind.namespaced ? (namespace ?? "default") : undefined, name));
  }

  function objects(plural: string): StoredObject[] {
    return store.at(kindOf(plural), store.revision).map(([, object]) => object);
  }

  function removeKind(plural: string): void {
    const index = kinds.indexOf(kindOf(plural));
    watches.end(plural);
    kinds.splice(index, 1);
  }

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
    faults,
    put,
    remove,
    objects,
    addKind: (kind) => void kinds.push(kind),
    removeKind,
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

function recordOf(request: ApiRequest, target: Target | undefined): FakeApiRequest {
  const { pathname, searchParams } = urlOf(request);
  return {
    ...(target === undefined ? {} : { verb: target.verb, plural: target.kind.plural }),
    method: request.method,
    path: pathname,
    query: Object.fromEntries(searchParams),
    headers: Object.fromEntries(request.headers),
    body: request.body,
  };
}
