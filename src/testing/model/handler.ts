/**
 * Carries out the requests for objects.
 *
 * @module
 */

import { deleteOptions, remove, removeAll } from "./deletes.ts";
import { checkDryRun } from "./accepted-options.ts";
import { apply } from "./field-managers.ts";
import { list, listOf, selectorOf } from "./list-pages.ts";
import type { Logs } from "./container-logs.ts";
import type { Model } from "./model.ts";
import { type ApiObject, isJson, type Json, type StoredObject } from "./objects.ts";
import { jsonPatch, mergePatch } from "./patches.ts";
import { badRequest, conflict, invalid, methodNotAllowed, notFound, Refusal } from "./refusal.ts";
import {
  type ApiAnswer,
  type ApiRequest,
  isTrue,
  keyOf,
  type ObjectTarget,
  type Target,
} from "./request-target.ts";
import { review } from "./reviews.ts";
import { bindPod, evict, issueToken, scaleOf, withScale } from "./scale-and-eviction.ts";
import type { Watches } from "./open-watches.ts";
import { create, freshMetadata, update, type WriteOptions, writingOf } from "./writes.ts";

/** What is needed to carry out requests. */
export interface Handler extends Model {
  readonly watches: Watches;
  readonly logs: Logs;
  /** Whether a disruption budget forbids the eviction of the pod. */
  readonly isProtected: (key: string) => boolean;
}

const PATCH_TYPES = {
  merge: "application/merge-patch+json",
  json: "application/json-patch+json",
  apply: "application/apply-patch+yaml",
};

/**
 * Carries out a request synchronously.
 *
 * @throws {Refusal} if the server rejects it
 */
export function carryOut(handler: Handler, target: Target, request: ApiRequest): ApiAnswer {
  const { verb } = target;
  switch (verb) {
    case "list":
      return answer(200, list(handler, target));
    case "watch":
      return streamed(handler.watches.watch(target, request.signal), "application/json");
    case "deletecollection":
      return deleteCollection(handler, target, request);
    case "create":
      if (hasName(target)) return createBelow(handler, target, request);
      return createObject(handler, target, request);
    default:
      if (!hasName(target)) throw methodNotAllowed();
      return carryOutOnObject(handler, target, request);
  }
}

/** A JSON response. */
export function answer(status: number, body: Json): ApiAnswer {
  const headers = { "Content-Type": "application/json" };
  return { status, headers, body: `${JSON.stringify(body)}\n` };
}

function carryOutOnObject(handler: Handler, target: ObjectTarget, request: ApiRequest): ApiAnswer {
  const { verb, query, subresource } = target;
  switch (verb) {
    case "get": {
      const object = existing(handler, target);
      if (subresource !== "log") return answer(200, asSeen(object, subresource));
      const log = handler.logs.read(object, query, request.signal);
      return log === undefined
        ? { status: 204, headers: {}, body: "" }
        : streamed(log, "text/plain");
    }
    case "update": {
      const options = writeOptions(request, target);
      const body = readObject(request);
      return changed(handler, target, () => body, options);
    }
    case "patch":
      return patch(handler, target, request);
    case "delete":
      return answer(200, remove(handler, target, deleteOptions(readBody(request), query)));
    default:
      throw methodNotAllowed();
  }
}

function patch(handler: Handler, target: ObjectTarget, request: ApiRequest): ApiAnswer {
  const options = writeOptions(request, target);
  const type = request.headers.get("content-type")?.split(";")[0]?.trim();
  switch (type) {
    case PATCH_TYPES.apply:
      return applyPatch(handler, target, request);
    case PATCH_TYPES.merge: {
      const body = readBody(request);
      if (!isJson(body)) {
        const found = Array.isArray(body) ? "array" : typeof body;
        throw badRequest(
          `error decoding patch: json: cannot unmarshal ${found} into Go value of type map[string]interface {}`,
        );
      }
      return changed(
        handler,
        target,
        (seen) => checkUid(target, seen, mergePatch(seen, body) as ApiObject),
        options,
      );
    }
    case PATCH_TYPES.json: {
      const body = readBody(request);
      return changed(
        handler,
        target,
        (seen) => checkUid(target, seen, jsonPatch(seen, body) as ApiObject),
        options,
      );
    }
    default:
      throw new Refusal(415, "UnsupportedMediaType", "415: Unsupported Media Type", {
        details: {},
      });
  }
}

