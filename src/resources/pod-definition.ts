/**
 * What describes pods, for verbs of other kinds that read or evict them.
 *
 * @module
 */

import type { ResourceDefinition } from "../api/resource-definition.ts";

export const podDefinition: ResourceDefinition = {
  group: "",
  version: "v1",
  kind: "Pod",
  plural: "pods",
  namespaced: true,
  subresources: ["log"],
};
