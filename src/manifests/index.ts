/**
 * Manifests: read from YAML and JSON, applied as a set, compared with what the cluster has, and deleted.
 *
 * ```ts
 * import type { KubeClient } from "@reanchor/reanchor";
 * import { applyManifests, readManifests } from "@reanchor/reanchor/manifests";
 *
 * async function deploy(kube: KubeClient, yaml: string): Promise<void> {
 *   await applyManifests(kube, readManifests(yaml), { fieldManager: "my-program" });
 * }
 * console.assert(typeof deploy === "function");
 * ```
 *
 * @module
 */

export {
  InvalidManifestError,
  type ManifestFailure,
  type ManifestObjectReference,
  type ManifestResult,
  type ManifestSuccess,
  ManifestsFailedError,
  UnknownKindError,
} from "../api/manifest-errors.ts";
export {
  type ApplyManifestsOptions,
  type CompareOptions,
  applyManifests,
} from "./apply-manifests.ts";
export type { ApplyObjectOptions } from "./apply-object.ts";
export { type ApplySetParent, applySetId } from "./apply-set.ts";
export { type DeleteManifestsOptions, deleteManifests } from "./delete-manifests.ts";
export { type ManifestDiff, diffManifests, formatDiff } from "./diff-manifests.ts";
export type { FieldChange } from "./field-changes.ts";
export type { ManifestObject } from "./manifest-object.ts";
export type { SetOptions } from "./manifest-set.ts";
export { type ReadManifestsOptions, readManifests } from "./read-manifests.ts";