function applyPatch(handler: Handler, target: ObjectTarget, request: ApiRequest): ApiAnswer {
  const { kind, namespace, name, query, subresource } = target;
  const config = readObject(request);
  const manager = query.get("fieldManager") ?? "";
  if (manager === "") {
    const message = "Required value: is required for apply patch";
    const causes = [{ reason: "FieldValueRequired", message, field: "fieldManager" }];
    throw invalid({ group: "meta.k8s.io", kind: "PatchOptions" }, "", causes);
  }
  if (config.apiVersion === undefined || config.kind === undefined) {
    const [group = "", version = ""] = (config.apiVersion ?? "").split("/");
    throw badRequest(`invalid object type: ${group}/${version}, Kind=${config.kind ?? ""}`);
  }
  const given = config.metadata?.name;
  if (given !== undefined && given !== name) {
    throw badRequest(
      `the name of the object (${given}) does not match the name on the URL (${name})`,
    );
  }
  if (config.metadata?.managedFields !== undefined) {
    throw badRequest("metadata.managedFields must be nil");
  }
  const writing = {
    ...writingOf(handler, kind, manager, subresource),
    isForced: isTrue(query.get("force")),
  };
  const options = { ...writeOptions(request, target), isApplied: true };
  if (handler.store.get(kind, keyOf(namespace, name)) !== undefined) {
    return changed(handler, target, (live) => apply(live, config, writing), options);
  }
  if (subresource !== undefined) throw notFound(kind, name);
  const { resourceVersion: _version, uid, ...metadata } = config.metadata ?? {};
  if (uid !== undefined) {
    const why = `uid mismatch: the provided object specified uid ${uid}, and no existing object was found`;
    throw conflict(kind, name, why);
  }
  const named = { ...config, metadata: { ...metadata, name } };
  const fresh = { metadata: { ...named.metadata, ...freshMetadata(handler, namespace, config) } };
  const { apiVersion, kind: type } = config;
  const object = { apiVersion, kind: type, ...apply(undefined, { ...named, ...fresh }, writing) };
  return answer(201, create(handler, target, object, options));
}

/** A patch can't change the name of the object. */
function checkUid({ kind, name }: ObjectTarget, seen: ApiObject, patched: ApiObject): ApiObject {
  const uid = patched.metadata?.uid;
  if (uid === undefined || uid === seen.metadata?.uid) return patched;
  const message = `Invalid value: ${JSON.stringify(uid)}: field is immutable`;
  throw invalid(kind, name, [{ reason: "FieldValueInvalid", message, field: "metadata.uid" }]);
}

/** Changes the subresource that the target names, and answers with its new state. */
function changed(
  handler: Handler,
  target: ObjectTarget,
  change: (seen: ApiObject) => ApiObject,
  options: WriteOptions,
): ApiAnswer {
  const { subresource } = target;
  const after = update(
    handler,
    target,
    (current) => {
      if (subresource !== "scale") return change(current);
      return withScale(current, change(scaleOf(current)));
    },
    options,
  );
  return answer(200, asSeen(after, subresource));
}

function createObject(handler: Handler, target: Target, request: ApiRequest): ApiAnswer {
  const body = readObject(request);
  const answered = review(target, request, body, handler.authorize);
  if (answered !== undefined) return answer(201, answered);
  return answer(201, create(handler, target, body, writeOptions(request, target)));
}

function createBelow(handler: Handler, target: ObjectTarget, request: ApiRequest): ApiAnswer {
  switch (target.subresource) {
    case "token":
      return answer(201, issueToken(handler, target, readObject(request)));
    case "binding":
      return answer(201, bindPod(handler, target, readObject(request)));
    default:
      return evictPod(handler, target, request);
  }
}

function evictPod(handler: Handler, target: ObjectTarget, request: ApiRequest): ApiAnswer {
  const isForbidden = handler.isProtected(keyOf(target.namespace, target.name));
  return answer(201, evict(handler, target, readObject(request), isForbidden));
}

function deleteCollection(handler: Handler, target: Target, request: ApiRequest): ApiAnswer {
  const { store } = handler;
  const prefix = target.namespace === undefined ? "" : `${target.namespace}/`;
  const selects = selectorOf(target);
  const objects = store
    .at(target.kind, store.revision)
    .filter(([key, object]) => key.startsWith(prefix) && (selects?.(object) ?? true))
    .map(([, object]) => object);
  const metadata = { resourceVersion: String(store.revision) };
  removeAll(handler, target, objects, deleteOptions(readBody(request), target.query));
  return answer(200, listOf(target.kind, objects, metadata));
}

function existing({ store }: Model, { kind, namespace, name }: ObjectTarget): StoredObject {
  const object = store.get(kind, keyOf(namespace, name));
  if (object === undefined) throw notFound(kind, name);
  return object;
}

function asSeen(object: StoredObject, subresource: string | undefined): ApiObject {
  return subresource === "scale" ? scaleOf(object) : object;
}

function streamed(body: ApiAnswer["body"], contentType: string): ApiAnswer {
  return { status: 200, headers: { "Content-Type": contentType }, body };
}

function hasName(target: Target): target is ObjectTarget {
  return target.name !== undefined;
}

/** The field manager: `fieldManager` if it is given, otherwise the first part of the user agent. */
function writeOptions({ headers }: ApiRequest, { verb, query }: Target): WriteOptions {
  checkDryRun(verb, query.getAll("dryRun"));
  const agent = headers.get("user-agent")?.split("/")[0];
  const manager = query.get("fieldManager") ?? (agent || "unknown");
  return { manager, dryRun: query.getAll("dryRun").includes("All") };
}

function readBody({ body }: ApiRequest): unknown {
  if (body === "") return undefined;
  try {
    return JSON.parse(body) as unknown;
  } catch (error) {
    throw badRequest(
      `the object provided is unrecognized (must be of type ): couldn't get version/kind; json parse error: ${String(error)}`,
    );
  }
}

function readObject(request: ApiRequest): ApiObject {
  const body = readBody(request);
  if (!isJson(body)) throw badRequest("the object provided is unrecognized: it is no object");
  return body;
}
