/**
 * The names around resources that both `reanchor` and `reanchor/resources` export.
 *
 * @module
 */

export type { CallOptions, ResourceCall, ResourceClient } from "../api/api-call.ts";
export type { ApiErrorDetails, Status, StatusCause, StatusDetails } from "../api/api-error.ts";
export { ApiError } from "../api/api-error.ts";
export type { ApplyConflict } from "../api/apply-conflict.ts";
export { ApplyConflictError } from "../api/apply-conflict.ts";
export type { ResourceDefinition } from "../api/resource-definition.ts";
export type { ListMeta, ResourceList } from "../api/list.ts";
export type {
  Applied,
  KubeObject,
  KubeObjectMeta,
  ObjectOwner,
  PartOf,
  Stored,
} from "../api/object.ts";
export type {
  JsonPatch,
  JsonPatchOperation,
  MergePart,
  MergePatch,
  PatchBody,
  PatchType,
  StrategicPart,
  StrategicPatch,
  UntypedPatch,
} from "../api/patch.ts";
export type {
  FieldRequirement,
  FieldSelectorInput,
  LabelExpression,
  LabelRequirement,
  LabelSelectorInput,
  LabelSelectorObject,
  SelectorOptions,
} from "../api/selectors.ts";
export type {
  ApplyOptions,
  DeleteCollectionOptions,
  GetOptions,
  ListAllOptions,
  ListOptions,
  PatchVerbs,
  ResourceCallOptions,
  ResourceDeleteOptions,
  ResourcePatchOptions,
  ResourcePatchType,
  WriteOptions,
} from "../api/verbs.ts";
export type { SchemaIssue } from "../errors.ts";
export { InvalidObjectError } from "../errors.ts";
export type { LogLinesOptions, LogOptions, LogTextOptions } from "../pods/logs.ts";
export type { CustomResource } from "./define-resource.ts";
export type { ResourceKind, ResourceOptions } from "./kind.ts";
export type { PodVerbs } from "./pod.ts";
export type { MetadataResource, Resource } from "./resource.ts";
export type { ResourceTable, TableColumn, TableRow } from "../api/table.ts";
export type { ObjectUpdate } from "./update.ts";
export type {
  CreatedSubresource,
  PodBinding,
  ScaleObject,
  Subresource,
  WithApproval,
  WithFinalize,
  WithScale,
  WithStatus,
  WithToken,
} from "./subresource.ts";
export type {
  ConditionState,
  DeletedCondition,
  ObjectCondition,
  WaitCondition,
} from "../watch/wait-conditions.ts";
export type { Informer, InformerHandler, InformerOptions } from "../watch/informer.ts";
export type { IndexFunction } from "../watch/object-store.ts";
export type { ObjectChange, WatchEvent } from "../watch/reflector.ts";
export type { WaitForDeletedOptions, WaitForOptions } from "../watch/wait-for.ts";
export type { FollowOptions, Watch, WatchOptions } from "../watch/watch.ts";
