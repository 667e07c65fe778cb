/**
 * The verbs of one kind of resource.
 *
 * @module
 */

import { checkKnown } from "../options.ts";
import type { Status } from "../api/api-error.ts";
import { type ResourceList, listPage, listPages } from "../api/list.ts";
import type { Applied, KubeObject, Stored } from "../api/object.ts";
import type { PatchBody } from "../api/patch.ts";
import type { ResourceTarget } from "../api/resource-target.ts";
import { selectorQuery } from "../api/selectors.ts";
import {
  type ApplyOptions,
  type DeleteCollectionOptions,
  type GetOptions,
  type ListAllOptions,
  type ListOptions,
  type ResourceDeleteOptions,
  type ResourcePatchOptions,
  type ResourcePatchType,
  type WriteOptions,
  deleteCollectionNames,
  deleteNames,
  deletionCall,
  exchange,
  listAllNames,
  listCall,
  listNames,
  writeCall,
  writeNames,
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

/**
 * The objects of one kind, in one namespace or in all.
 *
 * Every verb throws as `kube.get()` does: {@link ApiError} where the server rejects.
 */
export interface Resource<T extends KubeObject> {
  /** Gets an object. */
  get(name: string, options?: GetOptions): Promise<Stored<T>>;
  /** Gets one page of a list: all of it, unless `limit` says otherwise. */
  list(options?: ListOptions): Promise<ResourceList<T>>;
  /**
   * Gets a list page by page. Each object is returned once, even if the list expires midway and a new one has to be
   * requested.
   */
  listAll(options?: ListAllOptions): AsyncIterable<ResourceList<T>>;
  /** Makes an object. */
  create(object: T, options?: WriteOptions): Promise<Stored<T>>;
  /** Replaces an object. The server rejects it with 409 if its `resourceVersion` is not the latest. */
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
   * apply). The field manager is that of the options, otherwise that of `connect()`.
   *
   * @throws {ApplyConflictError} if other field managers own some of the fields.
   * @throws {TypeError} if there is no field manager, or the object has `managedFields`.
   */
  apply(object: Applied<T>, options?: ApplyOptions): Promise<Stored<T>>;
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

/** Binds the verbs that every kind has. */
export function bindResource<T extends KubeObject>(target: ResourceTarget<T>): Resource<T> {
  const { client } = target;
  return {
    ...bindSubresource(target),
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
    watch: (watch = {}) => watchResource(target, watch),
    informer: (informer = {}) => createInformer(target, informer),
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
