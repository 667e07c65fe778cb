/**
 * Questions that are posted and not stored: who asks, and what a user may do.
 *
 * @module
 */

import { type ApiObject, isJson, type Json, valueAt } from "./objects.ts";
import { forbidden } from "./refusal.ts";
import type { ApiRequest, Target } from "./request-target.ts";
import { qualified } from "./served-kinds.ts";

/** What somebody wants to do. */
export interface FakeAccess {
  /** Who: the client's service account, or whom the client impersonates. */
  readonly user: string;
  /** As in `get`, `list`, `create` or `update`. */
  readonly verb: string;
  /** The API group; empty for the core group. */
  readonly group: string;
  /** The plural, as in `pods`. */
  readonly resource: string;
  /** As in `status`; empty for the object itself. */
  readonly subresource: string;
  /** Empty for all namespaces, and for a kind that is in none. */
  readonly namespace: string;
  /** Empty for a request that names no object. */
  readonly name: string;
}

/** Decides what users may do. */
export type Authorize = (access: FakeAccess) => boolean;

/** Who asks, unless a request impersonates someone. */
const USER = "system:serviceaccount:default:default";

/** Rejects a request that its user may not make. */
export function checkAccess(
  { kind, verb, namespace = "", name = "", subresource = "" }: Target,
  request: ApiRequest,
  authorize: Authorize,
): void {
  // Everyone may ask about oneself.
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

/** Answers a question; `undefined` if the kind is none. */
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
  // What has no resource is about a path, which nobody decides on.
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
