/**
 * What every runtime's entry exports beside its own.
 *
 * @module
 */

export { ApiError } from "./api/api-error.ts";
export type { ApiErrorDetails, Status, StatusCause, StatusDetails } from "./api/api-error.ts";
export type {
  CallOptions,
  CaStatus,
  ClientCertStatus,
  ClientStatus,
  KubeClient,
  PatchOptions,
  PatchType,
} from "./api/client.ts";
export type { ConnectOptions } from "./api/connect.ts";
export type {
  Applied,
  KubeObject,
  KubeObjectMeta,
  ObjectOwner,
  PartOf,
  ResourceDefinition,
  ResourceKind,
  Stored,
} from "./api/resource-kind.ts";
export type { ResourceCall, ResourceClient } from "./api/resource-client.ts";
export type {
  ApplyOptions,
  DeleteCollectionOptions,
  ResourceDeleteOptions,
  GetOptions,
  ListAllOptions,
  ListOptions,
  Resource,
  ResourceCallOptions,
  ResourceOptions,
  ResourcePatchOptions,
  ScaleObject,
  Subresource,
  WriteOptions,
} from "./api/resource.ts";
export type { ListMeta, ResourceList } from "./api/list.ts";
export type { Informer, InformerHandler, InformerOptions } from "./api/informer.ts";
export type { IndexFunction } from "./api/object-store.ts";
export type { ObjectChange, WatchEvent } from "./api/reflector.ts";
export type { FollowOptions, SelectorOptions, Watch, WatchOptions } from "./api/watch.ts";
export type { LogLinesOptions, LogOptions } from "./api/logs.ts";
export type { WaitCondition, WaitForDeletedOptions, WaitForOptions } from "./api/wait-for.ts";
export type {
  FieldSelectorInput,
  LabelExpression,
  LabelRequirement,
  LabelSelectorInput,
  LabelSelectorObject,
} from "./api/selectors.ts";
export type { DiscoveredKind, DiscoverOptions, Discovery } from "./api/discovery.ts";
export { ApplyConflictError } from "./api/apply-conflict.ts";
export type { ApplyConflict } from "./api/apply-conflict.ts";
export type { BasicAuth, ClusterConfig } from "./config/cluster-config.ts";
export type { Impersonation } from "./config/impersonation.ts";
export type { InClusterOptions } from "./config/in-cluster.ts";
export type { KubeconfigOptions } from "./config/kubeconfig-places.ts";
export {
  ClosedError,
  ConfigError,
  ConnectionError,
  ReanchorError,
  SourceError,
  TimeoutError,
  UntrustedServerError,
  isReanchorError,
} from "./errors.ts";
export type {
  ReanchorErrorCode,
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
  Capabilities,
  Clock,
  Failure,
  Files,
  FixedTlsSettings,
  HeaderLine,
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
export type { GenerationStatus } from "./transport/generation.ts";
export type { FetchInit } from "./transport/request.ts";
export type { TransportSettings } from "./transport/transport-settings.ts";
