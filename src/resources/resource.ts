/**
 * The verbs of one kind of resource.
 *
 * @module
 */

import { checkFieldManager, checkFlag, checkKnown } from "../options.ts";
import type { Status } from "../api/api-error.ts";
import type { CallOptions } from "../api/api-call.ts";
import { type PatchBody, type PatchType, patchContentType } from "../api/patch.ts";
import { type Informer, type InformerOptions, createInformer } from "../watch/informer.ts";
import { type ResourceList, listPage, listPages } from "../api/list.ts";
import { type LogLinesOptions, type LogTextOptions, logLines, readLog } from "../pods/logs.ts";
import type { ResourceCall, ResourceClient } from "../api/api-call.ts";
import type { Applied, KubeObject, Stored } from "../api/object.ts";
import type { ResourceDefinition } from "../api/definition.ts";
import { type ResourceSchema, ResourceTarget } from "../api/resource-target.ts";
import type { DeletedCondition, WaitCondition } from "../watch/conditions.ts";
import {
  type WaitForDeletedOptions,
  type WaitForOptions,
  isDeletion,
  waitForDeletion,
  waitForObject,
} from "../watch/wait-for.ts";
import { type SelectorOptions, selectorQuery } from "../api/selectors.ts";
import { type Watch, type WatchOptions, watchResource } from "../watch/watch.ts";

/** Which objects of a kind are meant. */
export interface ResourceOptions {
  /** Their namespace, or `"*"` for all of them; the client's own by default. */
  namespace?: string | undefined;
}

/** How one call to a resource goes. */
export interface ResourceCallOptions {
  /** Ends the call at once, whatever it waits for. */
  signal?: AbortSignal | undefined;
  /**
   * How long the response's headers may take, and how long its body may then stall, in milliseconds; the
   * client's `timeoutMs` by default.
   */
  timeoutMs?: number | undefined;
  /**
   * The most bytes that the answer may have, after decompression; `Infinity` for no limit. The client's
   * `maxResponseBytes` by default.
   */
  maxResponseBytes?: number | undefined;
}

/** How an object is got. */
export interface GetOptions extends ResourceCallOptions {
  /** `"0"` takes what the server has at hand, which may be old. By default it is the newest. */
  resourceVersion?: string | undefined;
}

/** Which page of which objects. */
export interface ListOptions extends ResourceCallOptions, SelectorOptions {
  /** How many at the most; all of them by default. */
  limit?: number | undefined;
  /** What the page before has in `metadata.continue`. */
  continue?: string | undefined;
  /** The version of the list; see `resourceVersionMatch`. By default it is the newest. */
  resourceVersion?: string | undefined;
  /** What `resourceVersion` means: that version, or one that is not older. */
  resourceVersionMatch?: "Exact" | "NotOlderThan" | undefined;
}

/** Which objects, page by page. */
export interface ListAllOptions extends ResourceCallOptions, SelectorOptions {
  /**
   * How many a page has.
   *
   * @default 500
   */
  limit?: number | undefined;
}

/** How an object is written. */
export interface WriteOptions extends ResourceCallOptions {
  /** Whether the server only says what it would do. */
  dryRun?: boolean | undefined;
  /**
   * Who owns the fields that are written.
   *
   * @default the `fieldManager` of `connect()`, else the server uses the user agent's first word
   */
  fieldManager?: string | undefined;
  /** What the server makes of fields that it does not know; it warns by default. */
  fieldValidation?: "Ignore" | "Warn" | "Strict" | undefined;
}

/** The types of patches of {@link Resource.patch}; for `apply` there is {@link Resource.apply}. */
export type ResourcePatchType = Exclude<PatchType, "apply">;

/** How an object is patched. */
export interface ResourcePatchOptions<
  Type extends ResourcePatchType = ResourcePatchType,
> extends WriteOptions {
  /**
   * How the patch is meant; see {@link PatchType}.
   *
   * @default "json" for an array, else "merge"
   */
  type?: Type | undefined;
}

/** How an object is applied. */
export interface ApplyOptions extends WriteOptions {
  /** Whether fields that others own are taken from them. */
  force?: boolean | undefined;
}

/** How objects are deleted. */
export interface ResourceDeleteOptions extends ResourceCallOptions {
  /** Whether the server only says what it would do. */
  dryRun?: boolean | undefined;
  /** What becomes of the objects that it owns. */
  propagationPolicy?: "Orphan" | "Background" | "Foreground" | undefined;
  /** How long it may take to end by itself, in seconds. */
  gracePeriodSeconds?: number | undefined;
  /** What must be true of it; else the server refuses with 409. */
  preconditions?: { uid?: string | undefined; resourceVersion?: string | undefined } | undefined;
}

