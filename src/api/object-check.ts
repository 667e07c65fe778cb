/**
 * Objects of the API checked by a caller's schema.
 *
 * @module
 */

import { InvalidObjectError, type SchemaIssue } from "../errors.ts";
import { type EventListener, notify } from "../events.ts";
import type { KubeObject, Stored } from "./object.ts";

/**
 * A schema of zod, or of any library that follows [Standard Schema](https://standardschema.dev).
 */
export interface ObjectSchema<Input> {
  /** What Standard Schema asks of it. */
  readonly "~standard": {
    readonly version: 1;
    readonly vendor: string;
    /** Says what is wrong with a value. */
    readonly validate: (value: unknown) => SchemaResult | Promise<SchemaResult>;
    /** The type that it takes; never there at run time. */
    readonly types?: { readonly input: Input; readonly output: unknown } | undefined;
  };
}

/** What a schema says of a value. */
export interface SchemaResult {
  /** What is wrong; `undefined` if nothing is. */
  readonly issues?: readonly SchemaIssue[] | undefined;
}

/** What happens to an object that its schema does not accept: nothing, an event, or an error. */
export type ObjectCheckMode = "off" | "warn" | "reject";

/** Looks at an object that came from the server. */
export type ObjectCheck = (object: Stored<KubeObject>) => Promise<void>;

/** Makes a check; `undefined` if there is nothing to check. */
export function createObjectCheck(
  schema: ObjectSchema<unknown> | undefined,
  mode: ObjectCheckMode,
  onEvent: EventListener | undefined,
): ObjectCheck | undefined {
  if (schema === undefined || mode === "off") return undefined;
  return async (object) => {
    const { issues } = await schema["~standard"].validate(object);
    if (issues === undefined) return;
    const error = new InvalidObjectError(describeObject(object), issues);
    if (mode === "reject") throw error;
    notify(onEvent, { type: "invalid-object", error });
  };
}

/** An object in words, as in `Widget default/a`. */
function describeObject({ kind = "object", metadata }: KubeObject): string {
  const { name = "without a name", namespace } = metadata ?? {};
  return `${kind} ${namespace === undefined ? "" : `${namespace}/`}${name}`;
}
