/**
 * Many pods as JSON, of about three kilobytes each, as an API server writes them.
 *
 * @module
 */

/** How many there are. */
export const POD_COUNT = 10_000;

/** The version of the list. */
export const LIST_VERSION = 100_000;

/** What of a pod a request has asked for. */
export type PodView = "whole" | "metadata";

/** What a pod says of itself. */
function metadataOf(index: number, resourceVersion: number): Record<string, unknown> {
  const name = `web-5d4f8c7b9-${String(index).padStart(5, "0")}`;
  return {
    name,
    generateName: "web-5d4f8c7b9-",
    namespace: "default",
    uid: `00000000-0000-4000-8000-${String(index).padStart(12, "0")}`,
    resourceVersion: String(resourceVersion),
    generation: 1,
    creationTimestamp: "2026-01-01T00:00:00Z",
    labels: { app: "web", "pod-template-hash": "5d4f8c7b9", shard: String(index % 16) },
    ownerReferences: [
      { apiVersion: "apps/v1", kind: "ReplicaSet", name: "web-5d4f8c7b9", controller: true },
    ],
    managedFields: [
      {
        manager: "kube-controller-manager",
        operation: "Update",
        apiVersion: "v1",
        time: "2026-01-01T00:00:00Z",
        fieldsType: "FieldsV1",
        fieldsV1: { "f:metadata": { "f:labels": { "f:app": {}, "f:pod-template-hash": {} } } },
      },
    ],
  };
}

/** A pod as JSON, as it stands in a list: without its kind. */
function podText(index: number, resourceVersion: number): string {
  const container = (containerName: string): Record<string, unknown> => ({
    name: containerName,
    image: `registry.example/team/${containerName}:1.2.3`,
    ports: [{ containerPort: 8080, protocol: "TCP" }],
    env: Array.from({ length: 6 }, (_, at) => ({ name: `VARIABLE_${at}`, value: `value ${at}` })),
    resources: { limits: { memory: "128Mi" }, requests: { cpu: "50m", memory: "64Mi" } },
    volumeMounts: [{ name: "kube-api-access", mountPath: SERVICE_ACCOUNT, readOnly: true }],
    terminationMessagePath: "/dev/termination-log",
    terminationMessagePolicy: "File",
    imagePullPolicy: "IfNotPresent",
  });
  return JSON.stringify({
    metadata: metadataOf(index, resourceVersion),
    spec: {
      containers: [container("web"), container("sidecar")],
      volumes: [{ name: "kube-api-access", projected: { sources: [{ configMap: ROOT_CA }] } }],
      nodeName: `node-${index % 97}`,
      restartPolicy: "Always",
      terminationGracePeriodSeconds: 30,
      dnsPolicy: "ClusterFirst",
      serviceAccountName: "default",
      schedulerName: "default-scheduler",
      tolerations: ["not-ready", "unreachable"].map((key) => ({
        key: `node.kubernetes.io/${key}`,
        operator: "Exists",
        effect: "NoExecute",
        tolerationSeconds: 300,
      })),
    },
    status: {
      phase: "Running",
      podIP: `10.${index >> 16}.${(index >> 8) & 255}.${index & 255}`,
      startTime: "2026-01-01T00:00:05Z",
      conditions: ["Initialized", "Ready", "ContainersReady", "PodScheduled"].map((type) => ({
        type,
        status: "True",
        lastTransitionTime: "2026-01-01T00:00:07Z",
      })),
    },
  });
}

const SERVICE_ACCOUNT = "/var/run/secrets/kubernetes.io/serviceaccount";
const ROOT_CA = { name: "kube-root-ca.crt", items: [{ key: "ca.crt", path: "ca.crt" }] };

/** The list of all pods. */
export function podListBytes(count: number): Buffer {
  const metadata = { resourceVersion: String(LIST_VERSION) };
  const head = JSON.stringify({ kind: "PodList", apiVersion: "v1", metadata });
  const items = Array.from({ length: count }, (_, index) => podText(index, index + 1));
  return Buffer.from(`${head.slice(0, -1)},"items":[${items.join(",")}]}\n`);
}

/** What an event of a watch is about. */
export interface PodChange {
  readonly type: "ADDED" | "MODIFIED";
  readonly index: number;
  readonly version: number;
}

/** An event of a watch, as a line. */
export function podEvent({ type, index, version }: PodChange, view: PodView): string {
  const object =
    view === "whole"
      ? `{"kind":"Pod","apiVersion":"v1",${podText(index, version).slice(1)}`
      : JSON.stringify({ ...PARTIAL, metadata: metadataOf(index, version) });
  return `{"type":"${type}","object":${object}}\n`;
}

const PARTIAL = { kind: "PartialObjectMetadata", apiVersion: "meta.k8s.io/v1" };

/** The line that ends what a streaming list tells. */
export function initialEventsEnd(view: PodView): string {
  const annotations = { "k8s.io/initial-events-end": "true" };
  const metadata = { resourceVersion: String(LIST_VERSION), annotations };
  const object =
    view === "whole"
      ? { kind: "Pod", apiVersion: "v1", metadata, spec: { containers: null } }
      : { ...PARTIAL, metadata };
  return `${JSON.stringify({ type: "BOOKMARK", object })}\n`;
}
