/**
 * A kind of resource, as `kube.resource()` takes it.
 *
 * @module
 */

import type { ResourceClient } from "../api/api-call.ts";
import type { ResourceDefinition } from "../api/definition.ts";
import type { KubeObject } from "../api/object.ts";
import type { Resource, ResourceOptions } from "./resource.ts";

/** A kind of resource, made by `defineResource()`; those that Kubernetes brings are in `reanchor/resources`. */
export interface ResourceKind<T extends KubeObject = KubeObject> extends ResourceDefinition {
  /** Binds it to a client; `kube.resource()` calls it, so that who uses no kind loads nothing of this. */
  readonly bind: (client: ResourceClient, options: ResourceOptions) => Resource<T>;
}
