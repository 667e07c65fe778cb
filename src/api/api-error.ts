/**
 * What the API server answers when it rejects a request: a Kubernetes `Status`.
 *
 * @module
 */

import { cleanMessage, cleanName } from "../clean-text.ts";
import { ReanchorError } from "../errors.ts";
import { neededVerbs } from "./needed-verbs.ts";

/** The reasons that the API server gives (apimachinery `meta/v1` `StatusReason`). */
export type KnownStatusReason =
  | "AlreadyExists"
  | "BadRequest"
  | "Conflict"
  | "Expired"
  | "Forbidden"
  | "Gone"
  | "InternalError"
  | "Invalid"
  | "MethodNotAllowed"
  | "NotAcceptable"
  | "NotFound"
  | "RequestEntityTooLarge"
  | "ServerTimeout"
  | "ServiceUnavailable"
  | "StorageReadError"
  | "Timeout"
  | "TooManyRequests"
  | "Unauthorized"
  | "Unknown"
  | "UnsupportedMediaType";

/** Why the API server rejected the request: a reason that Kubernetes has, or one of an extension's own. */
// Intersected, so that editors still complete the known ones.
export type StatusReason = KnownStatusReason | (string & {});

/** One cause among a refusal's details, as a field that is invalid. */
export interface StatusCause {
  /** The machine-readable reason. */
  readonly reason?: string;
  /** What a person can read. */
  readonly message?: string;
  /** The path of the field, as in `spec.containers[0].name`. */
  readonly field?: string;
}

/** What a refusal is about. */
export interface StatusDetails {
  /** The object's name. */
  readonly name?: string;
  /** The object's API group. */
  readonly group?: string;
  /** The object's kind. */
  readonly kind?: string;
  /** The object's UID. */
  readonly uid?: string;
  /** What is wrong, one by one. */
  readonly causes?: readonly StatusCause[];
  /** How long to wait before another try, in seconds. */
  readonly retryAfterSeconds?: number;
}

/** A Kubernetes `Status` (`meta/v1`). */
export interface Status {
  /** The object's kind. */
  readonly kind: "Status";
  /** `v1`. */
  readonly apiVersion?: string;
  /** `Failure` or `Success`. */
  readonly status?: string;
  /** What a person can read. */
  readonly message?: string;
  /** The machine-readable reason. */
  readonly reason?: string;
  /** What it is about. */
  readonly details?: StatusDetails;
  /** The HTTP status. */
  readonly code?: number;
}

/** What an {@link ApiError} says beside its message. */
export interface ApiErrorDetails {
  /** The request's method. */
  method: string;
  /** The URL's path, without its query. */
  path: string;
  /** The HTTP status. */
  status: number;
  /** The response's body. */
  body: string;
  /** The `Retry-After` header in seconds, used if the body does not say. */
  retryAfterSeconds?: number | undefined;
}

/**
 * The API server answered with an error.
 *
 * @example
 * ```ts
 * import { ApiError } from "@reanchor/reanchor";
 *
 * const error = new ApiError({ method: "GET", path: "/api/v1/pods", status: 403, body: "" });
 * console.log(error.status, error.reason); // 403 Forbidden
 * ```
 */
export class ApiError extends ReanchorError {
  /** The class's name. */
  override readonly name: string = "ApiError";
  /** Always `ERR_REANCHOR_API`. */
  override readonly code = "ERR_REANCHOR_API";
  /** The HTTP status, which is the Status's own `code`. */
  readonly status: number;
  /** The machine-readable reason, as in `NotFound`, `Conflict`, `AlreadyExists`. */
  readonly reason: StatusReason;
  /** What it is about: kind, name, causes. */
  readonly details: StatusDetails | undefined;
  /** The details' causes; empty if there are none. */
  readonly causes: readonly StatusCause[];
  /** How long the server asks to wait, in seconds. */
  readonly retryAfterSeconds: number | undefined;
  /** The request's method. */
  readonly method: string;
  /** The URL's path, without its query. */
  readonly path: string;

  /** Reads the answer's body as a `Status`, where it is one. */
  constructor({ method, path, status, body, retryAfterSeconds }: ApiErrorDetails) {
    const parsed = parseStatus(isOfSecret(path) ? withoutValues(body) : body);
    const said = parsed?.message === undefined ? excerpt(body) : summary(parsed.message, parsed);
    const reason = cleanName(parsed?.reason ?? "") || (reasons[status] ?? "Unknown");
    // Not for a refusal of an admission controller, which no verb would change.
    const missing = status === 403 && / cannot /.test(said) ? neededVerbs(path) : undefined;
    const hint = missing === undefined ? "" : ` (${missing})`;
    super(`Cannot ${method} ${path}: ${status} ${reason}${said && `: ${said}`}${hint}`);
    this.method = method;
    this.path = path;
    this.status = status;
    this.reason = reason;
    this.details = parsed?.details ? cleanDetails(parsed.details) : undefined;
    this.causes = this.details?.causes ?? [];
    this.retryAfterSeconds = this.details?.retryAfterSeconds ?? retryAfterSeconds;
  }
}

