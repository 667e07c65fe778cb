/**
 * Error responses, worded as by kube-apiserver 1.37.
 *
 * @module
 */

import { type KindDefinition, qualified } from "./served-kinds.ts";
import type { Json, StoredObject } from "./objects.ts";

/** An invalid field. */
export interface Cause {
  reason: string;
  message: string;
  field: string;
}

/** An error response: the `Status` that is sent instead of the result. */
export class Refusal extends Error {
  override readonly name = "Refusal";
  readonly status: Json & { code: number };

  /** @param reason empty if the server gives none */
  constructor(code: number, reason: string, message: string, more: Json = {}) {
    super(message);
    const { metadata = {}, details } = more;
    this.status = {
      kind: "Status",
      apiVersion: "v1",
      metadata,
      status: "Failure",
      message,
      ...(reason === "" ? {} : { reason }),
      ...(details === undefined ? {} : { details }),
      code,
    };
  }
}

export function notFound(kind: KindDefinition, name: string): Refusal {
  return new Refusal(404, "NotFound", `${qualified(kind)} "${name}" not found`, {
    details: detailsOf(kind, name),
  });
}

export function noSuchResource(): Refusal {
  const message = "the server could not find the requested resource";
  return new Refusal(404, "NotFound", message, { details: {} });
}

export function methodNotAllowed(): Refusal {
  const message = "the server does not allow this method on the requested resource";
  return new Refusal(405, "MethodNotAllowed", message, { details: {} });
}

export function alreadyExists(kind: KindDefinition, { metadata }: StoredObject): Refusal {
  const { name, deletionTimestamp } = metadata;
  const isGoing = deletionTimestamp === undefined ? "" : "object is being deleted: ";
  const message = `${isGoing}${qualified(kind)} "${name}" already exists`;
  return new Refusal(409, "AlreadyExists", message, {
    details: detailsOf(kind, name),
  });
}

export function conflict(
  kind: KindDefinition,
  name: string,
  why = "the object has been modified; please apply your changes to the latest version and try again",
): Refusal {
  const message = `Operation cannot be fulfilled on ${qualified(kind)} "${name}": ${why}`;
  return new Refusal(409, "Conflict", message, { details: detailsOf(kind, name) });
}

export function forbidden(kind: KindDefinition, name: string, why: string): Refusal {
  const which = name === "" ? "" : ` "${name}"`;
  const message = `${qualified(kind)}${which} is forbidden: ${why}`;
  return new Refusal(403, "Forbidden", message, { details: detailsOf(kind, name) });
}

export function badRequest(message: string): Refusal {
  return new Refusal(400, "BadRequest", message);
}

/** @param subject its group and kind, if the server names them */
export function invalid(
  subject: { readonly group: string; readonly kind: string },
  name: string,
  causes: readonly Cause[],
): Refusal {
  const { group, kind } = subject;
  const each = causes.map(({ field, message }) => `${field}: ${message}`);
  const what = each.length === 1 ? each[0] : `[${each.join(", ")}]`;
  const type = group === "" ? kind : `${kind}.${group}`;
  const details = {
    ...(name === "" ? {} : { name }),
    ...(group === "" ? {} : { group }),
    kind,
    causes,
  };
  return new Refusal(422, "Invalid", `${type} "${name}" is invalid: ${what}`, { details });
}

export function expired(message: string, metadata: Json = {}): Refusal {
  return new Refusal(410, "Expired", message, { metadata });
}

/** The requested version is newer than any that exists. */
export function tooLargeVersion(asked: number, current: number): Refusal {
  const message = `Timeout: Too large resource version: ${asked}, current: ${current}`;
  const causes = [{ reason: "ResourceVersionTooLarge", message: "Too large resource version" }];
  return new Refusal(504, "Timeout", message, { details: { causes, retryAfterSeconds: 1 } });
}

/** How errors of the server itself, or of a proxy in front of it, are worded. */
const OTHERS: Record<number, [reason: string, message: string]> = {
  400: ["BadRequest", "the server rejected our request for an unknown reason"],
  401: ["Unauthorized", "Unauthorized"],
  403: ["Forbidden", "forbidden: not allowed"],
  404: ["NotFound", "the server could not find the requested resource"],
  409: [
    "Conflict",
    "Operation cannot be fulfilled: the object has been modified; please apply your changes to the latest version and try again",
  ],
  410: ["Expired", "The resourceVersion for the provided watch is too old."],
  422: ["Invalid", "the server rejected our request due to an error in our request"],
  429: ["TooManyRequests", "The apiserver is shutting down, please try again later."],
  500: ["InternalError", "Internal error occurred: etcdserver: leader changed"],
  503: ["ServiceUnavailable", "apiserver not ready"],
  504: ["Timeout", "Timeout: request did not complete within the allotted timeout"],
};

/** An error that has nothing to do with the content of the request. */
export function refusalOf(
  code: number,
  given: {
    readonly reason?: string;
    readonly message?: string;
    readonly retryAfterSeconds?: number;
  } = {},
): Refusal {
  const [usualReason, usualMessage] = OTHERS[code] ?? ["", `the request got a ${code}`];
  const { reason = usualReason, message = usualMessage, retryAfterSeconds } = given;
  const more = retryAfterSeconds === undefined ? {} : { details: { retryAfterSeconds } };
  return new Refusal(code, reason, message, more);
}

function detailsOf({ group, plural }: KindDefinition, name: string): Json {
  return { ...(name === "" ? {} : { name }), ...(group === "" ? {} : { group }), kind: plural };
}
