/**
 * Lists, page by page.
 *
 * @module
 */

import { ApiError } from "./api-error.ts";
import type { CallOptions } from "./api-call.ts";
import type { KubeObject, Stored } from "./object.ts";
import type { ResourceTarget } from "./resource-target.ts";

/** How many objects are asked for at once (client-go `tools/pager`). */
const PAGE_SIZE = 500;

/** What a list says of itself. */
export interface ListMeta {
  /** The version that it is of. */
  readonly resourceVersion: string;
  /** What asks for the next page; `undefined` on the last one. */
  readonly continue?: string | undefined;
  /** How many more there are, where the server says. */
  readonly remainingItemCount?: number | undefined;
}

/** A page of objects. */
export interface ResourceList<T extends KubeObject> {
  /** Its group and version. */
  readonly apiVersion: string;
  /** Its kind, as in `PodList`. */
  readonly kind: string;
  /** What it says of itself. */
  readonly metadata: ListMeta;
  /** The objects, with the kind that the server leaves out. */
  readonly items: Stored<T>[];
}

/** Asks for one page. */
export async function listPage<T extends KubeObject>(
  target: ResourceTarget<T>,
  options: CallOptions,
): Promise<ResourceList<T>> {
  const path = target.collectionPath();
  const list = await target.client.call<ResourceList<T>>({ ...options, method: "GET", path });
  return { ...list, items: await target.completeAll(list.items ?? []) };
}

/**
 * Asks for page after page. Where the server no longer has the list's version midway, it is asked for a new
 * list; of that, those that were handed out already are left out.
 */
export async function* listPages<T extends KubeObject>(
  target: ResourceTarget<T>,
  options: CallOptions,
): AsyncGenerator<ResourceList<T>, void, undefined> {
  const handedOut = new Set<string>();
  for await (const { page } of pages(target, options)) {
    const items = page.items.filter(({ metadata: { uid } }) => !handedOut.has(uid));
    for (const { metadata } of items) handedOut.add(metadata.uid);
    yield { ...page, items };
  }
}

/** A page of a list of everything. */
export interface Page<T extends KubeObject> {
  readonly page: ResourceList<T>;
  /** Whether a list begins here: the first, or one that has the place of what came before. */
  readonly isFirst: boolean;
}

/** Asks for page after page, and begins anew where the list's version expires. */
export async function* pages<T extends KubeObject>(
  target: ResourceTarget<T>,
  options: CallOptions,
): AsyncGenerator<Page<T>, void, undefined> {
  let limit: number | undefined = Number(options.query?.["limit"] ?? PAGE_SIZE);
  let token: string | undefined;
  for (;;) {
    const query = { ...options.query, limit, continue: token };
    let page: ResourceList<T>;
    try {
      page = await listPage(target, { ...options, query });
    } catch (error) {
      if (!isExpired(error) || token === undefined) throw error;
      // All at once, which can't expire midway (client-go `tools/pager`).
      limit = undefined;
      token = undefined;
      continue;
    }
    yield { page, isFirst: token === undefined };
    token = page.metadata.continue;
    if (!token) return;
  }
}

/** Whether a server no longer has the version that it was asked for. */
export function isExpired(error: unknown): boolean {
  if (!(error instanceof ApiError)) return false;
  return error.status === 410 || error.reason === "Expired" || error.reason === "Gone";
}
