/**
 * Which kinds of resources a server has.
 *
 * @module
 */

import { ApiError } from "../api/api-error.ts";
import { type DiscoveredResource, kindOfServer } from "./define-resource.ts";
import type { ResourceCall, ResourceClient } from "../api/api-call.ts";
import type { KubeObject } from "../api/object.ts";
import type { ResourceKind } from "./kind.ts";

/** How a server is asked for its kinds. */
export interface DiscoverOptions {
  /** Whether it is asked again, though it has been asked before. */
  refresh?: boolean | undefined;
  /** Ends the call at once. */
  signal?: AbortSignal | undefined;
}

/** A kind that a server has, ready for `kube.resource()`. */
export interface DiscoveredKind extends ResourceKind<KubeObject, DiscoveredResource> {
  /** Its name for one, as in `deployment`. */
  readonly singular: string;
  /** Its names for people in a hurry, as in `deploy`. */
  readonly shortNames: readonly string[];
  /** What can be done to it: `get`, `list`, `watch` and the like. */
  readonly verbs: readonly string[];
}

/** What a server has. */
export interface Discovery {
  /** Every kind in every version, those that the server prefers first. */
  readonly kinds: readonly DiscoveredKind[];
  /** The groups that the server could not describe, for example since the service behind one is down. */
  readonly missing: readonly string[];
  /**
   * Finds a kind as kubectl does, in the version that the server prefers.
   *
   * @param name Its kind, plural, singular or short name, with the group behind a dot where that is needed:
   * `Deployment`, `deploy`, `deployments.apps`.
   */
  find(name: string): DiscoveredKind | undefined;
}

/** The documents of an aggregated discovery (KEP-3352), as far as they are read. */
interface GroupDiscovery {
  readonly metadata?: { readonly name?: string };
  readonly versions?: readonly {
    readonly version: string;
    readonly freshness?: string;
    readonly resources?: readonly {
      readonly resource: string;
      readonly responseKind?: { readonly kind?: string };
      readonly scope?: string;
      readonly singularResource?: string;
      readonly verbs?: readonly string[];
      readonly shortNames?: readonly string[];
      readonly subresources?: readonly { readonly subresource: string }[];
    }[];
  }[];
}

/** The documents of before, as far as they are read. */
interface GroupList {
  readonly groups?: readonly {
    readonly name: string;
    readonly versions?: readonly { readonly groupVersion: string; readonly version: string }[];
  }[];
}

interface ResourceDocument {
  readonly resources?: readonly {
    readonly name: string;
    readonly kind: string;
    readonly namespaced?: boolean;
    readonly singularName?: string;
    readonly verbs?: readonly string[];
    readonly shortNames?: readonly string[];
  }[];
}

const aggregated = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList";

/** Asks a server for its kinds. */
export async function askKinds(client: ResourceClient, signal?: AbortSignal): Promise<Discovery> {
  const missing: string[] = [];
  async function ask<T>(path: string): Promise<T> {
    const headers = { accept: `${aggregated},application/json` };
    const call: ResourceCall = { method: "GET", path, headers, signal };
    return await client.call<T>(call);
  }

  const [core, groups] = await Promise.all([
    ask<{ items?: readonly GroupDiscovery[] }>("/api"),
    ask<{ items?: readonly GroupDiscovery[] } & GroupList>("/apis"),
  ]);
  const items = [...(core.items ?? []), ...(groups.items ?? [])];
  const kinds =
    items.length > 0
      ? items.flatMap((group) => kindsOfGroup(group, missing))
      : await kindsByVersion(groups, ask, missing);
  return { kinds, missing, find: (name) => findKind(kinds, name) };
}

function kindsOfGroup(
  { metadata, versions = [] }: GroupDiscovery,
  missing: string[],
): DiscoveredKind[] {
  const group = metadata?.name ?? "";
  return versions.flatMap(({ version, freshness, resources = [] }) => {
    if (freshness === "Stale") missing.push(`${group}/${version}`);
    return resources.flatMap((resource) => {
      const kind = resource.responseKind?.kind;
      if (kind === undefined || kind === "") return [];
      return discovered({
        group,
        version,
        kind,
        plural: resource.resource,
        namespaced: resource.scope === "Namespaced",
        subresources: (resource.subresources ?? []).map(({ subresource }) => subresource),
        singular: resource.singularResource ?? "",
        shortNames: resource.shortNames ?? [],
        verbs: resource.verbs ?? [],
      });
    });
  });
}

/** For servers of before 1.27: a document a version. */
async function kindsByVersion(
  { groups = [] }: GroupList,
  ask: <T>(path: string) => Promise<T>,
  missing: string[],
): Promise<DiscoveredKind[]> {
  const versions = [
    { group: "", version: "v1", path: "/api/v1" },
    ...groups.flatMap(({ name, versions: ofGroup = [] }) =>
      ofGroup.map(({ groupVersion, version }) => {
        return { group: name, version, path: `/apis/${groupVersion}` };
      }),
    ),
  ];
  const found = await Promise.all(
    versions.map(async ({ group, version, path }) => {
      try {
        return kindsOfDocument(group, version, await ask<ResourceDocument>(path));
      } catch (error) {
        // One service that is down must not hide all the others.
        if (!(error instanceof ApiError)) throw error;
        missing.push(`${group}/${version}`);
        return [];
      }
    }),
  );
  return found.flat();
}

function kindsOfDocument(
  group: string,
  version: string,
  { resources = [] }: ResourceDocument,
): DiscoveredKind[] {
  const subresourcesOf = (plural: string): string[] =>
    resources.flatMap(({ name }) => {
      const [parent, subresource] = name.split("/", 2);
      return parent === plural && subresource !== undefined ? [subresource] : [];
    });
  return resources
    .filter(({ name }) => !name.includes("/"))
    .map(({ name, kind, namespaced = false, singularName = "", verbs = [], shortNames = [] }) =>
      discovered({
        group,
        version,
        kind,
        plural: name,
        namespaced,
        subresources: subresourcesOf(name),
        singular: singularName,
        shortNames,
        verbs,
      }),
    );
}

function discovered({
  singular,
  shortNames,
  verbs,
  ...definition
}: Omit<DiscoveredKind, "bind">): DiscoveredKind {
  return {
    ...kindOfServer(definition),
    singular: singular || definition.kind.toLowerCase(),
    shortNames,
    verbs,
  };
}

function findKind(kinds: readonly DiscoveredKind[], name: string): DiscoveredKind | undefined {
  const wanted = name.toLowerCase();
  const inGroup = kinds.find((kind) => {
    return namesOf(kind).some((one) => kind.group !== "" && `${one}.${kind.group}` === wanted);
  });
  return inGroup ?? kinds.find((kind) => namesOf(kind).includes(wanted));
}

function namesOf({ kind, plural, singular, shortNames }: DiscoveredKind): string[] {
  return [kind.toLowerCase(), plural, singular, ...shortNames];
}
