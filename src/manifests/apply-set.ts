/**
 * What belongs to a set though it is no longer in its manifests: ApplySets, by KEP-3659. A parent object says which
 * kinds and namespaces a set has objects in, and a label marks those objects.
 *
 * @module
 */

import { ApiError } from "../api/api-error.ts";
import type { KubeObject, Stored } from "../api/object.ts";
import type { KubeClient } from "../client/client.ts";
import { ConfigError } from "../errors.ts";
import { checkKnown, checkObject } from "../options.ts";
import { segment } from "../api/paths.ts";
import { kindOfServer } from "../resources/define-resource.ts";
import type { Resource } from "../resources/resource.ts";
import { version } from "../version.ts";
import type { KindFinder } from "./kind-finder.ts";
import { groupOf } from "./manifest-object.ts";
import { type Member, resourceIn } from "./manifest-set.ts";

/** The parent object of an ApplySet. It is created if it does not exist. */
export interface ApplySetParent {
  /** Its name. */
  name: string;
  /** Its namespace, which must exist. */
  namespace: string;
  /**
   * Its kind.
   *
   * @default "Secret", as for `kubectl apply --applyset=NAME`
   */
  kind?: "ConfigMap" | "Secret" | undefined;
}

/** An object that is to be pruned. */
export interface PrunedObject {
  readonly object: Stored<KubeObject>;
  /** The objects that it is among. */
  readonly resource: Resource<KubeObject>;
}

const TOOL = "reanchor";
const FIELD_MANAGER = `${TOOL}-applyset`;
const ID_LABEL = "applyset.kubernetes.io/id";
const PART_OF_LABEL = "applyset.kubernetes.io/part-of";
const TOOLING = "applyset.kubernetes.io/tooling";
const GROUP_KINDS = "applyset.kubernetes.io/contains-group-kinds";
const NAMESPACES = "applyset.kubernetes.io/additional-namespaces";

/** What a set has objects in. */
interface Scope {
  /** As in `Deployment.apps`. */
  readonly groupKinds: ReadonlySet<string>;
  readonly namespaces: ReadonlySet<string>;
}

/** Reads the option `prune`. */
export function readParent(prune: unknown): ApplySetParent {
  checkObject("option prune", prune, "pass { applySet: { name, namespace } }");
  checkKnown("prune", prune as object, ["applySet"]);
  const { applySet } = prune as { applySet?: unknown };
  checkObject("option applySet of prune", applySet, "pass { name, namespace }");
  checkKnown("applySet", applySet as object, ["name", "namespace", "kind"]);
  const parent = applySet as ApplySetParent;
  segment("the name of applySet", parent.name);
  segment("the namespace of applySet", parent.namespace);
  if (parent.kind !== undefined && parent.kind !== "Secret" && parent.kind !== "ConfigMap") {
    throw new TypeError("Cannot use option kind of applySet: it is none of Secret, ConfigMap");
  }
  return parent;
}

/**
 * The identity of an ApplySet, which its objects have as a label.
 *
 * @param parent Its parent object.
 * @returns The value of the label `applyset.kubernetes.io/part-of`.
 */
export async function applySetId({
  name,
  namespace,
  kind = "Secret",
}: ApplySetParent): Promise<string> {
  // The last part is the group, which is empty.
  const bytes = new TextEncoder().encode([name, namespace, kind, ""].join("."));
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
  const base64 = btoa(String.fromCharCode(...digest));
  const urlSafe = base64.replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
  return `applyset-${urlSafe}-v1`;
}

/** See the module. */
export class ApplySet {
  /** The label of its objects. */
  readonly labels: Readonly<Record<string, string>>;
  readonly #id: string;
  readonly #kube: KubeClient;
  readonly #parent: ApplySetParent;
  readonly #signal: AbortSignal;
  /** What it had objects in before. */
  readonly #before: Scope;

  private constructor(
    kube: KubeClient,
    parent: ApplySetParent,
    { id, before, signal }: { id: string; before: Scope; signal: AbortSignal },
  ) {
    this.#kube = kube;
    this.#parent = parent;
    this.#id = id;
    this.#before = before;
    this.#signal = signal;
    this.labels = { [PART_OF_LABEL]: id };
  }

  /**
   * Reads the parent object.
   *
   * @throws {ConfigError} if another tool manages it, or it is no parent of an ApplySet.
   */
  static async open(
    kube: KubeClient,
    parent: ApplySetParent,
    signal: AbortSignal,
  ): Promise<ApplySet> {
    const id = await applySetId(parent);
    const found = await parentResource(kube, parent)
      .get(parent.name, { signal })
      .catch((error: unknown) => {
        if (error instanceof ApiError && error.status === 404) return undefined;
        throw error;
      });
    const before = found === undefined ? emptyScope : scopeOf(parent, found, id);
    return new ApplySet(kube, parent, { id, before, signal });
  }

