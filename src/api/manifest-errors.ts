/**
 * What becomes of the objects of manifests, and the errors about them.
 *
 * @module
 */

import { cleanMessage, escapeInvisible } from "../clean-text.ts";
import { ReanchorError } from "../errors.ts";
import type { KubeObject, Stored } from "./object.ts";

/** Which object of a set of manifests is meant. */
export interface ManifestObjectReference {
  /** Its group and version. */
  readonly apiVersion: string;
  /** Its kind. */
  readonly kind: string;
  /** Its namespace; `undefined` if its kind has none. */
  readonly namespace: string | undefined;
  /** Its name. */
  readonly name: string;
}

/** What has become of an object, or would in a dry run. */
export interface ManifestSuccess extends ManifestObjectReference {
  /**
   * `created`, `changed` or `unchanged` by applying; `pruned`, since it is no longer in the set; `deleted` or
   * `missing`, if it did not exist, by deleting.
   */
  readonly action: "changed" | "created" | "deleted" | "missing" | "pruned" | "unchanged";
  /** The object as the server returned it; `undefined` if it did not. */
  readonly object?: Stored<KubeObject> | undefined;
  /**
   * Why the server has not validated the object in a dry run: its namespace or its kind would be created by the
   * same set.
   */
  readonly unchecked?: string | undefined;
}

/** What has become of an object that failed. */
export interface ManifestFailure extends ManifestObjectReference {
  /** Always `failed`. */
  readonly action: "failed";
  /** Why. */
  readonly error: Error;
}

/** What has become of one object. */
export type ManifestResult = ManifestFailure | ManifestSuccess;

/** Some objects of a set failed; the others did not. */
export class ManifestsFailedError extends ReanchorError {
  /** The class's name. */
  override readonly name = "ManifestsFailedError";
  /** See {@link ReanchorErrorCode}. */
  override readonly code = "ERR_REANCHOR_MANIFESTS_FAILED";
  /** What has become of every object, in the order of the manifests. */
  readonly results: readonly ManifestResult[];
  /** Those that failed. */
  readonly failures: readonly ManifestFailure[];

  /** Creates the error; callers have no need to. */
  constructor(verb: string, results: readonly ManifestResult[]) {
    const failures = results.filter(isFailure);
    const reasons = failures.slice(0, MAX_REASONS).map(describeFailure);
    const more = failures.length - reasons.length;
    if (more > 0) reasons.push(`and ${more} more`);
    const count = `${failures.length} of ${results.length} objects`;
    super(`Cannot ${verb} ${count}: ${reasons.join("; ")}`, { cause: failures[0]?.error });
    this.results = results;
    this.failures = failures;
  }

  /** What a log gets of it: without the objects themselves, which may be Secrets. */
  override toJSON(): Record<string, unknown> {
    const failures = this.failures.map((failure) => describeFailure(failure));
    return { name: this.name, code: this.code, message: this.message, failures };
  }
}

const MAX_REASONS = 10;
/** How much of a reason is said among others. */
const MAX_REASON = 1_000;

/** A manifest can't be read. */
export class InvalidManifestError extends ReanchorError {
  /** The class's name. */
  override readonly name = "InvalidManifestError";
  /** See {@link ReanchorErrorCode}. */
  override readonly code = "ERR_REANCHOR_INVALID_MANIFEST";
  /** Which document of the text it is, from 1; `undefined` if the text as a whole is meant. */
  readonly document: number | undefined;
  /** The line of the text, from 1; `undefined` if no line is meant. */
  readonly line: number | undefined;

  /** Creates the error; callers have no need to. */
  constructor(
    message: string,
    place: { document?: number | undefined; line?: number | undefined },
  ) {
    super(message);
    this.document = place.document;
    this.line = place.line;
  }
}

/** The server has no such kind. */
export class UnknownKindError extends ReanchorError {
  /** The class's name. */
  override readonly name = "UnknownKindError";
  /** See {@link ReanchorErrorCode}. */
  override readonly code = "ERR_REANCHOR_UNKNOWN_KIND";
}

/** An object in words, as in `ConfigMap default/settings`. */
export function describeReference({ kind, namespace, name }: ManifestObjectReference): string {
  return escapeInvisible(`${kind} ${namespace === undefined ? "" : `${namespace}/`}${name}`);
}

function describeFailure(failure: ManifestFailure): string {
  return `${describeReference(failure)}: ${cleanMessage(failure.error.message, MAX_REASON)}`;
}

function isFailure(result: ManifestResult): result is ManifestFailure {
  return result.action === "failed";
}
