/**
 * What describes a kind of resource: its group, version and names.
 *
 * @module
 */

/** What describes a kind. */
export interface ResourceDefinition {
  /** Its API group, as in `apps`; empty for the core group. */
  readonly group: string;
  /** Its version, as in `v1`. */
  readonly version: string;
  /** Its name for one, as in `Deployment`. */
  readonly kind: string;
  /** Its name in URLs, as in `deployments`. */
  readonly plural: string;
  /** Whether its objects are in namespaces. */
  readonly namespaced: boolean;
  /** What hangs below its objects, as in `status` and `scale`. */
  readonly subresources: readonly string[];
}