  /**
   * Notes what the set will have objects in, beside what it has: an apply that fails midway loses none of them.
   *
   * @param scope what the objects to apply are in
   */
  async extend(scope: Scope): Promise<void> {
    await this.#write({
      groupKinds: new Set([...this.#before.groupKinds, ...scope.groupKinds]),
      namespaces: new Set([...this.#before.namespaces, ...scope.namespaces]),
    });
  }

  /** Notes what the set has objects in now. */
  async narrow(scope: Scope): Promise<void> {
    await this.#write(scope);
  }

  /**
   * Finds the objects of the set that were not applied.
   *
   * @param applied the `uid` of those that were
   */
  async leftOver(kinds: KindFinder, applied: ReadonlySet<string>): Promise<PrunedObject[]> {
    const namespaces = [...this.#before.namespaces];
    const found: PrunedObject[] = [];
    for (const groupKind of this.#before.groupKinds) {
      const definition = await kinds.findByGroup(groupKind);
      // With its CustomResourceDefinition, all objects of a kind are gone.
      if (definition === undefined) continue;
      for (const namespace of definition.namespaced ? namespaces : [""]) {
        const resource = resourceIn(this.#kube, definition, namespace);
        const pages = resource.listAll({ labelSelector: this.labels, signal: this.#signal });
        for await (const { items } of pages) {
          const left = items.filter(({ metadata }) => !applied.has(metadata.uid));
          found.push(...left.map((object) => ({ object, resource })));
        }
      }
    }
    return found;
  }

  async #write({ groupKinds, namespaces }: Scope): Promise<void> {
    const { name, namespace } = this.#parent;
    const others = [...namespaces].filter((one) => one !== namespace);
    const metadata = {
      name,
      labels: { [ID_LABEL]: this.#id },
      annotations: {
        [TOOLING]: `${TOOL}/v${version}`,
        [GROUP_KINDS]: [...groupKinds].sort().join(","),
        [NAMESPACES]: others.sort().join(","),
      },
    };
    await parentResource(this.#kube, this.#parent).apply(
      { metadata },
      { fieldManager: FIELD_MANAGER, force: true, signal: this.#signal },
    );
  }
}

const emptyScope: Scope = { groupKinds: new Set(), namespaces: new Set() };

function parentResource(
  kube: KubeClient,
  { kind = "Secret", namespace }: ApplySetParent,
): Resource<KubeObject> {
  const plural = `${kind.toLowerCase()}s`;
  const core = { group: "", version: "v1", namespaced: true, subresources: [] };
  return kube.resource(kindOfServer({ ...core, kind, plural }), { namespace });
}

/** What a parent says that its set has objects in. */
function scopeOf(parent: ApplySetParent, { metadata }: Stored<KubeObject>, id: string): Scope {
  const { annotations = {}, labels = {} } = metadata;
  const what = `Cannot use ${parent.kind ?? "Secret"} ${parent.namespace}/${parent.name} as the parent of an ApplySet`;
  const tooling = annotations[TOOLING];
  if (tooling === undefined) {
    throw new ConfigError(`${what}: it exists and has no annotation ${TOOLING}; use another name`);
  }
  const tool = tooling.includes("/") ? tooling.slice(0, tooling.lastIndexOf("/")) : tooling;
  if (tool !== TOOL) {
    throw new ConfigError(`${what}: ${JSON.stringify(tool)} manages it; use another name`);
  }
  if (labels[ID_LABEL] !== id) {
    throw new ConfigError(`${what}: its label ${ID_LABEL} is not ${id}; use another name`);
  }
  const groupKinds = annotations[GROUP_KINDS];
  if (groupKinds === undefined) {
    throw new ConfigError(`${what}: it has no annotation ${GROUP_KINDS}`);
  }
  const others = split(annotations[NAMESPACES]);
  return {
    groupKinds: new Set(split(groupKinds)),
    namespaces: new Set([parent.namespace, ...others]),
  };
}

function split(text = ""): string[] {
  return text.split(",").filter((part) => part !== "");
}

/**
 * What some objects are in.
 *
 * @throws {TypeError} if one of them says already which set it is part of.
 */
export async function scopeOfMembers(
  kinds: KindFinder,
  members: readonly Member[],
): Promise<Scope> {
  const groupKinds = new Set<string>();
  const namespaces = new Set<string>();
  for (const member of members) {
    if (member.object.metadata?.labels?.[PART_OF_LABEL] !== undefined) {
      throw new TypeError(
        `Cannot apply ${member.kind} ${member.name} as part of an ApplySet: it has the label ${PART_OF_LABEL} already; remove it`,
      );
    }
    const found = await kinds.find(member);
    // It will fail, and then nothing is pruned.
    if (found === undefined) continue;
    const group = groupOf(member.apiVersion);
    groupKinds.add(group === "" ? member.kind : `${member.kind}.${group}`);
    if (found.definition.namespaced) namespaces.add(member.home);
  }
  return { groupKinds, namespaces };
}
