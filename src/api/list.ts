/**
 * Lists, page by page.
 *
 * @module
 */

import { ConnectionError } from "../errors.ts";
import { ApiError } from "./api-error.ts";
import type { CallOptions } from "./api-call.ts";
import type { KubeObject, Stored } from "./object.ts";
import { objectKey } from "./object-key.ts";
import type { ResourceTarget } from "./resource-target.ts";

/** How many objects are asked for at once (client-go `tools/pager`). */
const PAGE_SIZE = 500;
/** A selector may leave a page empty, but hardly so many in a row. */
const MAX_PAGES_WITHOUT_NEWS = 1_000;

/** What a list says of itself. */
export interface ListMeta {
  /** The version that it is of. */
  readonly resourceVersion: string;
  /** What asks for the next page; `undefined` on the last one. */
  readonly continue?: string | undefined;
  /** How many more there are, if the server says so. */
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
  const headers = target.headers("list");
  const list = await target.client.call<unknown>({ ...options, headers, method: "GET", path });
  checkList(list, path);
  const { metadata, items, ...others } = list;
  return {
    ...(others as ResourceList<T>),
    metadata: { resourceVersion: "", ...metadata },
    items: await target.completeAll((items ?? []) as Stored<T>[]),
  };
}

/** What is read of a list, and so looked at: a proxy in between may answer anything. */
interface ListShape {
  readonly metadata?: Partial<ListMeta> | null;
  readonly items?: readonly unknown[] | null;
}

function checkList(list: unknown, path: string): asserts list is ListShape {
  const problem = isRecord(list) ? listProblem(list) : "it is no object";
  if (problem === undefined) return;
  throw new ConnectionError(`Cannot list ${path}: the answer is not a list: ${problem}`);
}

function listProblem({ metadata, items }: Record<string, unknown>): string | undefined {
  if (!isRecord(metadata)) return "it has no metadata";
  if (!isOptionalText(metadata["resourceVersion"])) return "its resourceVersion is no string";
  if (!isOptionalText(metadata["continue"])) return "its continue is no string";
  // Go writes an empty list as null.
  if (items === null) return undefined;
  if (!Array.isArray(items)) return "it has no items";
  const bad = items.findIndex((item) => !isNamed(item));
  return bad === -1 ? undefined : `items[${bad}] has no metadata with a name`;
}

/** Whether a value is an object of the API, as far as everything relies on it. */
export function isNamed(value: unknown): value is { metadata: Record<string, unknown> } {
  if (!isRecord(value) || !isRecord(value["metadata"])) return false;
  const { name, namespace, resourceVersion } = value["metadata"];
  return typeof name === "string" && isOptionalText(namespace) && isOptionalText(resourceVersion);
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function isOptionalText(value: unknown): value is string | undefined {
  return value === undefined || typeof value === "string";
}

/**
 * Asks for page after page. Where the server no longer has the list's version midway, it is asked for a new
 * list; of that, those that were handed out already are left out.
 */
export async function* listPages<T extends KubeObject>(
  target: ResourceTarget<T>,
  options: CallOptions,
): AsyncGenerator<ResourceList<T>, void, undefined> {
  for await (const { page, news } of pages(target, options)) yield { ...page, items: news };
}

/** A page of a list of everything. */
export interface Page<T extends KubeObject> {
  readonly page: ResourceList<T>;
  /** Those of its objects that no page before had. */
  readonly news: Stored<T>[];
  /** Whether a list begins here: the first, or one that has the place of what came before. */
  readonly isFirst: boolean;
}

/** Requests page after page, and starts again if the list expires. */
export async function* pages<T extends KubeObject>(
  target: ResourceTarget<T>,
  options: CallOptions,
): AsyncGenerator<Page<T>, void, undefined> {
  let limit: number | undefined = Number(options.query?.["limit"] ?? PAGE_SIZE);
  let token: string | undefined;
  let hasRestarted = false;
  const seen = new Set<string>();
  for (let withoutNews = 0; ;) {
    const query = { ...options.query, limit, continue: token };
    let page: ResourceList<T>;
    try {
      page = await listPage(target, { ...options, query });
    } catch (error) {
      if (!isExpired(error) || token === undefined || hasRestarted) throw error;
      // All at once, which can't expire midway (client-go `tools/pager`).
      hasRestarted = true;
      limit = undefined;
      token = undefined;
      continue;
    }
    const news = page.items.filter((object) => !seen.has(identity(object)));
    for (const object of news) seen.add(identity(object));
    yield { page, news, isFirst: token === undefined };
    const next = page.metadata.continue;
    if (!next) return;
    withoutNews = news.length === 0 ? withoutNews + 1 : 0;
    const isRepeated = next === token;
    if (isRepeated || withoutNews > MAX_PAGES_WITHOUT_NEWS) {
      const reason = isRepeated
        ? "the server repeats a page"
        : "the server sends pages without end that are empty, or hold what earlier ones held";
      throw new ConnectionError(`Cannot list ${target.collectionPath()}: ${reason}`);
    }
    token = next;
  }
}

/** What distinguishes an object from all others of a list. Computed objects of aggregated APIs have no UID. */
function identity({ metadata: { uid, name, namespace } }: Stored<KubeObject>): string {
  return uid ?? objectKey(name, namespace);
}

/** Whether a server no longer has the version that it was asked for. */
export function isExpired(error: unknown): boolean {
  if (!(error instanceof ApiError)) return false;
  return error.status === 410 || error.reason === "Expired" || error.reason === "Gone";
}
