/**
 * Kubernetes API objects as a real API server writes them.
 *
 * @module
 */

/** The fields of a `Status` that a caller can choose. */
export interface StatusOptions {
  message?: string;
  reason?: string;
  details?: Record<string, unknown>;
}

const REASONS: Record<number, string> = {
  400: "BadRequest",
  401: "Unauthorized",
  403: "Forbidden",
  404: "NotFound",
  409: "Conflict",
  410: "Expired",
  422: "Invalid",
  429: "TooManyRequests",
  500: "InternalError",
  503: "ServiceUnavailable",
  504: "Timeout",
};

/** The body of `/version`. */
export const VERSION = {
  major: "1",
  minor: "35",
  emulationMajor: "1",
  emulationMinor: "35",
  minCompatibilityMajor: "1",
  minCompatibilityMinor: "34",
  gitVersion: "v1.35.0",
  gitCommit: "0123456789abcdef0123456789abcdef01234567",
  gitTreeState: "clean",
  buildDate: "2025-12-17T12:34:56Z",
  goVersion: "go1.25.5",
  compiler: "gc",
  platform: "linux/amd64",
};

/**
 * Creates a `Status` that reports a failure.
 *
 * @param code the HTTP status code
 * @param options fields that override those of the code
 */
export function failureStatus(code: number, options: StatusOptions = {}): Record<string, unknown> {
  const reason = options.reason ?? REASONS[code] ?? "";
  return {
    kind: "Status",
    apiVersion: "v1",
    metadata: {},
    status: "Failure",
    message: options.message ?? (code === 401 ? "Unauthorized" : `the request got a ${code}`),
    ...(reason === "" ? {} : { reason }),
    ...(options.details === undefined ? {} : { details: options.details }),
    code,
  };
}

/** The `Status` for a path without a handler. */
export function notFoundStatus(): Record<string, unknown> {
  return failureStatus(404, {
    message: "the server could not find the requested resource",
    details: {},
  });
}

/** A `NamespaceList` of the four namespaces that every cluster has. */
export function namespaceList(): Record<string, unknown> {
  const names = ["default", "kube-node-lease", "kube-public", "kube-system"];
  return {
    kind: "NamespaceList",
    apiVersion: "v1",
    metadata: { resourceVersion: "48211" },
    items: names.map((name, index) => ({
      metadata: {
        name,
        uid: generatedUid(index),
        resourceVersion: String(10 + index),
        creationTimestamp: "2026-01-01T00:00:00Z",
        labels: { "kubernetes.io/metadata.name": name },
      },
      spec: { finalizers: ["kubernetes"] },
      status: { phase: "Active" },
    })),
  };
}

/**
 * A `PodList` of generated pods.
 *
 * @param count how many pods there are
 * @param limit how many fit in this page
 */
export function podList(count: number, limit: number): Record<string, unknown> {
  const shown = Math.min(count, limit);
  const metadata =
    shown < count
      ? { resourceVersion: "48211", continue: "generated", remainingItemCount: count - shown }
      : { resourceVersion: "48211" };
  return {
    kind: "PodList",
    apiVersion: "v1",
    metadata,
    items: Array.from({ length: shown }, (_, index) => pod(index)),
  };
}

function pod(index: number): Record<string, unknown> {
  const labels = { app: "web", "pod-template-hash": "5d4f8c7b9" };
  return {
    metadata: {
      name: `web-5d4f8c7b9-${String(index).padStart(5, "0")}`,
      generateName: "web-5d4f8c7b9-",
      namespace: "default",
      uid: generatedUid(1000 + index),
      resourceVersion: String(40_000 + index),
      creationTimestamp: "2026-01-01T00:00:00Z",
      labels,
    },
    spec: {
      containers: [
        {
          name: "web",
          image: "registry.example/web:1.2.3",
          ports: [{ containerPort: 8080, protocol: "TCP" }],
          resources: { limits: { memory: "128Mi" }, requests: { cpu: "50m", memory: "64Mi" } },
        },
      ],
      nodeName: `node-${index % 3}`,
      restartPolicy: "Always",
      serviceAccountName: "default",
    },
    status: {
      phase: "Running",
      podIP: `10.244.${index % 3}.${(index % 250) + 2}`,
      startTime: "2026-01-01T00:00:05Z",
      conditions: [
        { type: "Ready", status: "True", lastTransitionTime: "2026-01-01T00:00:07Z" },
        { type: "PodScheduled", status: "True", lastTransitionTime: "2026-01-01T00:00:05Z" },
      ],
    },
  };
}

function generatedUid(index: number): string {
  return `00000000-0000-4000-8000-${String(index).padStart(12, "0")}`;
}
