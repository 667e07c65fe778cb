/**
 * Kinds to generate code for, as CustomResourceDefinitions describe them.
 *
 * @module
 */

import { ConfigError } from "../errors.ts";
import { cleanName } from "../clean-text.ts";
import type { ResourceDefinition } from "../api/resource-definition.ts";
import type { ManifestObject } from "../manifests/manifest-object.ts";
import { isMapping } from "../plain-object.ts";
import { newestFirst } from "./versions.ts";

/** A schema as OpenAPI has it, as far as types are made of it. */
export type Schema = Readonly<Record<string, unknown>>;

/** A kind in one version. */
export interface CustomKind extends ResourceDefinition {
  readonly schema: Schema;
  /** The schemas that others refer to, by the ends of their references. */
  readonly definitions: Readonly<Record<string, Schema>>;
}

/**
 * The kinds that CustomResourceDefinitions bring, in all versions that are served, the newest first.
 *
 * @throws {ConfigError} if there are none, or one of them is malformed.
 */
export function kindsOfCrds(objects: readonly ManifestObject[], file: string): CustomKind[] {
  const crds = objects.filter(({ kind }) => kind === "CustomResourceDefinition");
  if (crds.length === 0) {
    throw new ConfigError(`Cannot generate from ${file}: it holds no CustomResourceDefinition`);
  }
  return crds.flatMap((crd) => kindsOfCrd(crd, file));
}

function kindsOfCrd({ apiVersion, metadata, spec }: ManifestObject, file: string): CustomKind[] {
  const what = `Cannot generate from ${file}: CustomResourceDefinition ${cleanName(String(metadata?.name))}`;
  if (apiVersion !== "apiextensions.k8s.io/v1") {
    throw new ConfigError(
      `${what} is of ${cleanName(apiVersion)}; only apiextensions.k8s.io/v1 is read`,
    );
  }
  const { group, names, scope, versions } = isMapping(spec) ? spec : {};
  const { kind, plural } = isMapping(names) ? names : {};
  const texts = { "spec.group": group, "spec.names.kind": kind, "spec.names.plural": plural };
  for (const [field, value] of Object.entries(texts)) {
    if (isName(value)) continue;
    throw new ConfigError(`${what} has no ${field}`);
  }
  if (!Array.isArray(versions)) throw new ConfigError(`${what} has no spec.versions`);
  const served = versions.filter(isMapping).filter((version) => version["served"] !== false);
  if (!served.every(({ name }) => isName(name))) {
    throw new ConfigError(`${what} has a version without a name`);
  }
  return newestFirst(served.map((version) => String(version["name"]))).map((name) => {
    const version = served.find((one) => one["name"] === name) ?? {};
    const { schema } = version;
    const root = isMapping(schema) ? schema["openAPIV3Schema"] : undefined;
    const subresources = isMapping(version["subresources"]) ? version["subresources"] : {};
    return {
      group: group as string,
      version: name,
      kind: kind as string,
      plural: plural as string,
      namespaced: scope === "Namespaced",
      subresources: ["status", "scale"].filter((one) => isMapping(subresources[one])),
      schema: isMapping(root) ? root : {},
      definitions: {},
    };
  });
}

function isName(value: unknown): boolean {
  return typeof value === "string" && /^[\w.-]+$/.test(value);
}
