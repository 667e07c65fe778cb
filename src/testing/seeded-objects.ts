/**
 * Validation of the initial objects and kinds of a fake cluster.
 *
 * @module
 */

import { apiVersionOf } from "../api/paths.ts";
import type { KubeObject } from "../api/object.ts";
import { type ManifestObject, findProblem, flattenLists } from "../manifests/manifest-object.ts";
import { checkObject, kindOf } from "../options.ts";
import * as generated from "../resources/generated/kinds.ts";
import type { FakeApi } from "./model/fake-api.ts";
import type { ApiObject } from "./model/objects.ts";
import type { KindDefinition } from "./model/served-kinds.ts";

/** A kind of a fake cluster: what `defineResource()` returns, or a similar object. */
export interface FakeKind {
  /** Its API group, as in `example.com`; empty for the core group. */
  readonly group: string;
  /** Its version, as in `v1`. */
  readonly version: string;
  /** Its singular name, as in `Widget`. */
  readonly kind: string;
  /** Its name in URLs, as in `widgets`. */
  readonly plural: string;
  /** Whether its objects are namespaced. */
  readonly namespaced: boolean;
  /**
   * Its subresources.
   *
   * @default ["status"]
   */
  readonly subresources?: readonly string[] | undefined;
}

/** The subresources that a kubelet or the objects themselves answer: the cluster has neither. */
const connecting: ReadonlySet<string> = new Set(["attach", "exec", "portforward", "proxy"]);

/** The built-in kinds. */
export function builtInKinds(): KindDefinition[] {
  return Object.values(generated).map((kind) => {
    const subresources = kind.subresources.filter((name) => !connecting.has(name));
    return { ...definitionOf(kind), subresources, custom: false };
  });
}

/** The kinds that the caller adds. They don't replace existing ones. */
export function addedKinds(given: unknown, known: readonly KindDefinition[]): KindDefinition[] {
  if (given === undefined) return [];
  if (!Array.isArray(given)) {
    throw new TypeError(
      `Cannot use option kinds: expected an array, not ${kindOf(given)}; pass [Widget], of what defineResource() returns`,
    );
  }
  const added: KindDefinition[] = [];
  for (const [index, one] of (given as unknown[]).entries()) {
    const kind = checkKind(`kinds[${index}]`, one);
    if ([...known, ...added].some((other) => isSame(kind, other))) continue;
    added.push({ ...definitionOf(kind), custom: true });
  }
  return added;
}

/** Validates a kind. */
export function checkKind(place: string, kind: unknown): FakeKind {
  const hint = "pass what defineResource() returns, or a kind of reanchor/resources";
  checkObject(place, kind, hint);
  const { namespaced, ...names } = kind as FakeKind;
  for (const field of ["group", "version", "kind", "plural"] as const) {
    const text: unknown = names[field];
    if (typeof text === "string" && (text !== "" || field === "group")) continue;
    throw new TypeError(`Cannot use ${place}: it has no ${field}; ${hint}`);
  }
  if (typeof namespaced !== "boolean") {
    throw new TypeError(`Cannot use ${place}: it has no namespaced; ${hint}`);
  }
  return kind as FakeKind;
}

function definitionOf({
  group,
  version,
  kind,
  plural,
  namespaced,
  subresources,
}: FakeKind): KindDefinition {
  const more = subresources === undefined ? {} : { subresources };
  return { group, version, kind, plural, namespaced, ...more };
}

function isSame(one: FakeKind, other: KindDefinition): boolean {
  return one.group === other.group && one.version === other.version && one.plural === other.plural;
}

/** Stores the initial objects of a cluster. */
export function seed(
  api: FakeApi,
  kinds: readonly KindDefinition[],
  objects: Iterable<KubeObject | ManifestObject>,
): void {
  const list = listOf(objects);
  const places = new Map<string, string>();
  // CustomResourceDefinitions first: they add the kinds of other objects.
  const order = [...list.entries()].sort(
    ([, one], [, other]) => Number(isDefinition(other)) - Number(isDefinition(one)),
  );
  for (const [index, object] of order) {
    const place = `objects[${index}]`;
    const problem = findProblem(object);
    if (problem !== undefined) {
      throw new TypeError(
        `Cannot use ${place}: ${problem}; an object says what it is, as in { apiVersion: "v1", kind: "ConfigMap", metadata: { name: "a" } }`,
      );
    }
    const manifest = object as ManifestObject;
    const kind = kindOfObject(place, manifest, kinds);
    const name = checkPlace(place, manifest, kind);
    const earlier = places.get(name);
    if (earlier !== undefined) {
      throw new TypeError(
        `Cannot use ${place}: ${name} is also ${earlier}; give one of them another name`,
      );
    }
    places.set(name, place);
    api.put(kind, manifest as ApiObject);
  }
}

function listOf(objects: unknown): unknown[] {
  const isIterable = typeof objects === "object" && objects !== null && Symbol.iterator in objects;
  if (!isIterable) {
    throw new TypeError(
      `Cannot use option objects: expected an array, not ${kindOf(objects)}; pass objects or what readManifests() returns`,
    );
  }
  return [...(objects as Iterable<unknown>)].flatMap((object) =>
    flattenLists(object).map((placed) => placed.object),
  );
}

function isDefinition(object: unknown): boolean {
  return (
    typeof object === "object" &&
    object !== null &&
    (object as KubeObject).kind === "CustomResourceDefinition"
  );
}

function kindOfObject(
  place: string,
  { apiVersion, kind }: ManifestObject,
  kinds: readonly KindDefinition[],
): KindDefinition {
  const found = kinds.find((one) => apiVersionOf(one) === apiVersion && one.kind === kind);
  if (found !== undefined) return found;
  const others = kinds.filter((one) => one.kind === kind).map(apiVersionOf);
  const advice =
    others.length > 0
      ? `the cluster has ${kind} in ${[...new Set(others)].join(", ")}`
      : "add the kind to the option kinds, or its CustomResourceDefinition to objects";
  throw new TypeError(`Cannot use ${place}: there is no kind ${kind} in ${apiVersion}; ${advice}`);
}

/**
 * Checks the name and the namespace of an object.
 *
 * @returns its name in messages, such as `ConfigMap default/a`.
 */
export function checkPlace(place: string, object: KubeObject, kind: FakeKind): string {
  const { name, namespace } = object.metadata ?? {};
  if (typeof name !== "string" || name === "") {
    throw new TypeError(`Cannot use ${place}: the ${kind.kind} has no metadata.name; give it one`);
  }
  if (!kind.namespaced) {
    if (namespace === undefined) return `${kind.kind} ${name}`;
    throw new TypeError(
      `Cannot use ${place}: a ${kind.kind} is in no namespace; leave out metadata.namespace`,
    );
  }
  return `${kind.kind} ${namespace ?? "default"}/${name}`;
}
