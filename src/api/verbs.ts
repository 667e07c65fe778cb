/**
 * The options of the verbs that a kind has, and the calls that they make.
 *
 * @module
 */

import { checkFieldManager, checkFlag, checkKnown } from "../options.ts";
import type { CallOptions, ResourceCall } from "./api-call.ts";
import type { Applied, KubeObject, Stored } from "./object.ts";
import type { PatchBody, PatchType } from "./patch.ts";
import type { ResourceTarget } from "./resource-target.ts";
import { type SelectorOptions, selectorQuery } from "./selectors.ts";

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
   * @default the `fieldManager` of `connect()`, otherwise the server uses the user agent's first word
   */
  fieldManager?: string | undefined;
  /** What the server makes of fields that it does not know; it warns by default. */
  fieldValidation?: "Ignore" | "Warn" | "Strict" | undefined;
}

/** The verbs that change some of an object, or of what hangs below it. */
export interface PatchVerbs<T extends KubeObject> {
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
}

/** The types of patches of `patch()`; for `apply` there is `apply()`. */
export type ResourcePatchType = Exclude<PatchType, "apply">;

/** How an object is patched. */
export interface ResourcePatchOptions<
  Type extends ResourcePatchType = ResourcePatchType,
> extends WriteOptions {
  /**
   * How the patch is meant; see {@link PatchType}.
   *
   * @default "json" for an array, otherwise "merge"
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
  /** What must be true of the object; otherwise the server rejects the call with 409. */
  preconditions?: { uid?: string | undefined; resourceVersion?: string | undefined } | undefined;
}

/** Which objects are deleted, and how. */
export interface DeleteCollectionOptions extends ResourceDeleteOptions, SelectorOptions {}

const callNames: readonly (keyof ResourceCallOptions)[] = [
  "maxResponseBytes",
  "signal",
  "timeoutMs",
];
const selectorNames: readonly (keyof SelectorOptions)[] = ["labelSelector", "fieldSelector"];
export const getNames: readonly (keyof GetOptions)[] = ["resourceVersion", ...callNames];
export const listAllNames: readonly (keyof ListAllOptions)[] = [
  "limit",
  ...selectorNames,
  ...callNames,
];
export const listNames: readonly (keyof ListOptions)[] = [
  "continue",
  "resourceVersion",
  "resourceVersionMatch",
  ...listAllNames,
];
export const writeNames: readonly (keyof WriteOptions)[] = [
  "dryRun",
  "fieldManager",
  "fieldValidation",
  ...callNames,
];
export const patchNames: readonly (keyof ResourcePatchOptions)[] = ["type", ...writeNames];
export const applyNames: readonly (keyof ApplyOptions)[] = ["force", ...writeNames];
export const deleteNames: readonly (keyof ResourceDeleteOptions)[] = [
  "dryRun",
  "gracePeriodSeconds",
  "preconditions",
  "propagationPolicy",
  ...callNames,
];
export const deleteCollectionNames: readonly (keyof DeleteCollectionOptions)[] = [
  ...selectorNames,
  ...deleteNames,
];

/** Makes a call whose answer is an object, and checks it. */
export async function exchange<T extends KubeObject>(
  { client, check }: ResourceTarget<T>,
  call: ResourceCall,
): Promise<Stored<T>> {
  const object = await client.call<Stored<T>>(call);
  await check?.(object);
  return object;
}

/** The call of a list. */
export function listCall(options: ListOptions): CallOptions {
  const { signal, timeoutMs, maxResponseBytes, labelSelector, fieldSelector, ...rest } = options;
  const query = { ...rest, ...selectorQuery({ labelSelector, fieldSelector }) };
  return { signal, timeoutMs, maxResponseBytes, query };
}

/** The call of a write. */
export function writeCall<T extends KubeObject>(
  { client }: ResourceTarget<T>,
  options: WriteOptions,
): CallOptions {
  const { signal, timeoutMs, maxResponseBytes, dryRun, ...rest } = options;
  const fieldManager = checkFieldManager(rest.fieldManager) ?? client.fieldManager;
  const query = { ...rest, fieldManager, dryRun: checkFlag("dryRun", dryRun) ? "All" : undefined };
  return { signal, timeoutMs, maxResponseBytes, query };
}

/** The call of a deletion. */
export function deletionCall(options: ResourceDeleteOptions): CallOptions & { body: unknown } {
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