/** Which objects are deleted, and how. */
export interface DeleteCollectionOptions extends ResourceDeleteOptions, SelectorOptions {}

/** How many copies a workload has, and should have (`autoscaling/v1` `Scale`). */
export interface ScaleObject extends KubeObject {
  /** What it should have. */
  spec?: { replicas?: number | undefined } | undefined;
  /** What it has. */
  status?: { replicas: number; selector?: string | undefined } | undefined;
}

/** What hangs below an object and is written by itself, as its status. */
export interface Subresource<T extends KubeObject> {
  /** Gets it. */
  get(name: string, options?: GetOptions): Promise<Stored<T>>;
  /** Puts it in the place of what is there. */
  replace(object: T, options?: WriteOptions): Promise<Stored<T>>;
  /** Changes some of it. See {@link Resource.patch}. */
  patch<Type extends ResourcePatchType = "json" | "merge">(
    name: string,
    patch: PatchBody<T, Type>,
    options?: ResourcePatchOptions<Type>,
  ): Promise<Stored<T>>;
  /** Applies some of it. See {@link Resource.apply}. */
  apply(object: Applied<T>, options?: ApplyOptions): Promise<Stored<T>>;
}

/**
 * The objects of one kind, in one namespace or in all.
 *
 * Every verb throws as `kube.get()` does: {@link ApiError} where the server refuses.
 */
export interface Resource<T extends KubeObject> {
  /** Gets an object. */
  get(name: string, options?: GetOptions): Promise<Stored<T>>;
  /** Gets one page of a list: all of it, unless `limit` says otherwise. */
  list(options?: ListOptions): Promise<ResourceList<T>>;
  /**
   * Gets a list page by page. Each object comes once, also where the server loses the list's version midway
   * and a new list has to be asked for.
   */
  listAll(options?: ListAllOptions): AsyncIterable<ResourceList<T>>;
  /** Makes an object. */
  create(object: T, options?: WriteOptions): Promise<Stored<T>>;
  /** Puts an object in the place of what is there; refused with 409 where its `resourceVersion` is old. */
  replace(object: T, options?: WriteOptions): Promise<Stored<T>>;
  /**
   * Changes some of an object: an object is a merge patch, in which `null` removes a field; an array is a JSON
   * patch; and `type: "strategic"` merges lists too, for the kinds that Kubernetes brings.
   *
   * @throws {TypeError} if the patch is not of its type.
   */
  patch<Type extends ResourcePatchType = "json" | "merge">(
    name: string,
    patch: PatchBody<T, Type>,
    options?: ResourcePatchOptions<Type>,
  ): Promise<Stored<T>>;
  /**
   * Creates or changes an object so that it has these fields, which the field manager then owns (server-side
   * apply). The field manager is that of the options, else that of `connect()`.
   *
   * @throws {ApplyConflictError} if other field managers own some of the fields.
   * @throws {TypeError} if there is no field manager, or the object has `managedFields`.
   */
  apply(object: Applied<T>, options?: ApplyOptions): Promise<Stored<T>>;
  /** Deletes an object: gives the object where it is still to end, else a `Status`. */
  delete(name: string, options?: ResourceDeleteOptions): Promise<Stored<T> | Status>;
  /** Deletes all objects that selectors choose, or simply all. */
  deleteCollection(options?: DeleteCollectionOptions): Promise<void>;
  /** The objects' status. */
  readonly status: Subresource<T>;
  /** How many copies the objects have. */
  readonly scale: Subresource<ScaleObject>;
  /** Asks a pod to go, where the disruption budgets allow it; refused with 429 where they do not. */
  evict(name: string, options?: ResourceDeleteOptions): Promise<void>;
  /** Tells what is there, then what happens. */
  watch(options?: WatchOptions<T>): Watch<T>;
  /** Begins to keep a local copy of what is there. */
  informer(options?: InformerOptions<T>): Informer<T>;
  /** What a pod's container has written, line by line, and what it goes on to write. */
  logs(name: string, options?: LogLinesOptions): AsyncIterableIterator<string>;
  /** What a pod's container has written, as text. */
  logText(name: string, options?: LogTextOptions): Promise<string>;
  /**
   * Waits until an object no longer exists: the same as {@link Resource.waitForDeleted}.
   *
   * @throws {TimeoutError} It says what the object was like last.
   */
  waitFor(
    name: string,
    condition: DeletedCondition,
    options?: WaitForDeletedOptions,
  ): Promise<void>;
  /**
   * Waits until an object exists and meets a condition, or several conditions at the same time. It may not exist
   * yet when the wait begins.
   *
   * @throws {TimeoutError} It says what the object was like last.
   * @throws {WaitFailedError} A condition can no longer be met, or one of `failOn` is met. It says why.
   */
  waitFor(
    name: string,
    condition: WaitCondition<T> | readonly WaitCondition<T>[],
    options?: WaitForOptions<T>,
  ): Promise<Stored<T>>;
  /**
   * Waits until an object is gone.
   *
   * @throws {TimeoutError} which says what it was like last.
   */
  waitForDeleted(name: string, options?: WaitForDeletedOptions): Promise<void>;
}

