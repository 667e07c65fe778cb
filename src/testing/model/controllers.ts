/**
 * What the API server and its controllers do after a write, but immediately: a CustomResourceDefinition adds
 * its kind, and deleting a namespace deletes its objects.
 *
 * @module
 */

import type { Model } from "./model.ts";
import { timestamp } from "./model.ts";
import { isJson, type StoredObject, valueAt } from "./objects.ts";
import type { KindDefinition } from "./served-kinds.ts";
import { qualified } from "./served-kinds.ts";
import type { StoreEvent } from "./store.ts";

/** What this needs of the model. */
export interface Serving {
  addKind(kind: KindDefinition): void;
  removeKind(kind: KindDefinition): void;
}

/** Reacts to the writes of a model. */
export function startControllers(model: Model, serving: Serving): void {
  const { store } = model;
  /** Keyed by the names of their definitions. */
  const defined = new Map<string, readonly KindDefinition[]>();

  function define({ kind, key, after }: StoreEvent): void {
    for (const one of defined.get(key) ?? []) {
      serving.removeKind(one);
      if (after !== undefined) continue;
      for (const [place] of store.at(one, store.revision)) store.delete(one, place);
    }
    if (after === undefined) return void defined.delete(key);
    const kinds = definedKinds(after);
    defined.set(key, kinds);
    for (const one of kinds) serving.addKind(one);
    if (isEstablished(after)) return;
    store.set(kind, key, { ...after, status: establishedStatus(model, after, kinds) });
  }

  function empty({ key, after }: StoreEvent): void {
    if (after !== undefined) return;
    const seen = new Set<string>();
    for (const kind of model.kinds.filter(({ namespaced }) => namespaced)) {
      const name = qualified(kind);
      if (seen.has(name)) continue;
      seen.add(name);
      for (const [place] of store.at(kind, store.revision)) {
        if (place.startsWith(`${key}/`)) store.delete(kind, place);
      }
    }
  }

  store.listen((event) => {
    const name = qualified(event.kind);
    if (name === "customresourcedefinitions.apiextensions.k8s.io") define(event);
    else if (name === "namespaces") empty(event);
  });
}

function definedKinds(definition: StoredObject): KindDefinition[] {
  const group = valueAt(definition, ["spec", "group"]);
  const names = valueAt(definition, ["spec", "names"]);
  const versions = valueAt(definition, ["spec", "versions"]);
  const namespaced = valueAt(definition, ["spec", "scope"]) !== "Cluster";
  if (typeof group !== "string" || !isJson(names) || !Array.isArray(versions)) return [];
  return versions.flatMap((one: unknown) => {
    if (!isJson(one) || one["served"] === false) return [];
    const { name: version, subresources } = one;
    const { kind, plural } = names;
    if ([version, kind, plural].some((text) => typeof text !== "string")) return [];
    return [
      {
        group,
        version: String(version),
        kind: String(kind),
        plural: String(plural),
        namespaced,
        subresources: Object.keys(isJson(subresources) ? subresources : {}),
        custom: true,
      },
    ];
  });
}

function isEstablished(definition: StoredObject): boolean {
  const conditions = valueAt(definition, ["status", "conditions"]);
  return (
    Array.isArray(conditions) &&
    conditions.some((one: unknown) => isJson(one) && one["type"] === "Established")
  );
}

function establishedStatus(
  { clock }: Model,
  definition: StoredObject,
  kinds: readonly KindDefinition[],
): object {
  const lastTransitionTime = timestamp(clock.wallNow());
  const condition = (type: string, reason: string, message: string): object => ({
    type,
    status: "True",
    lastTransitionTime,
    reason,
    message,
  });
  return {
    conditions: [
      condition("NamesAccepted", "NoConflicts", "no conflicts found"),
      condition("Established", "InitialNamesAccepted", "the initial names have been accepted"),
    ],
    acceptedNames: valueAt(definition, ["spec", "names"]),
    storedVersions: kinds.slice(0, 1).map(({ version }) => version),
  };
}
