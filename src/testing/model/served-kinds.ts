/**
 * The kinds that the API server serves.
 *
 * @module
 */

/** A kind of resource. */
export interface KindDefinition {
  /** Empty for the core group. */
  readonly group: string;
  readonly version: string;
  readonly kind: string;
  readonly plural: string;
  readonly namespaced: boolean;
  /** @default ["status"] */
  readonly subresources?: readonly string[];
  /**
   * Whether a CustomResourceDefinition brought it: its list items say what kind they are, an update needs a
   * resourceVersion. @default whether the group has a dot
   */
  readonly custom?: boolean;
}

/** The kinds that an API server serves by default. */
export const DEFAULT_KINDS: readonly KindDefinition[] = [
  {
    group: "",
    version: "v1",
    kind: "Pod",
    plural: "pods",
    namespaced: true,
    subresources: ["status", "log", "eviction"],
  },
  {
    group: "",
    version: "v1",
    kind: "ConfigMap",
    plural: "configmaps",
    namespaced: true,
    subresources: [],
  },
  { group: "", version: "v1", kind: "Namespace", plural: "namespaces", namespaced: false },
  {
    group: "apps",
    version: "v1",
    kind: "Deployment",
    plural: "deployments",
    namespaced: true,
    subresources: ["status", "scale"],
  },
  {
    group: "example.com",
    version: "v1",
    kind: "Widget",
    plural: "widgets",
    namespaced: true,
    subresources: ["status", "scale"],
  },
];

/** The kinds that Kubernetes 1.37 has for trust. */
export const trustKinds: readonly KindDefinition[] = [
  {
    group: "certificates.k8s.io",
    version: "v1",
    kind: "ClusterTrustBundle",
    plural: "clustertrustbundles",
    namespaced: false,
    subresources: [],
    custom: false,
  },
];

/** Its plural name with its group, as in messages. */
export function qualified({ group, plural }: KindDefinition): string {
  return group === "" ? plural : `${plural}.${group}`;
}

/** The subresources of its objects. */
export function subresourcesOf({ subresources = ["status"] }: KindDefinition): readonly string[] {
  return subresources;
}

/** Whether a CustomResourceDefinition added it. */
export function isCustom({ group, custom = group.includes(".") }: KindDefinition): boolean {
  return custom;
}