const callNames: readonly (keyof ResourceCallOptions)[] = [
  "maxResponseBytes",
  "signal",
  "timeoutMs",
];
const selectorNames: readonly (keyof SelectorOptions)[] = ["labelSelector", "fieldSelector"];
const getNames: readonly (keyof GetOptions)[] = ["resourceVersion", ...callNames];
const listAllNames: readonly (keyof ListAllOptions)[] = ["limit", ...selectorNames, ...callNames];
const listNames: readonly (keyof ListOptions)[] = [
  "continue",
  "resourceVersion",
  "resourceVersionMatch",
  ...listAllNames,
];
const writeNames: readonly (keyof WriteOptions)[] = [
  "dryRun",
  "fieldManager",
  "fieldValidation",
  ...callNames,
];
const patchNames: readonly (keyof ResourcePatchOptions)[] = ["type", ...writeNames];
const applyNames: readonly (keyof ApplyOptions)[] = ["force", ...writeNames];
const deleteNames: readonly (keyof ResourceDeleteOptions)[] = [
  "dryRun",
  "gracePeriodSeconds",
  "preconditions",
  "propagationPolicy",
  ...callNames,
];
const deleteCollectionNames: readonly (keyof DeleteCollectionOptions)[] = [
  ...selectorNames,
  ...deleteNames,
];

/** Binds a kind to a client. */
export function bindResource<T extends KubeObject>(
  definition: ResourceDefinition,
  schema: ResourceSchema,
  client: ResourceClient,
  options: ResourceOptions,
): Resource<T> {
  checkKnown("resource", options, ["namespace"], 'pass { namespace: "..." }');
  if (options.namespace !== undefined && !definition.namespaced) {
    throw new TypeError(`Cannot use option namespace: a ${definition.kind} is in none`);
  }
  const target = ResourceTarget.bind<T>(definition, schema, client, options.namespace);
  return {
    ...objectVerbs(target),
    async list(list = {}) {
      checkKnown("list", list, listNames);
      return await listPage(target, listCall(list));
    },
    listAll(list = {}) {
      checkKnown("listAll", list, listAllNames);
      return listPages(target, listCall(list));
    },
    async create(object, write = {}) {
      checkKnown("create", write, writeNames);
      const path = target.creationPath(object);
      const body = target.complete(object);
      return await exchange(target, { ...writeCall(target, write), method: "POST", path, body });
    },
    async delete(name, deletion = {}) {
      checkKnown("delete", deletion, deleteNames);
      const path = target.pathOfName(name);
      return await client.call({ ...deletionCall(deletion), method: "DELETE", path });
    },
    async deleteCollection(chosen = {}) {
      checkKnown("deleteCollection", chosen, deleteCollectionNames);
      const { labelSelector, fieldSelector, ...deletion } = chosen;
      const query = selectorQuery({ labelSelector, fieldSelector });
      const path = target.collectionPath();
      await client.call({ ...deletionCall(deletion), query, method: "DELETE", path });
    },
    get status() {
      return objectVerbs(target.below<T>("status"));
    },
    get scale() {
      return objectVerbs(target.below<ScaleObject>("scale"));
    },
    async evict(name, deletion = {}) {
      checkKnown("evict", deletion, deleteNames);
      const { body: deleteOptions, ...call } = deletionCall(deletion);
      const path = target.below("eviction").pathOfName(name);
      const metadata = { name, namespace: target.namespace };
      const body = { apiVersion: "policy/v1", kind: "Eviction", metadata, deleteOptions };
      await client.call({ ...call, method: "POST", path, body });
    },
    watch: (watch = {}) => watchResource(target, watch),
    informer: (informer = {}) => createInformer(target, informer),
    logs: (name, log = {}) => logLines(target, target.below("log"), name, log),
    logText: async (name, log = {}) => await readLog(target.below("log"), name, log),
    waitFor,
    waitForDeleted: async (name, wait = {}) => await waitForDeletion(target, name, wait),
  };

  async function waitFor(
    name: string,
    condition: DeletedCondition,
    wait?: WaitForDeletedOptions,
  ): Promise<void>;
  async function waitFor(
    name: string,
    condition: WaitCondition<T> | readonly WaitCondition<T>[],
    wait?: WaitForOptions<T>,
  ): Promise<Stored<T>>;
  async function waitFor(
    name: string,
    condition: DeletedCondition | WaitCondition<T> | readonly WaitCondition<T>[],
    wait: WaitForOptions<T> = {},
  ): Promise<Stored<T> | void> {
    if (isDeletion(condition)) await waitForDeletion(target, name, wait);
    else return await waitForObject(target, name, condition, wait);
  }
}

