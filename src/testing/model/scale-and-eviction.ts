/**
 * The subresources `scale`, `eviction`, `binding` and `token`.
 *
 * @module
 */

import { remove } from "./deletes.ts";
import { type Model, timestamp } from "./model.ts";
import { type ApiObject, isJson, type Json, type StoredObject, valueAt } from "./objects.ts";
import { badRequest, conflict, invalid, notFound, Refusal } from "./refusal.ts";
import { keyOf, type ObjectTarget } from "./request-target.ts";

/** The `Scale` of an object. */
export function scaleOf(object: StoredObject): ApiObject {
  const { name, namespace, uid, resourceVersion, creationTimestamp } = object.metadata;
  const labels = valueAt(object, ["spec", "selector", "matchLabels"]);
  const selector = isJson(labels)
    ? Object.entries(labels)
        .map(([label, value]) => `${label}=${String(value)}`)
        .join(",")
    : undefined;
  return {
    kind: "Scale",
    apiVersion: "autoscaling/v1",
    metadata: {
      name,
      uid,
      resourceVersion,
      ...(namespace === undefined ? {} : { namespace }),
      ...(creationTimestamp === undefined ? {} : { creationTimestamp }),
    },
    spec: { replicas: valueAt(object, ["spec", "replicas"]) ?? 1 },
    status: {
      replicas: valueAt(object, ["status", "replicas"]) ?? 0,
      ...(selector === undefined ? {} : { selector }),
    },
  };
}

/** The object with the replicas that a `Scale` asks for. */
export function withScale(object: StoredObject, scale: ApiObject): ApiObject {
  const replicas = valueAt(scale, ["spec", "replicas"]);
  if (typeof replicas !== "number") throw badRequest("Scale has no spec.replicas");
  if (replicas < 0) {
    const message = `Invalid value: ${replicas}: must be greater than or equal to 0`;
    const causes = [{ reason: "FieldValueInvalid", message, field: "spec.replicas" }];
    throw invalid({ group: "autoscaling", kind: "Scale" }, object.metadata.name, causes);
  }
  const spec = isJson(object["spec"]) ? object["spec"] : {};
  const { resourceVersion = object.metadata.resourceVersion } = scale.metadata ?? {};
  const metadata = { ...object.metadata, resourceVersion };
  return { ...object, metadata, spec: { ...spec, replicas } };
}

/** Assigns a pod to a node. */
export function bindPod(model: Model, { kind, namespace, name }: ObjectTarget, body: Json): Json {
  const key = keyOf(namespace, name);
  const pod = model.store.get(kind, key);
  if (pod === undefined) throw notFound(kind, name);
  const before = valueAt(pod, ["spec", "nodeName"]);
  if (typeof before === "string") {
    throw conflict(kind, name, `pod ${name} is already assigned to node "${before}"`);
  }
  const spec = isJson(pod["spec"]) ? pod["spec"] : {};
  const nodeName = valueAt(body, ["target", "name"]);
  model.store.set(kind, key, { ...pod, spec: { ...spec, nodeName } });
  return { kind: "Status", apiVersion: "v1", metadata: {}, status: "Success", code: 201 };
}

const TOKEN_SECONDS = 3600;

/** Issues a token for a service account. It has no real signature. */
export function issueToken(
  model: Model,
  { kind, namespace, name }: ObjectTarget,
  body: Json,
): Json {
  if (model.store.get(kind, keyOf(namespace, name)) === undefined) throw notFound(kind, name);
  const asked = valueAt(body, ["spec", "expirationSeconds"]);
  const seconds = typeof asked === "number" ? asked : TOKEN_SECONDS;
  const now = model.clock.wallNow();
  const claims = {
    aud: valueAt(body, ["spec", "audiences"]) ?? ["api"],
    exp: Math.floor(now / 1000) + seconds,
    iat: Math.floor(now / 1000),
    sub: `system:serviceaccount:${namespace ?? ""}:${name}`,
    jti: String(model.store.nextNumber()),
  };
  const token = [{ alg: "none" }, claims, {}].map((part) => base64Url(JSON.stringify(part)));
  const expirationTimestamp = timestamp(now + seconds * 1000);
  return { ...body, status: { token: token.join("."), expirationTimestamp } };
}

function base64Url(text: string): string {
  return btoa(text).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
}

/**
 * Evicts a pod.
 *
 * @param isForbidden whether a disruption budget forbids the eviction
 */
export function evict(
  model: Model,
  target: ObjectTarget,
  eviction: ApiObject,
  isForbidden: boolean,
): Json {
  const { kind, namespace, name } = target;
  if (model.store.get(kind, keyOf(namespace, name)) === undefined) throw notFound(kind, name);
  if (isForbidden) {
    const message = "Cannot evict pod as it would violate the pod's disruption budget.";
    const why = `The disruption budget ${name} needs 1 healthy pods and has 1 currently`;
    const causes = [{ reason: "DisruptionBudget", message: why }];
    throw new Refusal(429, "TooManyRequests", message, { details: { causes } });
  }
  const options = isJson(eviction["deleteOptions"]) ? eviction["deleteOptions"] : {};
  const dryRun = target.query.getAll("dryRun");
  remove(model, target, dryRun.length > 0 ? { ...options, dryRun } : options);
  return { kind: "Status", apiVersion: "v1", metadata: {}, status: "Success", code: 201 };
}
