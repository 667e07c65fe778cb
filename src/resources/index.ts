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

export { type DefineResourceOptions, type ObjectOf, defineResource } from "./define-resource.ts";
export {
  type CrdObject,
  type CrdOptions,
  type CrdPrinterColumn,
  type ScalePaths,
  crdOf,
} from "./crd-of.ts";
export type { ObjectCheckMode, ObjectSchema, SchemaResult } from "../api/object-check.ts";
export type { UpgradeCall } from "../api/api-call.ts";
export { deleted } from "../watch/wait-conditions.ts";
export { jobDone, podReady, rolledOut } from "./workload-conditions.ts";
export type { AttachOptions, ExecOptions, ExecTextOptions } from "../pods/exec.ts";
export { type ExecResult, ExecError } from "../api/exec-error.ts";
export type { ExitStatus, RemoteCommand, TerminalSize } from "../pods/remote-command.ts";
export type {
  CopyFromOptions,
  CopyToOptions,
  FileOptions,
  ReadFileOptions,
  WriteFileOptions,
} from "../pods/copy.ts";
export type { ForwardedConnection, HalfClose } from "../pods/forwarded-connection.ts";
export type {
  ListenOptions,
  PortForwardOptions,
  PortListener,
  PortTunnel,
} from "../pods/port-forward.ts";
export type { WithLogs, WithPods } from "./with-pods.ts";
export type { UndoOptions, WithRollout } from "./rollout.ts";
export type { WorkloadLogsOptions } from "./workload-logs.ts";
export type { DrainOptions, DrainProgress, DrainResult, NodeVerbs } from "./node.ts";
export { DrainError, type UndrainedPod } from "../api/drain-error.ts";
export { RolloutError } from "../api/rollout-error.ts";
export type { ContainerUsage, NodeUsage, PodUsage, TopOptions, Usage } from "./usage.ts";
export { type ContainerMetrics, NodeMetrics, PodMetrics, type ResourceUsage } from "./metrics.ts";
export { type TarEntry, type TarEntryType, readTar } from "../pods/tar-reader.ts";
export { type TarInput, writeTar } from "../pods/tar-writer.ts";

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

export * from "./public-names.ts";

// The names are those of Kubernetes, and the generated files list them.
export * from "./generated/kinds.ts";
export type * from "./generated/types.ts";
