/**
 * Whom the API server takes a client for, and what it allows it.
 *
 * @module
 */

import type { ResourceClient } from "../api/api-call.ts";
import { ALL_NAMESPACES } from "../api/paths.ts";
import type { ResourceDefinition } from "../api/resource-definition.ts";
import { checkKnown, checkObject, kindOf } from "../options.ts";

/** What a client would do with resources. */
export interface ResourceAccess {
  /** What it would do, as in `get`, `list`, `create`, `delete`; `"*"` for all. */
  readonly verb: string;
  /** A kind, or its plural name with its group behind a dot, as in `pods` and `deployments.apps`. */
  readonly resource: ResourceDefinition | string;
  /** Which subresource, as in `log` and `scale`. */
  readonly subresource?: string | undefined;
  /** Which object; any by default. */
  readonly name?: string | undefined;
  /** In which namespace, or `"*"` for all of them; the client's own by default. */
  readonly namespace?: string | undefined;
}

/** What a client would do with a path that is no resource, as `/healthz`. */
export interface PathAccess {
  /** An HTTP method in lower case, as in `get`. */
  readonly verb: string;
  /** The path. */
  readonly path: string;
}

/** How permissions are asked for. */
export interface CanOptions {
  /** Ends the call at once. */
  signal?: AbortSignal | undefined;
}

/** Whom the API server takes a client for (`authentication.k8s.io/v1` `UserInfo`). */
export interface UserInfo {
  /** The name, as in `system:serviceaccount:shop:web`. */
  readonly username: string;
  /** What distinguishes it from an earlier user of the same name; `undefined` if the server does not say. */
  readonly uid: string | undefined;
  /** The groups that it is in. */
  readonly groups: readonly string[];
  /** What else the authenticator says. */
  readonly extra: Readonly<Record<string, readonly string[]>>;
}

/** Asks whether the client may do something (SelfSubjectAccessReview). */
export async function askAccess(
  client: ResourceClient,
  access: PathAccess | ResourceAccess,
  { signal }: CanOptions,
): Promise<boolean> {
  checkObject("what is asked of can", access, 'pass { verb: "get", resource: "pods" }');
  const spec = "path" in access ? pathSpec(access) : resourceSpec(client, access);
  const review = await client.call<{ readonly status?: { readonly allowed?: boolean } }>({
    method: "POST",
    path: "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews",
    body: { apiVersion: "authorization.k8s.io/v1", kind: "SelfSubjectAccessReview", spec },
    signal,
  });
  return review?.status?.allowed === true;
}

/** Asks whom the server takes the client for (SelfSubjectReview). */
export async function askIdentity(
  client: ResourceClient,
  { signal }: CanOptions,
): Promise<UserInfo> {
  const review = await client.call<{ readonly status?: { readonly userInfo?: Partial<UserInfo> } }>(
    {
      method: "POST",
      path: "/apis/authentication.k8s.io/v1/selfsubjectreviews",
      body: { apiVersion: "authentication.k8s.io/v1", kind: "SelfSubjectReview" },
      signal,
    },
  );
  const { username = "", uid, groups = [], extra = {} } = review?.status?.userInfo ?? {};
  return { username, uid, groups, extra };
}

function pathSpec(access: PathAccess): object {
  checkKnown("can", access, ["verb", "path"]);
  const { verb, path } = access;
  checkTexts({ verb, path });
  return { nonResourceAttributes: { verb, path } };
}

function resourceSpec(client: ResourceClient, access: ResourceAccess): object {
  checkKnown("can", access, ["verb", "resource", "subresource", "name", "namespace"]);
  const { verb, resource, subresource, name } = access;
  const { plural, group, version, isNamespaced } = readResource(resource);
  checkTexts({ verb, resource: plural });
  const given = access.namespace ?? (isNamespaced ? client.namespace : undefined);
  const namespace = given === ALL_NAMESPACES ? undefined : given;
  return {
    resourceAttributes: { verb, group, version, resource: plural, subresource, name, namespace },
  };
}

function readResource(resource: ResourceDefinition | string): {
  readonly plural: string;
  readonly group: string;
  readonly version: string | undefined;
  readonly isNamespaced: boolean;
} {
  if (typeof resource === "object" && resource !== null) {
    const { plural, group, version, namespaced } = resource;
    return { plural, group, version, isNamespaced: namespaced };
  }
  checkTexts({ resource });
  if (resource.includes("/")) {
    throw new TypeError(
      `Cannot use resource of can: "${resource}" has a slash, and no rule would allow it; pass a subresource or a name by itself, as in { verb: "get", resource: "pods", subresource: "log" }`,
    );
  }
  const [plural = "", ...group] = resource.split(".");
  return { plural, group: group.join("."), version: undefined, isNamespaced: true };
}

function checkTexts(texts: Readonly<Record<string, unknown>>): void {
  for (const [name, text] of Object.entries(texts)) {
    if (typeof text === "string" && text !== "") continue;
    const is = text === "" ? "empty" : kindOf(text);
    throw new TypeError(
      `Cannot use ${name} of can: it is ${is}; pass a text, as in { verb: "get", resource: "pods" }`,
    );
  }
}
