/**
 * Lists, in full or page by page.
 *
 * @module
 */

import { apiVersionOf } from "../../api/paths.ts";
import { isCustom, type KindDefinition } from "./served-kinds.ts";
import type { Model } from "./model.ts";
import type { Json, StoredObject } from "./objects.ts";
import { badRequest, expired, invalid, tooLargeVersion } from "./refusal.ts";
import type { Target } from "./request-target.ts";
import { fieldSelector, labelSelector, type Selector } from "./selector-matching.ts";

/** Where a page starts. */
interface Position {
  readonly revision: number;
  readonly start: string;
}

const CONTINUE_VERSION = "meta.k8s.io/v1";
/** In a continue token, this stands for the newest revision. */
const NEWEST = -1;
const LIST_EXPIRED = "The resourceVersion for the provided list is too old.";
const CONTINUE_EXPIRED =
  "The provided continue parameter is too old to display a consistent list result. You can start a new list without the continue parameter, or use the continue token in this response to retrieve the remainder of the results. Continuing with the provided token results in an inconsistent list - objects that were created, modified, or deleted between the time the first chunk was returned and now may show up in the list.";

/** Which objects a list or a watch selects; `undefined` if it selects all of the kind in the namespace. */
export function selectorOf({ query, kind, name }: Target): Selector | undefined {
  const byLabels = labelSelector(query.get("labelSelector") ?? "");
  const byFields = fieldSelector(query.get("fieldSelector") ?? "", kind);
  if (byLabels === undefined && byFields === undefined && name === undefined) return undefined;
  return (object) =>
    (byLabels?.(object) ?? true) &&
    (byFields?.(object) ?? true) &&
    (name === undefined || object.metadata?.name === name);
}

/**
 * Answers a list.
 *
 * @throws {Refusal} if the requested version has expired, or does not exist yet
 */
export function list(model: Model, target: Target): Json {
  const { kind, namespace, query } = target;
  checkOptions(query);
  const resourceVersion = query.get("resourceVersion") ?? "";
  const token = query.get("continue") ?? "";
  // The watch cache, which answers requests for version 0, does not paginate.
  const limit = resourceVersion === "0" && token === "" ? 0 : Number(query.get("limit") ?? 0);
  const position = token === "" ? beginning(model, target, limit) : readToken(model, token);
  const selects = selectorOf(target);

  const prefix = namespace === undefined ? "" : `${namespace}/`;
  const from = `${prefix}${position.start}`;
  const rest = model.store
    .at(kind, position.revision)
    .filter(([key]) => key.startsWith(prefix) && key >= from);
  const selected = rest.filter(([, object]) => selects?.(object) ?? true);
  const shown = limit > 0 ? selected.slice(0, limit) : selected;
  const metadata: Json = { resourceVersion: String(position.revision) };
  const last = shown.at(-1);
  if (last !== undefined && shown.length < selected.length) {
    const start = `${last[0].slice(prefix.length)}\0`;
    metadata["continue"] = writeToken(position.revision, start);
    if (selects === undefined) metadata["remainingItemCount"] = selected.length - shown.length;
  }
  return listOf(
    kind,
    shown.map(([, object]) => object),
    metadata,
  );
}

/** Writes a list in the server's key order: a list of custom objects has its metadata last. */
export function listOf(
  kind: KindDefinition,
  objects: readonly StoredObject[],
  metadata: Json,
): Json {
  const type = { kind: `${kind.kind}List`, apiVersion: apiVersionOf(kind) };
  if (isCustom(kind)) {
    const whole = { continue: "", ...metadata };
    return { apiVersion: type.apiVersion, items: objects, kind: type.kind, metadata: whole };
  }
  const items = objects.map(withoutType);
  return { ...type, metadata, items };
}

function withoutType(object: StoredObject): Json {
  const { kind: _kind, apiVersion: _version, ...content } = object;
  return content;
}

/** Parses the resourceVersion of a list request. */
function readVersion(text: string): number {
  if (/^\d*$/.test(text)) return Number(text);
  const why = `resourceVersion: Invalid value: "${text}": strconv.ParseUint: parsing "${text}": invalid syntax`;
  throw badRequest(`invalid resource version: ${why}`);
}

function checkOptions(query: URLSearchParams): void {
  const version = query.get("resourceVersion") ?? "";
  const match = query.get("resourceVersionMatch");
  const limit = query.get("limit") ?? "";
  if (!/^-?\d*$/.test(limit)) {
    throw badRequest(`strconv.ParseInt: parsing ${JSON.stringify(limit)}: invalid syntax`);
  }
  if (query.has("continue") && query.get("continue") !== "" && !["", "0"].includes(version)) {
    throw badRequest("specifying resource version is not allowed when using continue");
  }
  const forbidden = (field: string, why: string): never => {
    const causes = [{ reason: "FieldValueForbidden", message: `Forbidden: ${why}`, field }];
    throw invalid({ group: "meta.k8s.io", kind: "ListOptions" }, "", causes);
  };
  if (match === "Exact" && version === "0") {
    const why = 'resourceVersionMatch "exact" is forbidden for resourceVersion "0"';
    forbidden("resourceVersionMatch", why);
  }
  if (match !== null && version !== "" && !["", "Exact", "NotOlderThan"].includes(match)) {
    const message = `Unsupported value: ${JSON.stringify(match)}: supported values: "Exact", "NotOlderThan", ""`;
    const causes = [{ reason: "FieldValueNotSupported", message, field: "resourceVersionMatch" }];
    throw invalid({ group: "meta.k8s.io", kind: "ListOptions" }, "", causes);
  }
  if (match !== null && version === "") {
    const why = "resourceVersionMatch is forbidden unless resourceVersion is provided";
    forbidden("resourceVersionMatch", why);
  }
  if (query.has("sendInitialEvents")) {
    forbidden("sendInitialEvents", "sendInitialEvents is forbidden for list");
  }
}

function beginning({ store }: Model, { query }: Target, limit: number): Position {
  const asked = readVersion(query.get("resourceVersion") ?? "");
  if (asked > store.revision) throw tooLargeVersion(asked, store.revision);
  const match = query.get("resourceVersionMatch");
  const isExact = match === "Exact" || (match === null && asked > 0 && limit > 0);
  if (!isExact) return { revision: store.revision, start: "" };
  if (asked < store.compacted) throw expired(LIST_EXPIRED);
  return { revision: asked, start: "" };
}

function writeToken(revision: number, start: string): string {
  const text = JSON.stringify({ v: CONTINUE_VERSION, rv: revision, start: `/${start}` });
  const bytes = new TextEncoder().encode(text);
  const base64 = btoa(String.fromCharCode(...bytes));
  return base64.replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
}

function readToken({ store }: Model, token: string): Position {
  let read: { v?: string; rv?: number; start?: string };
  try {
    read = JSON.parse(atob(token.replaceAll("-", "+").replaceAll("_", "/"))) as typeof read;
  } catch {
    throw badRequest(
      "invalid continue token: continue key is not valid: illegal base64 data at input byte 0",
    );
  }
  const { v, rv = 0, start = "" } = read;
  if (v !== CONTINUE_VERSION) {
    throw badRequest(
      `invalid continue token: continue key is not valid: server does not recognize this encoded version ${v}`,
    );
  }
  const key = start.replace(/^\//, "");
  if (rv === NEWEST) return { revision: store.revision, start: key };
  if (rv < store.compacted) {
    throw expired(CONTINUE_EXPIRED, { continue: writeToken(NEWEST, key) });
  }
  return { revision: rv, start: key };
}
