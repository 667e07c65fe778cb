/**
 * What a request asks for, read off its method and URL.
 *
 * @module
 */

import { apiVersionOf, type KindDefinition, subresourcesOf } from "./served-kinds.ts";
import { methodNotAllowed, noSuchResource } from "./refusal.ts";

/** A request, as any server or client can give it. */
export interface ApiRequest {
  readonly method: string;
  /** Absolute, or path and query. */
  readonly url: string;
  readonly headers: Headers;
  readonly body: string;
  /** Aborts when the client has gone, also while it reads the answer. */
  readonly signal?: AbortSignal | undefined;
}

/** What it is answered with. */
export interface ApiAnswer {
  readonly status: number;
  readonly headers: Record<string, string>;
  readonly body: string | AsyncIterable<Uint8Array>;
}

/** The API server's verbs. */
export type Verb =
  | "get"
  | "list"
  | "watch"
  | "create"
  | "update"
  | "patch"
  | "delete"
  | "deletecollection";

/** What a request asks for. */
export interface Target {
  readonly verb: Verb;
  readonly kind: KindDefinition;
  /** `undefined` for all of them, or where there are none. */
  readonly namespace: string | undefined;
  readonly name: string | undefined;
  readonly subresource: string | undefined;
  readonly query: URLSearchParams;
}

/** A target that names an object. */
export interface ObjectTarget extends Target {
  readonly name: string;
}

/** The URL of a request, whatever its origin. */
export function urlOf({ url }: Pick<ApiRequest, "url">): URL {
  return new URL(url, "https://api.invalid");
}

/**
 * Reads a request for a kind's objects; `undefined` where there is no such group and version.
 *
 * @throws {Refusal} where the group has no such resource, or the resource has no such method
 */
export function readTarget(
  request: ApiRequest,
  kinds: readonly KindDefinition[],
): Target | undefined {
  const { pathname, searchParams: query } = urlOf(request);
  const parts = pathname.split("/").filter(Boolean).map(decodeURIComponent);
  const apiVersion = parts[0] === "api" ? parts[1] : `${parts[1]}/${parts[2]}`;
  const rest = parts.slice(parts[0] === "api" ? 2 : 3);
  const ofVersion = kinds.filter((kind) => apiVersionOf(kind) === apiVersion);
  if (ofVersion.length === 0) return undefined;

  const isInNamespace = rest[0] === "namespaces" && rest.length > 2 && rest[2] !== "status";
  const namespace = isInNamespace ? rest[1] : undefined;
  const [plural, name, subresource, ...tooMuch] = isInNamespace ? rest.slice(2) : rest;
  const kind = ofVersion.find((one) => one.plural === plural);
  const isMisplaced = kind === undefined || (isInNamespace && !kind.namespaced);
  if (isMisplaced || tooMuch.length > 0) throw noSuchResource();
  if (subresource !== undefined && !subresourcesOf(kind).includes(subresource)) {
    throw noSuchResource();
  }
  const target = { kind, namespace, name, subresource, query };
  const verb = verbOf(request.method, target);
  if (verb === undefined) throw methodNotAllowed();
  return { ...target, verb };
}

function verbOf(method: string, target: Omit<Target, "verb">): Verb | undefined {
  const { kind, namespace, name, subresource, query } = target;
  const isCollection = name === undefined;
  const isWhole = !isCollection && (namespace !== undefined || !kind.namespaced);
  const isWritable = namespace !== undefined || !kind.namespaced;
  if (!isCollection && !isWhole) return undefined;
  switch (method) {
    case "GET":
      if (isCollection) return isTrue(query.get("watch")) ? "watch" : "list";
      return isCreated(subresource) ? undefined : "get";
    case "POST":
      return (isCollection && isWritable) || isCreated(subresource) ? "create" : undefined;
    case "PUT":
    case "PATCH":
      if (isCollection || subresource === "log" || isCreated(subresource)) return undefined;
      return method === "PUT" ? "update" : "patch";
    case "DELETE":
      if (subresource !== undefined || !isWritable) return undefined;
      return isCollection ? "deletecollection" : "delete";
    default:
      return undefined;
  }
}

/** Whether a subresource is posted, and neither read nor changed. */
function isCreated(subresource: string | undefined): boolean {
  return subresource !== undefined && ["eviction", "binding", "token"].includes(subresource);
}

/** Whether a query parameter is true as Go reads it. */
export function isTrue(value: string | null): boolean {
  return value !== null && ["1", "t", "true", "TRUE", "True"].includes(value);
}

/** The key that an object is stored at. */
export function keyOf(namespace: string | undefined, name: string): string {
  return namespace === undefined ? name : `${namespace}/${name}`;
}
