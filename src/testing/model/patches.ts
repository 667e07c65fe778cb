/**
 * JSON merge patches (RFC 7386) and JSON patches (RFC 6902).
 *
 * @module
 */

import { isEqual } from "../../is-equal.ts";
import { isJson, type Json } from "./objects.ts";
import { badRequest, Refusal } from "./refusal.ts";

interface Operation {
  op: string;
  path: string;
  from?: string;
  value?: unknown;
}

/** Merges a patch into a value. */
export function mergePatch(target: unknown, patch: unknown): unknown {
  if (!isJson(patch)) return patch;
  const merged: Json = isJson(target) ? { ...target } : {};
  for (const [name, value] of Object.entries(patch)) {
    if (value === null) delete merged[name];
    else merged[name] = mergePatch(merged[name], value);
  }
  return merged;
}

/**
 * Carries out the operations of a JSON patch.
 *
 * @throws {Refusal} if an operation fails
 */
export function jsonPatch(target: unknown, operations: unknown): unknown {
  if (!Array.isArray(operations)) {
    throw badRequest(
      "error decoding patch: json: cannot unmarshal object into Go value of type []handlers.jsonPatchOp",
    );
  }
  let value = structuredClone(target);
  for (const operation of operations as Operation[]) value = operate(value, operation);
  return value;
}

function operate(root: unknown, { op, path, from, value }: Operation): unknown {
  switch (op) {
    case "add":
      return add(root, path, value);
    case "remove":
      return remove(root, path);
    case "replace":
      return add(remove(root, path), path, value);
    case "move":
      return add(remove(root, from ?? ""), path, read(root, from ?? ""));
    case "copy":
      return add(root, path, structuredClone(read(root, from ?? "")));
    case "test":
      if (!isEqual(read(root, path), value)) throw rejected();
      return root;
    default:
      throw rejected();
  }
}

function read(root: unknown, pointer: string): unknown {
  let at = root;
  for (const name of namesOf(pointer)) {
    if (!isContainer(at) || !(name in at)) throw rejected();
    at = at[name];
  }
  return at;
}

function add(root: unknown, pointer: string, value: unknown): unknown {
  const names = namesOf(pointer);
  const last = names.pop();
  if (last === undefined) return value;
  const parent = read(root, pointerOf(names));
  if (Array.isArray(parent)) {
    const index = last === "-" ? parent.length : Number(last);
    if (!Number.isInteger(index) || index > parent.length) throw rejected();
    parent.splice(index, 0, value);
  } else if (isJson(parent)) parent[last] = value;
  else throw rejected();
  return root;
}

/** Replaces the root. Its old value has to be read first. */
function remove(root: unknown, pointer: string): unknown {
  read(root, pointer);
  const copy = structuredClone(root);
  const names = namesOf(pointer);
  const last = names.pop();
  if (last === undefined) return undefined;
  const parent = read(copy, pointerOf(names));
  if (Array.isArray(parent)) parent.splice(Number(last), 1);
  else if (isJson(parent)) delete parent[last];
  return copy;
}

function isContainer(value: unknown): value is Json {
  return typeof value === "object" && value !== null;
}

function namesOf(pointer: string): string[] {
  const names = pointer.split("/").slice(1);
  return names.map((name) => name.replaceAll("~1", "/").replaceAll("~0", "~"));
}

function pointerOf(names: readonly string[]): string {
  return names.map((name) => `/${name.replaceAll("~", "~0").replaceAll("/", "~1")}`).join("");
}

function rejected(): Refusal {
  const message = "the server rejected our request due to an error in our request";
  return new Refusal(422, "Invalid", message, { details: {} });
}
