/**
 * The verbs of one kind of resource.
 *
 * @module
 */

import { checkKnown } from "../options.ts";
import { ApiError, type Status } from "../api/api-error.ts";
import { type ResourceList, listPage, listPages } from "../api/list.ts";
import type { KubeObject, Stored } from "../api/object.ts";
import { ObjectTarget } from "../api/object-target.ts";
import type { ResourceTarget } from "../api/resource-target.ts";
import { selectorQuery } from "../api/selectors.ts";
import { type ResourceTable, tablePage } from "../api/table.ts";
import {
  type DeleteCollectionOptions,
  type GetOptions,
  type ListAllOptions,
  type ListOptions,
  type ResourceDeleteOptions,
  type WriteOptions,
  deleteCollectionNames,
  deleteNames,
  deletionCall,
  exchange,
  getNames,
  listAllNames,
  listCall,
  listNames,
  writeCall,
  writeNames,
  type PatchVerbs,
} from "../api/verbs.ts";
import type { DeletedCondition, WaitCondition } from "../watch/wait-conditions.ts";
import { type Informer, type InformerOptions, createInformer } from "../watch/informer.ts";
import {
  type WaitForDeletedOptions,
  type WaitForOptions,
  isDeletion,
  waitForDeletion,
  waitForObject,
} from "../watch/wait-for.ts";
import { type Watch, type WatchOptions, watchResource } from "../watch/watch.ts";
import { bindSubresource } from "./subresource.ts";
import { type ObjectUpdate, updateObject } from "./update.ts";

/**
 * The objects of one kind, in one namespace or in all.
 *
 * Every verb throws as `kube.get()` does: {@link ApiError} where the server rejects.
 */
export interface Resource<T extends KubeObject> extends PatchVerbs<T> {
  /** Gets an object. */
  get(name: string, options?: GetOptions): Promise<Stored<T>>;
  /**
   * Gets an object, or `undefined` if there is none of that name. An unknown kind, and a name that a proxy does not
   * find, are errors as for `get()`.
   */
  find(name: string, options?: GetOptions): Promise<Stored<T> | undefined>;
  /** Gets one page of a list: all of it, unless `limit` says otherwise. */
  list(options?: ListOptions): Promise<ResourceList<T>>;
  /**
   * Gets a list page by page. Each object is returned once, even if the list expires midway and a new one has to be
   * requested.
   */
  listAll(options?: ListAllOptions): AsyncIterable<ResourceList<T>>;
  /**
   * Gets one page of a list as a table, as `kubectl get` prints it: the server chooses the columns.
   *
   * @throws {ConnectionError} if the server can't make a table, as some aggregated APIs.
   *
   * @example
   * ```ts
   * import type { KubeClient } from "@reanchor/reanchor";
   * import { Pod } from "@reanchor/reanchor/resources";
   *
   * async function print(kube: KubeClient): Promise<void> {
   *   const { columnDefinitions, rows } = await kube.resource(Pod).table();
   *   console.table(rows.map(({ cells }) => Object.fromEntries(columnDefinitions.map(({ name }, i) => [name, cells[i]]))));
   * }
   * console.assert(typeof print === "function");
   * ```
   */
  table(options?: ListOptions): Promise<ResourceTable>;
  /**
   * Gets, lists and watches the objects' metadata alone, which takes a fraction of the time and memory.
   *
   * @example
   * ```ts
   * import type { KubeClient } from "@reanchor/reanchor";
   * import { Pod } from "@reanchor/reanchor/resources";
   *
   * async function names(kube: KubeClient): Promise<string[]> {
   *   const { items } = await kube.resource(Pod, { namespace: "*" }).metadata.list();
   *   return items.map(({ metadata }) => metadata.name);
   * }
   * console.assert(typeof names === "function");
   * ```
   */
  readonly metadata: MetadataResource;
  /** Makes an object. */
  create(object: T, options?: WriteOptions): Promise<Stored<T>>;
  /** Replaces an object. The server rejects it with 409 if its `resourceVersion` is not the latest. */
  replace(object: T, options?: WriteOptions): Promise<Stored<T>>;
  /**
   * Reads an object, has it changed, and replaces it. If somebody else has written it meanwhile, it is read and
   * changed again, up to ten times.
   *
   * @param change Changes the object, or returns another one in its place. It can be called several times.
   * @throws {ApiError} with status 404 if there is no such object, and 409 if the last try met a conflict as well.
   *
   * @example
   * ```ts
   * import type { KubeClient } from "@reanchor/reanchor";
   * import { ConfigMap } from "@reanchor/reanchor/resources";
   *
   * async function count(kube: KubeClient): Promise<void> {
   *   await kube.resource(ConfigMap).update("visits", ({ data = {} }) => ({
   *     metadata: { name: "visits" },
   *     data: { ...data, count: String(Number(data["count"] ?? 0) + 1) },
   *   }));
   * }
   * console.assert(typeof count === "function");
   * ```
   */
  update(name: string, change: ObjectUpdate<T>, options?: WriteOptions): Promise<Stored<T>>;
  /** Deletes an object. Returns the object if it still has to terminate, otherwise a `Status`. */
  delete(name: string, options?: ResourceDeleteOptions): Promise<Stored<T> | Status>;
  /** Deletes all objects that selectors choose, or simply all. */
  deleteCollection(options?: DeleteCollectionOptions): Promise<void>;
  /** Emits the initial list, then every change. */
  watch(options?: WatchOptions<T>): Watch<T>;
  /** Keeps a local copy of the objects. */
  informer(options?: InformerOptions<T>): Informer<T>;
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

/** The metadata of the objects of one kind (`meta.k8s.io/v1` `PartialObjectMetadata`). */
export interface MetadataResource extends Pick<
  Resource<KubeObject>,
  "find" | "get" | "informer" | "list" | "listAll" | "watch"
> {}

/** Binds the verbs that every kind has. */
export function bindResource<T extends KubeObject>(target: ResourceTarget<T>): Resource<T> {
  const { client } = target;
  const one = bindSubresource(target);
  const named = (name: string): ObjectTarget<T> => new ObjectTarget(target, name);
  return {
    ...one,
    async find(name, options = {}) {
      checkKnown("find", options, getNames);
      try {
        return await one.get(name, options);
      } catch (error) {
        if (error instanceof ApiError && target.isMissing(name, error)) return undefined;
        throw error;
      }
    },
    async list(list = {}) {
      checkKnown("list", list, listNames);
      return await listPage(target, listCall(list));
    },
    async table(list = {}) {
      checkKnown("table", list, listNames);
      return await tablePage(target, listCall(list));
    },
    get metadata() {
      const { find, get, informer, list, listAll, watch } = bindResource(target.metadataOnly);
      return { find, get, informer, list, listAll, watch };
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
    async update(name, change, write = {}) {
      return await updateObject(named(name), change, write);
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
    watch: (watch = {}) => watchResource(target, watch),
    informer: (informer = {}) => createInformer(target, informer),
    waitFor,
    waitForDeleted: async (name, wait = {}) => await waitForDeletion(named(name), wait),
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
    if (isDeletion(condition)) await waitForDeletion(named(name), wait);
    else return await waitForObject(named(name), condition, wait);
  }
}
