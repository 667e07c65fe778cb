/**
 * One object of a kind: where it is, and what it is called in messages. It need not exist.
 *
 * @module
 */

import type { ResourceClient } from "./api-call.ts";
import type { KubeObject } from "./object.ts";
import type { ResourceTarget } from "./resource-target.ts";

/** An object by its name. */
export class ObjectTarget<T extends KubeObject> {
  /** The objects of its kind. */
  readonly resource: ResourceTarget<T>;
  readonly name: string;

  constructor(resource: ResourceTarget<T>, name: string) {
    this.resource = resource;
    this.name = name;
  }

  get client(): ResourceClient {
    return this.resource.client;
  }

  /** Its path. Throws if the name can't be one, or the resource has all namespaces. */
  get path(): string {
    return this.resource.pathOfName(this.name);
  }

  /** A subresource of it. */
  below<Below extends KubeObject>(subresource: string): ObjectTarget<Below> {
    return new ObjectTarget(this.resource.below<Below>(subresource), this.name);
  }

  /** The object in words, as in `Pod default/web`. */
  describe(): string {
    return this.resource.describe(this.name);
  }
}
