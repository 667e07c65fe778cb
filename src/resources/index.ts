/**
 * The kinds that Kubernetes brings, and the types of their objects. One name is both:
 *
 * ```ts
 * import { Deployment, type Container } from "@reanchor/reanchor/resources";
 *
 * const container: Container = { name: "web", image: "registry.example/web:1" };
 * const deployment: Deployment = {
 *   metadata: { name: "web" },
 *   spec: {
 *     selector: { matchLabels: { app: "web" } },
 *     template: { metadata: { labels: { app: "web" } }, spec: { containers: [container] } },
 *   },
 * };
 * console.assert(Deployment.plural === "deployments");
 * console.assert(deployment.metadata?.name === "web");
 * ```
 *
 * A kind is in its newest version that is GA, otherwise in its newest beta one. Of types of one name the core
 * group's has it, and others have their group and version before it: `Event` is `v1`'s, and
 * `EventsV1Event` that of `events.k8s.io/v1`. Types of other versions are in namespaces, as
 * `AutoscalingV1.HorizontalPodAutoscaler`; of alpha versions there is only what others lead to.
 *
 * @module
 */

export {
  type ApiErrorDetails,
  ApiError,
  type Status,
  type StatusCause,
  type StatusDetails,
} from "../api/api-error.ts";
export { ApplyConflictError } from "../api/apply-conflict.ts";
export type { CallOptions } from "../api/api-call.ts";
export type {
  JsonPatch,
  JsonPatchOperation,
  MergePatch,
  PatchBody,
  PatchType,
  StrategicPatch,
  MergePart,
  StrategicPart,
  UntypedPatch,
} from "../api/patch.ts";
export {
  type CustomResource,
  type DefineResourceOptions,
  type ObjectOf,
  defineResource,
} from "./define-resource.ts";
export type { PodVerbs } from "./pod.ts";
export type { WithScale, WithStatus } from "./subresource.ts";
export type { ObjectCheckMode, ObjectSchema, SchemaResult } from "../api/object-check.ts";
export { type SchemaIssue, InvalidObjectError } from "../errors.ts";
export type {
  Applied,
  KubeObject,
  KubeObjectMeta,
  ObjectOwner,
  PartOf,
  Stored,
} from "../api/object.ts";
export type { ResourceDefinition } from "../api/definition.ts";
export type { ResourceKind } from "./kind.ts";
export type { ResourceCall, ResourceClient, UpgradeCall } from "../api/api-call.ts";
export type {
  ApplyOptions,
  DeleteCollectionOptions,
  ResourceDeleteOptions,
  GetOptions,
  ListAllOptions,
  ListOptions,
  ResourceCallOptions,
  ResourcePatchOptions,
  ResourcePatchType,
  WriteOptions,
} from "../api/verbs.ts";
export type { Resource } from "./resource.ts";
export type { ResourceOptions } from "./kind.ts";
export type { ScaleObject, Subresource } from "./subresource.ts";
export type { ListMeta, ResourceList } from "../api/list.ts";
export type { Informer, InformerHandler, InformerOptions } from "../watch/informer.ts";
export type { IndexFunction } from "../watch/object-store.ts";
export type { ObjectChange, WatchEvent } from "../watch/reflector.ts";
export type { FollowOptions, Watch, WatchOptions } from "../watch/watch.ts";
export type { SelectorOptions } from "../api/selectors.ts";
export type { LogLinesOptions, LogOptions, LogTextOptions } from "../pods/logs.ts";
export type {
  ConditionState,
  DeletedCondition,
  ObjectCondition,
  WaitCondition,
} from "../watch/conditions.ts";
export type { WaitForDeletedOptions, WaitForOptions } from "../watch/wait-for.ts";
export { deleted } from "../watch/conditions.ts";
export { jobDone, podReady, rolledOut } from "./conditions.ts";
export type { AttachOptions, ExecOptions, ExecTextOptions } from "../pods/exec.ts";
export { type ExecResult, ExecError } from "../api/exec-error.ts";
export type { ExitStatus, RemoteCommand, TerminalSize } from "../pods/remote-command.ts";
export { type TarEntry, type TarEntryType, readTar } from "../pods/tar-reader.ts";
export { type TarInput, writeTar } from "../pods/tar-writer.ts";
export type {
  FieldSelectorInput,
  LabelExpression,
  LabelRequirement,
  LabelSelectorInput,
  LabelSelectorObject,
} from "../api/selectors.ts";
export type { ApplyConflict } from "../api/apply-conflict.ts";

export { formatDuration, parseDuration } from "../api/duration.ts";
export { microTime } from "../api/micro-time.ts";
export { resolveIntOrPercent } from "../api/int-or-string.ts";
export {
  type ParsedQuantity,
  type QuantityFormat,
  addQuantities,
  compareQuantities,
  formatQuantity,
  parseQuantity,
  quantityToNumber,
} from "../api/quantity.ts";
export { type SecretData, decodeBase64, encodeBase64, readSecret } from "../api/secret.ts";

// The names are those of Kubernetes, and the generated files list them.
export * from "./generated/kinds.ts";
export type * from "./generated/types.ts";
