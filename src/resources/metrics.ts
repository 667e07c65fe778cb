/**
 * What pods and nodes use, as metrics-server measures it (`metrics.k8s.io/v1beta1`).
 *
 * @module
 */

import type { KubeObject } from "../api/object.ts";
import { builtIn } from "./define-resource.ts";
import type { ResourceKind } from "./kind.ts";

/** Quantities by the name of the resource, as in `cpu` and `memory`. */
export interface ResourceUsage {
  /** A quantity, as in `12m` and `34Mi`. */
  readonly [resource: string]: string;
}

/** What one container uses. */
export interface ContainerMetrics {
  /** The container's name. */
  readonly name: string;
  /** What it uses. */
  readonly usage: ResourceUsage;
}

/** What the containers of a pod use. */
export interface PodMetrics extends KubeObject {
  /** When the last sample was taken, by RFC 3339. */
  readonly timestamp: string;
  /** The time that the values are an average of, as in `15s`. */
  readonly window: string;
  /** Its containers. */
  readonly containers: readonly ContainerMetrics[];
}

/** What a node uses. */
export interface NodeMetrics extends KubeObject {
  /** When the last sample was taken, by RFC 3339. */
  readonly timestamp: string;
  /** The time that the values are an average of, as in `15s`. */
  readonly window: string;
  /** What it uses. */
  readonly usage: ResourceUsage;
}

const api = { group: "metrics.k8s.io", version: "v1beta1", subresources: [] };

/** The kind `PodMetrics` of `metrics.k8s.io/v1beta1`, in namespaces. It can be got and listed. */
export const PodMetrics: ResourceKind<PodMetrics> = /* @__PURE__ */ builtIn({
  ...api,
  kind: "PodMetrics",
  plural: "pods",
  namespaced: true,
});

/** The kind `NodeMetrics` of `metrics.k8s.io/v1beta1`, in no namespace. It can be got and listed. */
export const NodeMetrics: ResourceKind<NodeMetrics> = /* @__PURE__ */ builtIn({
  ...api,
  kind: "NodeMetrics",
  plural: "nodes",
  namespaced: false,
});
