/**
 * Kinds of resources: those that Kubernetes brings, and custom ones.
 *
 * @module
 */

import { checkKnown } from "../options.ts";
import type { ObjectCheckMode, ObjectSchema } from "../api/object-check.ts";
import type { KubeObject } from "../api/object.ts";
import type { ResourceDefinition } from "../api/resource-definition.ts";
import type { ResourceTarget } from "../api/resource-target.ts";
import { type ResourceKind, createKind } from "./kind.ts";
import type { Resource } from "./resource.ts";
import { type WithScale, type WithStatus, withScale, withStatus } from "./subresource.ts";

/** What a kind of resource is. */
export interface DefineResourceOptions<
  Schema = unknown,
  Subresources extends readonly string[] = readonly string[],
> extends Omit<ResourceDefinition, "subresources"> {
  /**
   * Its subresources: `status`, `scale`. They decide which verbs the kind has.
   *
   * @default ["status"]
   */
  readonly subresources?: Subresources | undefined;
  /**
   * What its objects are, beside `apiVersion`, `kind` and `metadata`: a schema of zod, or of any library
   * that follows Standard Schema. Their type is inferred from it.
   */
  readonly schema?: (Schema & ObjectSchema<unknown>) | undefined;
  /**
   * What happens to an object of the server's that the schema does not accept: `off`, nothing; `warn`, an
   * `invalid-object` event, and the object is still returned; `reject`, an {@link InvalidObjectError}. A schema
   * never changes an object.
   *
   * @default "warn"
   */
  readonly check?: ObjectCheckMode | undefined;
}

const optionNames: readonly string[] = [
  "group",
  "version",
  "kind",
  "plural",
  "namespaced",
  "subresources",
  "schema",
  "check",
];

/** The verbs of a custom resource: those of every kind, and those of its subresources. */
export type CustomResource<
  T extends KubeObject,
  Subresources extends readonly string[],
> = Resource<T> &
  ("status" extends Subresources[number] ? WithStatus<T> : unknown) &
  ("scale" extends Subresources[number] ? WithScale : unknown);

/** The verbs of a kind that was discovered: those of its subresources are there if it has them. */
export type DiscoveredResource = Resource<KubeObject> & Partial<WithScale & WithStatus<KubeObject>>;

/** The objects that a schema accepts. */
export type ObjectOf<Schema> =
  Schema extends ObjectSchema<infer Input> ? KubeObject & Input : KubeObject;

/**
 * Describes a kind of resource, to be used with `kube.resource()`.
 *
 * @param options Its names, and what its objects are.
 * @returns The kind.
 * @throws {TypeError} if a name is missing.
 *
 * @example
 * ```ts
 * import { defineResource } from "@reanchor/reanchor/resources";
 * import { z } from "zod/mini";
 *
 * const Widget = defineResource({
 *   group: "example.com",
 *   version: "v1",
 *   kind: "Widget",
 *   plural: "widgets",
 *   namespaced: true,
 *   schema: z.object({ spec: z.object({ size: z.number() }) }),
 * });
 * console.log(Widget.plural); // widgets
 * ```
 */
export function defineResource<
  Schema = unknown,
  const Subresources extends readonly string[] = readonly ["status"],
>(
  options: DefineResourceOptions<Schema, Subresources>,
): ResourceKind<ObjectOf<Schema>, CustomResource<ObjectOf<Schema>, Subresources>> {
  checkKnown("defineResource", options, optionNames);
  const { group, version, kind, plural, namespaced } = options;
  for (const [name, value] of Object.entries({ version, kind, plural })) {
    if (typeof value === "string" && /^[A-Za-z0-9-]+$/.test(value)) continue;
    throw new TypeError(`Cannot define a resource: ${name} is no name`);
  }
  if (typeof group !== "string" || !/^[a-z0-9.-]*$/.test(group)) {
    throw new TypeError("Cannot define a resource: group is no name");
  }
  const { schema, check, subresources = ["status"] } = options;
  const definition = { group, version, kind, plural, namespaced, subresources, schema, check };
  return createKind(definition, (target) => verbsOf(target, subresources)) as ResourceKind<
    ObjectOf<Schema>,
    CustomResource<ObjectOf<Schema>, Subresources>
  >;
}

/** The verbs of subresources that are known by name alone. */
function verbsOf<T extends KubeObject>(
  target: ResourceTarget<T>,
  subresources: readonly string[],
): Partial<WithScale & WithStatus<T>> {
  return {
    ...(subresources.includes("status") && withStatus(target)),
    ...(subresources.includes("scale") && withScale(target)),
  };
}

/** A kind that Kubernetes brings, of a type that its generated declarations give. */
export function builtIn<T extends KubeObject, More extends object = object>(
  definition: ResourceDefinition,
  more: (target: ResourceTarget<T>) => More = () => ({}) as More,
): ResourceKind<T, Resource<T> & More> {
  return createKind(definition, more);
}

/** A kind that a server says it has. */
export function kindOfServer(
  definition: ResourceDefinition,
): ResourceKind<KubeObject, DiscoveredResource> {
  return createKind<KubeObject, Partial<WithScale & WithStatus<KubeObject>>>(definition, (target) =>
    verbsOf(target, definition.subresources),
  );
}
