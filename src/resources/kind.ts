/**
 * A kind of resource, as `kube.resource()` takes it, and the verbs that it brings.
 *
 * @module
 */

import type { ResourceClient } from "../api/api-call.ts";
import type { ResourceDefinition } from "../api/resource-definition.ts";
import type { ObjectSchema } from "../api/object-check.ts";
import type { KubeObject } from "../api/object.ts";
import { type ResourceSchema, ResourceTarget } from "../api/resource-target.ts";
import { checkKnown, checkObject } from "../options.ts";
import { type Resource, bindResource } from "./resource.ts";

/** Which objects of a kind are meant. */
export interface ResourceOptions {
  /** Their namespace, or `"*"` for all of them; the client's own by default. */
  namespace?: string | undefined;
}

/**
 * A kind of resource, made by `defineResource()`; those that Kubernetes brings are in `reanchor/resources`.
 *
 * `T` is the type of its objects, `Verbs` what `kube.resource()` returns for it.
 */
export interface ResourceKind<
  T extends KubeObject = KubeObject,
  Verbs extends Resource<T> = Resource<T>,
> extends ResourceDefinition {
  /** What its objects are, if `defineResource()` was given that. */
  readonly schema?: ObjectSchema<unknown> | undefined;
  /** Binds it to a client. `kube.resource()` calls it, so that a program loads the verbs of its kinds only. */
  readonly bind: (client: ResourceClient, options: ResourceOptions) => Verbs;
}

/** Makes a kind of what describes it and of the verbs that it brings beside those of every kind. */
export function createKind<T extends KubeObject, More extends object>(
  { schema, check, ...definition }: ResourceDefinition & ResourceSchema,
  more: (target: ResourceTarget<T>) => More,
): ResourceKind<T, Resource<T> & More> {
  return {
    ...definition,
    schema,
    bind(client, options) {
      checkObject("the options of resource", options, 'pass { namespace: "..." }');
      checkKnown("resource", options, ["namespace"]);
      if (options.namespace !== undefined && !definition.namespaced) {
        throw new TypeError(`Cannot use option namespace: a ${definition.kind} is in none`);
      }
      const { namespace } = options;
      const target = ResourceTarget.bind<T>(definition, { client, namespace, schema, check });
      // Not spread: its property `metadata` is bound when it is used.
      return Object.assign(bindResource(target), more(target));
    },
  };
}