/** What can be done to an object, or to what hangs below it. */
function objectVerbs<T extends KubeObject>(target: ResourceTarget<T>): Subresource<T> {
  return {
    async get(name, options = {}) {
      checkKnown("get", options, getNames);
      const { resourceVersion, ...call } = options;
      const path = target.pathOfName(name);
      const query = { resourceVersion };
      return await exchange(target, { ...call, query, method: "GET", path });
    },
    async replace(object, options = {}) {
      checkKnown("replace", options, writeNames);
      const path = target.pathOf(object);
      const body = target.complete(object);
      return await exchange(target, { ...writeCall(target, options), method: "PUT", path, body });
    },
    async patch(name, patch, options = {}) {
      checkKnown("patch", options, patchNames);
      const { type, ...write } = options;
      const path = target.pathOfName(name);
      const contentType = patchContentType(patch, type);
      const call = { ...writeCall(target, write), method: "PATCH", path, body: patch, contentType };
      return await exchange(target, call);
    },
    async apply(object, options = {}) {
      checkKnown("apply", options, applyNames);
      const { force, ...write } = options;
      const path = target.pathOf(object);
      checkApplied(object);
      const { query, ...call } = writeCall(target, write);
      if (query?.["fieldManager"] === undefined) {
        throw new TypeError(
          "Cannot apply without a field manager: pass the program's name as option fieldManager of connect or of apply",
        );
      }
      return await exchange(target, {
        ...call,
        query: { ...query, force: checkFlag("force", force) || undefined },
        method: "PATCH",
        path,
        body: target.complete(object),
        contentType: patchContentType(object, "apply"),
      });
    },
  };
}

async function exchange<T extends KubeObject>(
  { client, check }: ResourceTarget<T>,
  call: ResourceCall,
): Promise<Stored<T>> {
  const object = await client.call<Stored<T>>(call);
  await check?.(object);
  return object;
}

function listCall(options: ListOptions): CallOptions {
  const { signal, timeoutMs, maxResponseBytes, labelSelector, fieldSelector, ...rest } = options;
  const query = { ...rest, ...selectorQuery({ labelSelector, fieldSelector }) };
  return { signal, timeoutMs, maxResponseBytes, query };
}

function writeCall<T extends KubeObject>(
  { client }: ResourceTarget<T>,
  options: WriteOptions,
): CallOptions {
  const { signal, timeoutMs, maxResponseBytes, dryRun, ...rest } = options;
  const fieldManager = checkFieldManager(rest.fieldManager) ?? client.fieldManager;
  const query = { ...rest, fieldManager, dryRun: checkFlag("dryRun", dryRun) ? "All" : undefined };
  return { signal, timeoutMs, maxResponseBytes, query };
}

/** An object that was read carries who owns its fields, which the server rejects with 400. */
function checkApplied({
  metadata,
}: {
  readonly metadata?: { readonly managedFields?: unknown };
}): void {
  if ((metadata?.managedFields ?? undefined) === undefined) return;
  throw new TypeError(
    "Cannot apply an object with metadata.managedFields: it was read from the server, and applying it would make you the owner of every field; apply only the fields that you set",
  );
}

function deletionCall(options: ResourceDeleteOptions): CallOptions & { body: unknown } {
  const { signal, timeoutMs, maxResponseBytes, dryRun, ...rest } = options;
  if (rest.preconditions !== undefined) {
    checkKnown("preconditions", rest.preconditions, ["uid", "resourceVersion"]);
  }
  const said = { ...rest, ...(checkFlag("dryRun", dryRun) && { dryRun: ["All"] }) };
  const body = { apiVersion: "v1", kind: "DeleteOptions", ...said };
  return {
    signal,
    timeoutMs,
    maxResponseBytes,
    body: Object.keys(said).length === 0 ? undefined : body,
  };
}
