/**
 * Kinds to generate code for, as the OpenAPI documents of a cluster describe them.
 *
 * @module
 */

import { isKubernetesGroup } from "../api/kubernetes-groups.ts";
import type { KubeClient } from "../client/client.ts";
import { ConfigError } from "../errors.ts";
import { isMapping } from "../plain-object.ts";
import type { DiscoveredKind } from "../resources/discovery.ts";
import type { CustomKind, Schema } from "./custom-kind.ts";
import { compareVersions } from "./versions.ts";

/**
 * Reads the kinds of a cluster, in all versions, the newest first.
 *
 * @param groups Their groups; if there are none, all that Kubernetes does not bring itself.
 * @throws {ConfigError} if a group, or any kind, is missing.
 */
export async function kindsOfCluster(
  kube: KubeClient,
  groups: readonly string[],
): Promise<CustomKind[]> {
  const { kinds } = await kube.discover({ refresh: true });
  const wanted = kinds.filter(({ group, verbs }) => {
    return (
      verbs.includes("list") &&
      (groups.length > 0 ? groups.includes(group) : !isKubernetesGroup(group))
    );
  });
  const missing = groups.filter((group) => !wanted.some((kind) => kind.group === group));
  if (missing.length > 0) {
    throw new ConfigError(
      `Cannot generate from the cluster: it has no group ${missing.join(", ")}`,
    );
  }
  if (wanted.length === 0) {
    throw new ConfigError(
      "Cannot generate from the cluster: it has no kinds beside those of Kubernetes itself, for which reanchor/resources has types",
    );
  }
  const paths = new Set(wanted.map(documentOf));
  const documents = new Map<string, Document>();
  for (const path of paths) documents.set(path, await kube.get<Document>(`/openapi/v3/${path}`));
  return wanted
    .map((kind) => customKind(kind, documents.get(documentOf(kind)) ?? {}))
    .sort((a, b) => {
      const [one, other] = [`${a.group}/${a.kind}`, `${b.group}/${b.kind}`];
      return one === other ? compareVersions(a.version, b.version) : one < other ? -1 : 1;
    });
}

interface Document {
  readonly components?: { readonly schemas?: Readonly<Record<string, Schema>> };
}

function documentOf({ group, version }: DiscoveredKind): string {
  return group === "" ? `api/${version}` : `apis/${group}/${version}`;
}

function customKind(
  { group, version, kind, plural, namespaced, subresources }: DiscoveredKind,
  { components }: Document,
): CustomKind {
  const definitions = components?.schemas ?? {};
  const schema = Object.values(definitions).find((each) => {
    const names = each["x-kubernetes-group-version-kind"];
    return (Array.isArray(names) ? names : []).some((name: unknown) => {
      if (!isMapping(name)) return false;
      return name["group"] === group && name["version"] === version && name["kind"] === kind;
    });
  });
  return {
    group,
    version,
    kind,
    plural,
    namespaced,
    subresources: subresources.filter((name) => name === "status" || name === "scale"),
    schema: schema ?? {},
    definitions,
  };
}
