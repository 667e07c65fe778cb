/**
 * The list of public names: every entry exports them, beside the functions that are bound to its runtime.
 *
 * @module
 */

export type { KnownStatusReason, StatusReason } from "./api/api-error.ts";
export { isReanchorError } from "./api/any-error.ts";
export type { AnyReanchorError } from "./api/any-error.ts";
export type { RuntimeFunctions } from "./client/entry.ts";
export type { ClientCertStatus, ClientStatus } from "./client/status.ts";
export type { ClusterTrustBundleOptions } from "./client/cluster-trust-bundle-source.ts";
export type { ServiceAccountTokenOptions } from "./client/service-account-token-source.ts";
export type { DeleteCallOptions, KubeClient } from "./client/client.ts";
export type { RequestFailure } from "./client/health.ts";
export type { CanOptions, PathAccess, ResourceAccess, UserInfo } from "./client/permissions.ts";
export type { PatchOptions } from "./api/patch.ts";
export type { ConnectOptions } from "./client/connect.ts";
export type { DiscoveredResource } from "./resources/define-resource.ts";
export type {
  DiscoveredKind,
  DiscoverOptions,
  Discovery,
  KindName,
} from "./resources/discovery.ts";
export type { BasicAuth, ClusterConfig } from "./config/cluster-config.ts";
export type { Impersonation } from "./config/impersonation.ts";
export type { InClusterOptions } from "./config/in-cluster.ts";
export type { KubeconfigOptions } from "./config/kubeconfig/locations.ts";
export {
  ClosedError,
  ConfigError,
  ConnectionError,
  ReanchorError,
  SourceError,
  TimeoutError,
  UntrustedServerError,
  WaitFailedError,
} from "./errors.ts";
export type {
  ReanchorErrorCode,
  SourceErrorReason,
  UntrustedReason,
  UntrustedServerDetails,
} from "./errors.ts";
export type {
  CaExpiringEvent,
  CaReloadedEvent,
  CaUnchangedEvent,
  ClientCertExpiringEvent,
  ClientCertReloadedEvent,
  ClientsRetiredEvent,
  ConnectionsDroppedEvent,
  EventListener,
  ExecCredentialReloadedEvent,
  ExpiringCertificate,
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
  ServerCertExpiringEvent,
  ServerCertReloadedEvent,
  SourceKind,
  StaleEvent,
  TokenReloadedEvent,
  TrustAnchor,
  WaitedForTrustEvent,
  WaitingForTrustEvent,
  WarningEvent,
  WatchInterruptedEvent,
} from "./events.ts";
export type {
  Alarm,
  BodyLimit,
  ByteStream,
  Capabilities,
  Clock,
  Failure,
  Files,
  FixedTlsSettings,
  HeaderLine,
  LocalEntry,
  LocalSystem,
  NewLocalFile,
  MessageSocket,
  PoolOptions,
  HttpWay,
  LaxChain,
  ProgramCommand,
  ProgramResult,
  Programs,
  ProxyScheme,
  Runtime,
  SocketsOnlySetting,
  TlsSnapshot,
  Transport,
  TransportOptions,
  TransportRequest,
  TransportResponse,
  Upgraded,
  UpgradedConnection,
  UpgradedMessages,
} from "./runtime.ts";
export type { PeerNames, ServerIdentity } from "./certificates/spiffe-id.ts";
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
export type { PushListener, PushStream } from "./sources/push-feed.ts";
export type { Closable } from "./sources/push-source.ts";
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
export type { AnchorStatus, CaStatus } from "./rotation/anchor-use.ts";
export type { GenerationStatus } from "./rotation/generation.ts";
export type { TrustWaitStatus } from "./rotation/trust-renewal.ts";
export type { FetchInit } from "./transport/request.ts";
export type { Http } from "./transport/http-way.ts";
export type { TransportSettings } from "./transport/transport-settings.ts";
export * from "./resources/public-names.ts";
