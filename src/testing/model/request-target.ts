/**
 * What a request asks for, derived from its method and URL.
 *
 * @module
 */

import { apiVersionOf } from "../../api/paths.ts";
import { type KindDefinition, subresourcesOf } from "./served-kinds.ts";
import { methodNotAllowed, noSuchResource } from "./refusal.ts";

/** A request, in a form that any server or client can provide. */
export interface ApiRequest {
  readonly method: string;
  /** Absolute, or just path and query. */
  readonly url: string;
  readonly headers: Headers;
  readonly body: string;
  /** Aborts when the client has left, even while it reads the response. */
  readonly signal?: AbortSignal | undefined;
}

/** The response. */
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

/** The target of a request. */
export interface Target {
  readonly verb: Verb;
  readonly kind: KindDefinition;
  /** The namespace; `undefined` for all of them, or if the kind is not namespaced. */
  readonly namespace: string | undefined;
  readonly name: string | undefined;
  readonly subresource: string | undefined;
  readonly query: URLSearchParams;
}

/** A target that is a single object. */
export interface ObjectTarget extends Target {
  readonly name: string;
}

/** The URL of a request, whatever its origin. */
export function urlOf({ url }: Pick<ApiRequest, "url">): URL {
  return new URL(url, "https://api.invalid");
}

/**
 * Reads a request for a kind's objects; `undefined` if the group and version do not exist.
 *
 * @throws {Refusal} if the group lacks the resource, or if the resource lacks the method
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

/** Whether a subresource accepts only POST. */
function isCreated(subresource: string | undefined): boolean {
  return subresource !== undefined && ["eviction", "binding", "token"].includes(subresource);
}

/** Whether a query parameter is true by Go's rules. */
export function isTrue(value: string | null): boolean {
  return value !== null && ["1", "t", "true", "TRUE", "True"].includes(value);
}

/** The key under which an object is stored. */
export function keyOf(namespace: string | undefined, name: string): string {
  return namespace === undefined ? name : `${namespace}/${name}`;
}
