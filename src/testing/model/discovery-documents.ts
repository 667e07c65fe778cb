/**
 * Discovery: the groups, versions and kinds, as aggregated documents or one by one.
 *
 * @module
 */

import { apiVersionOf } from "../../api/paths.ts";
import { isCustom, type KindDefinition, subresourcesOf } from "./served-kinds.ts";
import type { Json } from "./objects.ts";
import type { ApiAnswer } from "./request-target.ts";

const AGGREGATED = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList";
const VERBS = ["create", "delete", "deletecollection", "get", "list", "patch", "update", "watch"];
const SUBRESOURCE_VERBS: Record<string, string[]> = { log: ["get"], eviction: ["create"] };
const SUBRESOURCE_KINDS: Record<string, { group: string; version: string; kind: string }> = {
  scale: { group: "autoscaling", version: "v1", kind: "Scale" },
  eviction: { group: "policy", version: "v1", kind: "Eviction" },
};

/**
 * Answers a request for a discovery document; `undefined` if the path is not one of them.
 *
 * @param accept the request's `Accept` header
 * @param isAggregated whether the server has the aggregated documents
 */
export function discover(
  pathname: string,
  kinds: readonly KindDefinition[],
  { accept, isAggregated }: { readonly accept: string; readonly isAggregated: boolean },
): ApiAnswer | undefined {
  const parts = pathname.split("/").filter(Boolean);
  const [root, ...rest] = parts;
  const mine = kinds.filter(({ group }) => (group === "") === (root === "api"));
  if (rest.length === 0) {
    const accepted = accept.replaceAll(" ", "").split(",");
    if (isAggregated && accepted.includes(AGGREGATED)) return answer(aggregated(mine), AGGREGATED);
    return answer(root === "api" ? coreVersions(mine) : groupList(mine));
  }
  const ofVersion = mine.filter((kind) => apiVersionOf(kind) === rest.join("/"));
  if (ofVersion.length > 0) return answer(resourceList(rest.join("/"), ofVersion));
  const ofGroup = mine.filter(({ group }) => group === rest.join("/"));
  if (root === "api" || ofGroup.length === 0) return undefined;
  return answer({ kind: "APIGroup", apiVersion: "v1", ...groupOf(ofGroup) });
}

function answer(document: Json, contentType = "application/json"): ApiAnswer {
  const headers = { "Content-Type": contentType, Vary: "Accept" };
  return { status: 200, headers, body: `${JSON.stringify(document)}\n` };
}

function aggregated(kinds: readonly KindDefinition[]): Json {
  const items = grouped(kinds, ({ group }) => group).map((ofGroup) => ({
    metadata: ofGroup[0]?.group === "" ? {} : { name: ofGroup[0]?.group },
    versions: grouped(ofGroup, ({ version }) => version).map((ofVersion) => ({
      version: ofVersion[0]?.version,
      resources: ofVersion.map(aggregatedResource),
      freshness: "Current",
    })),
  }));
  return {
    kind: "APIGroupDiscoveryList",
    apiVersion: "apidiscovery.k8s.io/v2",
    metadata: {},
    items,
  };
}

function aggregatedResource(definition: KindDefinition): Json {
  const { group, version, kind, plural, namespaced } = definition;
  // A built-in kind omits its group and version here, since the document names them.
  const responseKind = isCustom(definition)
    ? { group, version, kind }
    : { group: "", version: "", kind };
  const subresources = subresourcesOf(definition).map((subresource) => ({
    subresource,
    responseKind: SUBRESOURCE_KINDS[subresource] ?? responseKind,
    verbs: verbsOf(subresource),
  }));
  return {
    resource: plural,
    responseKind,
    scope: namespaced ? "Namespaced" : "Cluster",
    singularResource: kind.toLowerCase(),
    verbs: VERBS,
    ...(subresources.length === 0 ? {} : { subresources }),
  };
}

function coreVersions(kinds: readonly KindDefinition[]): Json {
  return {
    kind: "APIVersions",
    versions: [...new Set(kinds.map(({ version }) => version))],
    serverAddressByClientCIDRs: [{ clientCIDR: "0.0.0.0/0", serverAddress: "127.0.0.1:6443" }],
  };
}

function groupList(kinds: readonly KindDefinition[]): Json {
  const groups = grouped(kinds, ({ group }) => group).map(groupOf);
  return { kind: "APIGroupList", apiVersion: "v1", groups };
}

function groupOf(kinds: readonly KindDefinition[]): Json {
  const versions = grouped(kinds, ({ version }) => version).flatMap(([first]) =>
    first === undefined ? [] : [{ groupVersion: apiVersionOf(first), version: first.version }],
  );
  return { name: kinds[0]?.group, versions, preferredVersion: versions[0] };
}

function resourceList(groupVersion: string, kinds: readonly KindDefinition[]): Json {
  const resources = kinds.flatMap((definition) => {
    const { kind, plural, namespaced } = definition;
    const below = subresourcesOf(definition).map((subresource) => ({
      name: `${plural}/${subresource}`,
      singularName: "",
      namespaced,
      ...(SUBRESOURCE_KINDS[subresource] ?? { kind }),
      verbs: verbsOf(subresource),
    }));
    const singularName = kind.toLowerCase();
    return [{ name: plural, singularName, namespaced, kind, verbs: VERBS }, ...below];
  });
  return { kind: "APIResourceList", apiVersion: "v1", groupVersion, resources };
}

function verbsOf(subresource: string): string[] {
  return SUBRESOURCE_VERBS[subresource] ?? ["get", "patch", "update"];
}

function grouped(
  kinds: readonly KindDefinition[],
  by: (kind: KindDefinition) => string,
): KindDefinition[][] {
  const groups = new Map<string, KindDefinition[]>();
  for (const kind of kinds) {
    const key = by(kind);
    groups.set(key, [...(groups.get(key) ?? []), kind]);
  }
  return [...groups.values()];
}
