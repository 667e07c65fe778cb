/**
 * Reviews, which are posted and not stored: who the user is, and what a user may do.
 *
 * @module
 */

import { type ApiObject, isJson, type Json, valueAt } from "./objects.ts";
import { forbidden } from "./refusal.ts";
import type { ApiRequest, Target } from "./request-target.ts";
import { qualified } from "./served-kinds.ts";

/** An access that somebody requests. */
export interface FakeAccess {
  /** The user: the client's service account, or the impersonated user. */
  readonly user: string;
  /** As in `get`, `list`, `create` or `update`. */
  readonly verb: string;
  /** The API group; empty for the core group. */
  readonly group: string;
  /** The plural, as in `pods`. */
  readonly resource: string;
  /** As in `status`; empty for the object itself. */
  readonly subresource: string;
  /** The namespace. Empty for all namespaces, and for a kind that is not namespaced. */
  readonly namespace: string;
  /** The object's name. Empty for a request that names no object. */
  readonly name: string;
}

/** Decides what users may do. */
export type Authorize = (access: FakeAccess) => boolean;

/** The user, unless the request impersonates another one. */
const USER = "system:serviceaccount:default:default";

/** Rejects a request that its user is not allowed to make. */
export function checkAccess(
  { kind, verb, namespace = "", name = "", subresource = "" }: Target,
  request: ApiRequest,
  authorize: Authorize,
): void {
  // Every user may ask about itself.
  if (kind.kind.startsWith("SelfSubject")) return;
  const user = userOf(request);
  const { group, plural: resource } = kind;
  if (authorize({ user, verb, group, resource, subresource, namespace, name })) return;
  const below = subresource === "" ? resource : `${resource}/${subresource}`;
  const place = !kind.namespaced
    ? "at the cluster scope"
    : namespace === ""
      ? "at the cluster scope"
      : `in the namespace ${JSON.stringify(namespace)}`;
  const why = `User ${JSON.stringify(user)} cannot ${verb} resource ${JSON.stringify(below)} in API group ${JSON.stringify(group)} ${place}`;
  throw forbidden(kind, name, why);
}

/** Answers a review; `undefined` if the kind is not a review. */
export function review(
  { kind, namespace }: Target,
  request: ApiRequest,
  body: ApiObject,
  authorize: Authorize,
): Json | undefined {
  switch (qualified({ ...kind, plural: kind.kind })) {
    case "SelfSubjectReview.authentication.k8s.io":
      return { ...body, status: { userInfo: userInfo(userOf(request)) } };
    case "TokenReview.authentication.k8s.io": {
      const user = { username: USER, groups: ["system:authenticated"] };
      return { ...body, status: { authenticated: true, user, audiences: ["api"] } };
    }
    case "SelfSubjectAccessReview.authorization.k8s.io":
      return decided(body, userOf(request), namespace, authorize);
    case "SubjectAccessReview.authorization.k8s.io":
    case "LocalSubjectAccessReview.authorization.k8s.io": {
      const user = valueAt(body, ["spec", "user"]);
      return decided(body, typeof user === "string" ? user : "", namespace, authorize);
    }
    default:
      return undefined;
  }
}

function decided(
  body: ApiObject,
  user: string,
  namespaceOfPath: string | undefined,
  authorize: Authorize,
): Json {
  const attributes = valueAt(body, ["spec", "resourceAttributes"]);
  const given = isJson(attributes) ? attributes : {};
  const text = (name: string): string => (typeof given[name] === "string" ? given[name] : "");
  const access: FakeAccess = {
    user,
    verb: text("verb"),
    group: text("group"),
    resource: text("resource"),
    subresource: text("subresource"),
    namespace: text("namespace") || (namespaceOfPath ?? ""),
    name: text("name"),
  };
  // A review without a resource is about a path. Paths are always allowed.
  const isAllowed = access.resource === "" || authorize(access);
  return { ...body, status: { allowed: isAllowed } };
}

function userOf({ headers }: ApiRequest): string {
  return headers.get("impersonate-user") ?? USER;
}

function userInfo(username: string): Json {
  const [, account, namespace = ""] = /^system:(serviceaccount):([^:]+):/.exec(username) ?? [];
  const groups =
    account === undefined
      ? ["system:authenticated"]
      : ["system:serviceaccounts", `system:serviceaccounts:${namespace}`, "system:authenticated"];
  return { username, groups };
}
