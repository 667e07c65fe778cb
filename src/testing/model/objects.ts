/**
 * Objects of the API as plain JSON.
 *
 * @module
 */

/** Any JSON object. */
export interface Json {
  [name: string]: unknown;
}

/** The part of `metadata` that the model itself reads and writes. */
export interface Metadata extends Json {
  name?: string;
  generateName?: string;
  namespace?: string;
  uid?: string;
  resourceVersion?: string;
  generation?: number;
  creationTimestamp?: string;
  deletionTimestamp?: string;
  deletionGracePeriodSeconds?: number;
  labels?: Record<string, string>;
  annotations?: Record<string, string>;
  finalizers?: string[];
  managedFields?: ManagedFields[];
}

/** Which fields one manager owns. */
export interface ManagedFields {
  manager: string;
  operation: "Apply" | "Update";
  apiVersion: string;
  time: string;
  fieldsType: "FieldsV1";
  fieldsV1: Json;
  subresource?: string;
}

/** An object as a client sends it. */
export interface ApiObject extends Json {
  apiVersion?: string;
  kind?: string;
  metadata?: Metadata;
}

/** An object as the store holds it. */
export interface StoredObject extends ApiObject {
  apiVersion: string;
  kind: string;
  metadata: Metadata & { name: string; uid: string; resourceVersion: string };
}

/** Whether a value is a JSON object, not an array. */
export function isJson(value: unknown): value is Json {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** The value at a path of names; `undefined` if there is none. */
export function valueAt(value: unknown, path: readonly string[]): unknown {
  let at = value;
  for (const name of path) at = isJson(at) ? at[name] : undefined;
  return at;
}
