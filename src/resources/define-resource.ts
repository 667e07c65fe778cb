/**
 * Kinds of resources: those that Kubernetes brings, and custom ones.
 *
 * @module
 */

import { checkKnown } from "../options.ts";
import type { ObjectCheckMode, ObjectSchema } from "../api/object-check.ts";
import type { KubeObject } from "../api/object.ts";
import type { ResourceDefinition } from "../api/definition.ts";
import type { ResourceKind } from "./kind.ts";
import { bindResource } from "./resource.ts";

/** What a kind of resource is. */
export interface DefineResourceOptions<Schema = unknown> extends Omit<
  ResourceDefinition,
  "subresources"
> {
  /**
   * What hangs below its objects: `status`, `scale`.
   *
   * @default ["status"]
   */
  readonly subresources?: readonly string[] | undefined;
  /**
   * What its objects are, beside `apiVersion`, `kind` and `metadata`: a schema of zod, or of any library
   * that follows Standard Schema. Their type is inferred from it.
   */
  readonly schema?: (Schema & ObjectSchema<unknown>) | undefined;
  /**
   * What happens to an object of the server's that the schema does not accept: `off`, nothing; `warn`, an
   * `invalid-object` event, and the object is handed over; `reject`, an {@link InvalidObjectError}. A schema
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

/** The objects that a schema accepts. */
export type ObjectOf<Schema> =
  Schema extends ObjectSchema<infer Input> ? KubeObject & Input : KubeObject;

/**
 * Describes a kind of resource, to be used with `kube.resource()`.
 *
 * @param options Its names, and what its objects are.
 * @returns The kind.
 * @throws {TypeError} where a name is missing.
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
export function defineResource<Schema = unknown>(
  options: DefineResourceOptions<Schema>,
): ResourceKind<ObjectOf<Schema>> {
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
  const definition = { group, version, kind, plural, namespaced, subresources };
  return {
    ...definition,
    bind: (client, bound) => bindResource(definition, { schema, check }, client, bound),
  };
}

/** A kind that Kubernetes brings, of a type that its generated declarations give. */
export function builtIn<T extends KubeObject>(definition: ResourceDefinition): ResourceKind<T> {
  return {
    ...definition,
    bind: (client, options) => bindResource(definition, {}, client, options),
  };
}
