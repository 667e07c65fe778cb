/**
 * A kind for tests, bound with every verb that any kind has.
 *
 * @module
 */

import type { ResourceDefinition } from "../../../src/api/resource-definition.ts";
import type { KubeObject } from "../../../src/api/object.ts";
import { type ResourceSchema } from "../../../src/api/resource-target.ts";
import { type ResourceOptions, createKind } from "../../../src/resources/kind.ts";
import { type PodVerbs, podVerbs } from "../../../src/resources/pod.ts";
import type { Resource } from "../../../src/resources/resource.ts";
import { type WithScale, withScale } from "../../../src/resources/subresource.ts";
import { type ScriptedClient, thing } from "./scripted-client.ts";

/** All verbs at once. */
export type Things = PodVerbs<KubeObject> & Resource<KubeObject> & WithScale;

/** How the kind is bound. */
export interface ThingOptions extends ResourceOptions {
  readonly definition?: ResourceDefinition;
  readonly schema?: ResourceSchema;
}

/** Binds the kind to a client. */
export function bindThings(
  client: ScriptedClient,
  { definition = thing, schema, ...options }: ThingOptions = {},
): Things {
  const kind = createKind<KubeObject, PodVerbs<KubeObject> & WithScale>(
    { ...definition, ...schema },
    (target) => ({ ...podVerbs(target), ...withScale(target) }),
  );
  return kind.bind(client, options);
}
