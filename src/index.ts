/**
 * What every runtime's entry exports beside its own.
 *
 * @module
 */

export { ApiError } from "./api/api-error.ts";
export type {
  ApiErrorDetails,
  KnownStatusReason,
  Status,
  StatusCause,
  StatusDetails,
  StatusReason,
} from "./api/api-error.ts";
export { isReanchorError } from "./api/any-error.ts";
export type { AnyReanchorError } from "./api/any-error.ts";
export type { CallOptions } from "./api/api-call.ts";
export type { CaStatus, ClientCertStatus, ClientStatus } from "./client/status.ts";
export type { DeleteCallOptions, KubeClient } from "./client/client.ts";
export type { RequestFailure } from "./client/health.ts";
export type {
  JsonPatch,
  JsonPatchOperation,
  MergePatch,
  PatchBody,
  PatchOptions,
  PatchType,
  StrategicPatch,
  MergePart,
  StrategicPart,
  UntypedPatch,
} from "./api/patch.ts";
export type { ConnectOptions } from "./client/connect.ts";
export type {
  Applied,
  KubeObject,
  KubeObjectMeta,
  ObjectOwner,
  PartOf,
  Stored,
} from "./api/object.ts";
export type { ResourceDefinition } from "./api/definition.ts";
export type { ResourceKind, ResourceOptions } from "./resources/kind.ts";
export type { PodVerbs } from "./resources/pod.ts";
export type { CustomResource, DiscoveredResource } from "./resources/define-resource.ts";
export type { ResourceCall, ResourceClient } from "./api/api-call.ts";
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
} from "./api/verbs.ts";
export type { Resource } from "./resources/resource.ts";
export type { ScaleObject, Subresource, WithScale, WithStatus } from "./resources/subresource.ts";
export type { ListMeta, ResourceList } from "./api/list.ts";
export type { Informer, InformerHandler, InformerOptions } from "./watch/informer.ts";
export type { IndexFunction } from "./watch/object-store.ts";
export type { ObjectChange, WatchEvent } from "./watch/reflector.ts";
export type { FollowOptions, Watch, WatchOptions } from "./watch/watch.ts";
export type { SelectorOptions } from "./api/selectors.ts";
export type { LogLinesOptions, LogOptions, LogTextOptions } from "./pods/logs.ts";
export type {
  ConditionState,
  DeletedCondition,
  ObjectCondition,
  WaitCondition,
} from "./watch/conditions.ts";
export type { WaitForDeletedOptions, WaitForOptions } from "./watch/wait-for.ts";
export type {
  FieldSelectorInput,
  LabelExpression,
  LabelRequirement,
  LabelSelectorInput,
  LabelSelectorObject,
} from "./api/selectors.ts";
export type { DiscoveredKind, DiscoverOptions, Discovery } from "./resources/discovery.ts";
export { ApplyConflictError } from "./api/apply-conflict.ts";
export type { ApplyConflict } from "./api/apply-conflict.ts";
export type { BasicAuth, ClusterConfig } from "./config/cluster-config.ts";
export type { Impersonation } from "./config/impersonation.ts";
export type { InClusterOptions } from "./config/in-cluster.ts";
export type { KubeconfigOptions } from "./config/kubeconfig/places.ts";
export {
  ClosedError,
  ConfigError,
  ConnectionError,
  InvalidObjectError,
  ReanchorError,
  SourceError,
  TimeoutError,
  UntrustedServerError,
  WaitFailedError,
} from "./errors.ts";
export type {
  ReanchorErrorCode,
  SchemaIssue,
  SourceErrorReason,
  UntrustedReason,
  UntrustedServerDetails,
} from "./errors.ts";
export type {
  CaReloadedEvent,
  CaUnchangedEvent,
  ClientCertExpiringEvent,
  ClientCertReloadedEvent,
  EventListener,
  ExecCredentialReloadedEvent,
  GenerationOpenedEvent,
  GenerationRetiredEvent,
  HandlerFailedEvent,
  InformerFailedEvent,
  InsecureEvent,
  InvalidObjectEvent,
  KubeconfigReloadedEvent,
  ReanchorEvent,
  ReloadFailedEvent,
  RetryEvent,
  SourceKind,
  StaleEvent,
  TokenReloadedEvent,
  TrustAnchor,
  WarningEvent,
  WatchInterruptedEvent,
} from "./events.ts";
export type {
  BodyLimit,
  Capabilities,
  Clock,
  Failure,
  Files,
  FixedTlsSettings,
  HeaderLine,
  PoolOptions,
  LaxChain,
  ProgramCommand,
  ProgramResult,
  Programs,
  ProxyScheme,
  Runtime,
  TlsSnapshot,
  Transport,
  TransportOptions,
  TransportRequest,
  TransportResponse,
} from "./runtime.ts";
export { staticCaSource } from "./sources/ca-source.ts";
export type { CaBundle, CaFunction, CaSource } from "./sources/ca-source.ts";
export { staticClientCertSource } from "./sources/client-cert-source.ts";
export type {
  ClientCert,
  ClientCertFiles,
  ClientCertFunction,
  ClientCertPem,
  ClientCertSource,
} from "./sources/client-cert-source.ts";
export type {
  Source,
  SourceOptions,
  SourceReloadOptions,
  SourceStatus,
  SourceWaitOptions,
} from "./sources/source.ts";
export { staticTokenSource } from "./sources/token-source.ts";
export type { TokenFunction, TokenSource } from "./sources/token-source.ts";
export type { CreateFetchOptions, FetchStatus, RotatingFetch } from "./transport/create-fetch.ts";
export type { GenerationStatus } from "./rotation/generation.ts";
export type { FetchInit } from "./transport/request.ts";
export type { TransportSettings } from "./transport/transport-settings.ts";