/** Validation lists every field in its message. */
const MAX_MESSAGE = 4_000;
const MAX_CAUSES = 100;
const MAX_CAUSE = 1_000;
/** What is shown of a cause at least, if there are many. */
const MIN_CAUSE = 300;

/** The message of a Status. If it is long, each cause keeps its beginning and its end: its field and its reason. */
function summary(message: string, { details }: Status): string {
  const causes = details?.causes ?? [];
  const [{ field: firstField } = {}] = causes;
  const begin = message.indexOf(`${firstField}: `);
  if (message.length <= MAX_MESSAGE || causes.length < 2 || begin === -1) {
    return cleanMessage(message, MAX_MESSAGE);
  }
  const length = Math.max(MIN_CAUSE, Math.floor(MAX_MESSAGE / causes.length));
  const shown = causes
    .slice(0, MAX_MESSAGE / length)
    .map(({ field, message: reason }) => cleanMessage(`${field}: ${reason}`, length));
  const more = causes.length > shown.length ? `, and ${causes.length - shown.length} more` : "";
  return `${cleanMessage(message.slice(0, begin), MAX_CAUSE)}${shown.join(", ")}${more}]`;
}

/** Details of which nothing reaches a terminal or fills a log that should not. */
function cleanDetails({ causes, retryAfterSeconds, ...names }: StatusDetails): StatusDetails {
  return {
    ...cleanTexts(names),
    ...(retryAfterSeconds !== undefined && { retryAfterSeconds }),
    ...(causes !== undefined && { causes: causes.slice(0, MAX_CAUSES).map(cleanTexts) }),
  };
}

function cleanTexts<T extends object>(object: T): T {
  const texts = Object.entries(object).filter(([, value]) => typeof value === "string");
  return Object.fromEntries(
    texts.map(([key, value]) => [key, cleanMessage(String(value), MAX_CAUSE)]),
  ) as T;
}

function isOfSecret(path: string): boolean {
  return /^\/api\/v1\/namespaces\/[^/]+\/secrets(?:\/|$)/.test(path);
}

/** What server-side apply says of a value of the wrong type quotes the value, and all of it (structured-merge-diff). */
function withoutValues(body: string): string {
  return body.replaceAll(
    /(expected (?:string|map|list|boolean|any scalar), got )(?:[^"\\]|\\.)*/g,
    "$1another value, which is hidden",
  );
}

/** The reason of an answer that names none (apimachinery `NewGenericServerResponse`). */
const reasons: Readonly<Record<number, KnownStatusReason>> = {
  400: "BadRequest",
  401: "Unauthorized",
  403: "Forbidden",
  404: "NotFound",
  405: "MethodNotAllowed",
  406: "NotAcceptable",
  409: "Conflict",
  410: "Gone",
  413: "RequestEntityTooLarge",
  415: "UnsupportedMediaType",
  422: "Invalid",
  429: "TooManyRequests",
  500: "InternalError",
  503: "ServiceUnavailable",
  504: "Timeout",
};

/** The reason that a status has by itself, as in `Unauthorized`; the number if it has none. */
export function reasonOf(status: number): string {
  return reasons[status] ?? String(status);
}

function parseStatus(body: string): Status | undefined {
  let value: unknown;
  try {
    value = JSON.parse(body);
  } catch {
    return undefined;
  }
  return isStatus(value) ? value : undefined;
}

/** Looks at just the fields that are read: a proxy in between may answer anything. */
function isStatus(value: unknown): value is Status {
  if (!isObject(value) || value["kind"] !== "Status") return false;
  const { message, reason, details } = value;
  if (!isOptional(message, "string") || !isOptional(reason, "string")) return false;
  if (details === undefined || details === null) return true;
  if (!isObject(details) || !isOptional(details["retryAfterSeconds"], "number")) return false;
  const { causes } = details;
  return causes === undefined || (Array.isArray(causes) && causes.every(isObject));
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null;
}

function isOptional(value: unknown, type: "string" | "number"): boolean {
  return value === undefined || typeof value === type;
}

/** What an answer says that is no Status, on one line. */
function excerpt(body: string): string {
  return cleanMessage(body.replace(/\s+/g, " "), 200);
}
