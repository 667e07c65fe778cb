/**
 * Which kinds of resources a server has.
 *
 * @module
 */

import { ApiError } from "../api/api-error.ts";
import { ConnectionError } from "../errors.ts";
import { type DiscoveredResource, kindOfServer } from "./define-resource.ts";
import type { ResourceCall, ResourceClient } from "../api/api-call.ts";
import type { KubeObject } from "../api/object.ts";
import { apiVersionOf } from "../api/paths.ts";
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
  /** Whether the server prefers this version of the kind. The kinds that are preferred have each object once. */
  readonly preferred: boolean;
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
   * `Deployment`, `deploy`, `deployments.apps`. Or the `apiVersion` and `kind` of an object, for just that version.
   */
  find(name: string | KindName): DiscoveredKind | undefined;
}

/** What objects say of their kind. */
export interface KindName {
  /** Its group and version, as in `apps/v1`. */
  readonly apiVersion: string;
  /** Its kind, as in `Deployment`. */
  readonly kind: string;
}

const aggregated = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList";

/** Asks a server for its kinds. */
export async function askKinds(client: ResourceClient, signal?: AbortSignal): Promise<Discovery> {
  const missing: string[] = [];
  async function ask(path: string): Promise<Fields> {
    const headers = { accept: `${aggregated},application/json` };
    const call: ResourceCall = { method: "GET", path, headers, signal };
    const answer = await client.call<unknown>(call);
    if (isFields(answer)) return answer;
    throw new MalformedError(`Cannot discover kinds at ${path}: the answer is not an object`);
  }

  const [core, groups] = await Promise.all([ask("/api"), ask("/apis")]);
  const items = [...list(core["items"]), ...list(groups["items"])];
  const found =
    items.length > 0
      ? items.flatMap((group) => kindsOfGroup(group, missing))
      : await kindsByVersion(list(groups["groups"]), ask, missing);
  const kinds = withPreference(found);
  return { kinds, missing, find: (name) => findKind(kinds, name) };
}

/** A kind as its document describes it, before it is known in which versions it is served. */
type DescribedKind = Omit<DiscoveredKind, "preferred">;

/** Marks the first version of each kind. A group's versions come in the order in which the server prefers them. */
function withPreference(kinds: readonly DescribedKind[]): DiscoveredKind[] {
  const seen = new Set<string>();
  return kinds.map((kind) => {
    const name = `${kind.plural}.${kind.group}`;
    const preferred = !seen.has(name);
    seen.add(name);
    return { ...kind, preferred };
  });
}

/** Reads an `APIGroupDiscovery`. */
function kindsOfGroup({ metadata, versions }: Fields, missing: string[]): DescribedKind[] {
  const group = text(fields(metadata)["name"]);
  return list(versions).flatMap(({ version, freshness, resources }) => {
    if (freshness === "Stale") missing.push(`${group}/${text(version)}`);
    return list(resources).flatMap((resource) =>
      discovered({
        group,
        version: text(version),
        // Some have none, since they are there for their subresources only.
        kind: text(fields(resource["responseKind"])["kind"]),
        plural: text(resource["resource"]),
        namespaced: resource["scope"] === "Namespaced",
        subresources: list(resource["subresources"]).map((one) => text(one["subresource"])),
        singular: text(resource["singularResource"]),
        shortNames: texts(resource["shortNames"]),
        verbs: texts(resource["verbs"]),
      }),
    );
  });
}

/** For servers before 1.27: one request for each version of each group of an `APIGroupList`. */
async function kindsByVersion(
  groups: readonly Fields[],
  ask: (path: string) => Promise<Fields>,
  missing: string[],
): Promise<DescribedKind[]> {
  const versions = [
    { group: "", version: "v1", path: "/api/v1" },
    ...groups.flatMap(({ name, versions: ofGroup }) =>
      list(ofGroup).map(({ groupVersion, version }) => {
        return { group: text(name), version: text(version), path: `/apis/${text(groupVersion)}` };
      }),
    ),
  ];
  const found = await Promise.all(
    versions.map(async ({ group, version, path }) => {
      try {
        return kindsOfDocument(group, version, await ask(path));
      } catch (error) {
        // One service that is down must not hide all the others.
        if (!(error instanceof ApiError) && !(error instanceof MalformedError)) throw error;
        missing.push(`${group}/${version}`);
        return [];
      }
    }),
  );
  return found.flat();
}

/** Reads an `APIResourceList`. */
function kindsOfDocument(group: string, version: string, document: Fields): DescribedKind[] {
  const resources = list(document["resources"]).map((resource) => {
    const [plural = "", subresource] = text(resource["name"]).split("/", 2);
    return { resource, plural, subresource };
  });
  return resources
    .filter(({ subresource }) => subresource === undefined)
    .flatMap(({ resource, plural }) =>
      discovered({
        group,
        version,
        kind: text(resource["kind"]),
        plural,
        namespaced: resource["namespaced"] === true,
        subresources: resources.flatMap((other) =>
          other.plural === plural ? (other.subresource ?? []) : [],
        ),
        singular: text(resource["singularName"]),
        shortNames: texts(resource["shortNames"]),
        verbs: texts(resource["verbs"]),
      }),
    );
}

/** A kind, unless the server leaves out what a request needs. */
function discovered({
  singular,
  shortNames,
  verbs,
  subresources,
  ...definition
}: Omit<DescribedKind, "bind">): DescribedKind[] {
  const { kind, plural, version } = definition;
  if (kind === "" || plural === "" || version === "") return [];
  return [
    {
      ...kindOfServer({ ...definition, subresources: subresources.filter((name) => name !== "") }),
      singular: singular || kind.toLowerCase(),
      shortNames,
      verbs,
    },
  ];
}

function findKind(
  kinds: readonly DiscoveredKind[],
  name: string | KindName,
): DiscoveredKind | undefined {
  if (typeof name !== "string") {
    return kinds.find((one) => one.kind === name.kind && apiVersionOf(one) === name.apiVersion);
  }
  const wanted = name.toLowerCase();
  const inGroup = kinds.find((kind) => {
    return namesOf(kind).some((one) => kind.group !== "" && `${one}.${kind.group}` === wanted);
  });
  return inGroup ?? kinds.find((kind) => namesOf(kind).includes(wanted));
}

function namesOf({ kind, plural, singular, shortNames }: DiscoveredKind): string[] {
  return [kind.toLowerCase(), plural, singular, ...shortNames];
}

/** A document is not what one must be: a proxy or a service in between may answer anything. */
class MalformedError extends ConnectionError {}

type Fields = Readonly<Record<string, unknown>>;

function isFields(value: unknown): value is Fields {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function fields(value: unknown): Fields {
  return isFields(value) ? value : {};
}

/** The objects of a list. Go writes an empty one as null. */
function list(value: unknown): readonly Fields[] {
  return Array.isArray(value) ? value.filter(isFields) : [];
}

function texts(value: unknown): readonly string[] {
  return Array.isArray(value) ? value.filter((item) => typeof item === "string") : [];
}

function text(value: unknown): string {
  return typeof value === "string" ? value : "";
}
