/**
 * The kinds of objects, as the server has them, or as it will have them.
 *
 * @module
 */

import { UnknownKindError } from "../api/manifest-errors.ts";
import { escapeInvisible } from "../clean-text.ts";
import type { KubeClient } from "../client/client.ts";
import { isMapping } from "../plain-object.ts";
import { defineResource } from "../resources/define-resource.ts";
import type { Discovery, KindName } from "../resources/discovery.ts";
import type { ResourceKind } from "../resources/kind.ts";
import { type ManifestObject, groupOf } from "./manifest-object.ts";

/** A kind that was found. */
export interface FoundKind {
  readonly definition: ResourceKind;
  /** The name of the CustomResourceDefinition of the same set that brings it; `undefined` if none does. */
  readonly crd: string | undefined;
}

/** See the module. The server is asked again for a kind that it did not have. */
export class KindFinder {
  readonly #kube: KubeClient;
  readonly #signal: AbortSignal;
  readonly #brought: ReadonlyMap<string, ResourceKind>;
  #discovery: Promise<Discovery> | undefined;
  #isFresh = false;

  /** @param objects the set, whose CustomResourceDefinitions bring kinds */
  constructor(kube: KubeClient, objects: readonly ManifestObject[], signal: AbortSignal) {
    this.#kube = kube;
    this.#signal = signal;
    this.#brought = new Map(objects.flatMap(kindsBroughtBy));
  }

  /**
   * Finds a kind; `undefined` if the server has none of that name.
   *
   * @throws {UnknownKindError} if the server can't say what its group has.
   */
  async find(name: KindName): Promise<FoundKind | undefined> {
    const brought = this.#brought.get(nameOf(name));
    const crd = brought && `${brought.plural}.${brought.group}`;
    const known = (await this.#discover(false)).find(name) ?? brought;
    if (known !== undefined) return { definition: known, crd };
    const fresh = await this.#discover(true);
    const found = fresh.find(name);
    if (found !== undefined) return { definition: found, crd };
    if (!fresh.missing.includes(discoveredName(name.apiVersion))) return undefined;
    throw new UnknownKindError(
      `Cannot find the kind ${inWords(name)}: the server can't say now what this group has; see its APIService`,
    );
  }

  /**
   * Finds a kind.
   *
   * @throws {UnknownKindError} if the server has none of that name.
   */
  async require(name: KindName): Promise<FoundKind> {
    const found = await this.find(name);
    if (found !== undefined) return found;
    throw new UnknownKindError(
      `Cannot find the kind ${inWords(name)}: the server has no such kind; if it is a custom resource, apply its CustomResourceDefinition first`,
    );
  }

  /** Finds the version that the server prefers of a kind, named as in `Deployment.apps`. */
  async findByGroup(groupKind: string): Promise<ResourceKind | undefined> {
    const dot = groupKind.indexOf(".");
    const [kind, group] =
      dot === -1 ? [groupKind, ""] : [groupKind.slice(0, dot), groupKind.slice(dot + 1)];
    const { kinds, missing } = await this.#discover(true);
    const found = kinds.find((one) => one.kind === kind && one.group === group);
    const isDown = missing.some((name) => name.split("/", 1)[0] === group);
    if (found !== undefined || !isDown) return found;
    throw new UnknownKindError(
      `Cannot find the kind ${groupKind}: the server can't say now what this group has; see its APIService`,
    );
  }

  /** What the server has; with `isFresh`, what it has had since this began. */
  async #discover(isFresh: boolean): Promise<Discovery> {
    if (this.#discovery === undefined || (isFresh && !this.#isFresh)) {
      this.#isFresh = isFresh;
      this.#discovery = this.#kube.discover({ refresh: isFresh, signal: this.#signal });
    }
    const asked = this.#discovery;
    try {
      return await asked;
    } catch (error) {
      // The next object may have more luck.
      if (this.#discovery === asked) this.#discovery = undefined;
      throw error;
    }
  }
}

/** The kinds that a CustomResourceDefinition brings, if the object is one. */
function kindsBroughtBy(object: ManifestObject): (readonly [string, ResourceKind])[] {
  const { spec } = object;
  if (object.kind !== "CustomResourceDefinition" || !isMapping(spec)) return [];
  if (groupOf(object.apiVersion) !== "apiextensions.k8s.io") return [];
  const { group, names, scope, versions } = spec;
  const { kind, plural } = isMapping(names) ? names : {};
  return (Array.isArray(versions) ? versions.filter(isMapping) : []).flatMap(({ name, served }) => {
    if (served !== true) return [];
    try {
      const definition = defineResource({
        group: group as string,
        version: name as string,
        kind: kind as string,
        plural: plural as string,
        namespaced: scope === "Namespaced",
        subresources: [],
      });
      return [
        [
          nameOf({ apiVersion: `${String(group)}/${String(name)}`, kind: String(kind) }),
          definition,
        ],
      ];
    } catch {
      return []; // The server will say what is wrong with it.
    }
  });
}

function inWords({ apiVersion, kind }: KindName): string {
  return escapeInvisible(`${kind} of ${apiVersion}`);
}

function nameOf({ apiVersion, kind }: KindName): string {
  return `${apiVersion}|${kind}`;
}

/** An `apiVersion` as discovery names what it is missing. */
function discoveredName(apiVersion: string): string {
  return apiVersion.includes("/") ? apiVersion : `/${apiVersion}`;
}
