import { describe, expect, test } from "vitest";
import { objectKey } from "../../../src/api/object-key.ts";
import { ObjectStore } from "../../../src/watch/object-store.ts";
import type { KubeObject, Stored } from "../../../src/api/object.ts";

interface Pod extends KubeObject {
  spec: { node?: string; volumes: string[] };
}

function pod(name: string, node: string | undefined, volumes: string[] = []): Stored<Pod> {
  return {
    apiVersion: "v1",
    kind: "Pod",
    metadata: {
      name,
      namespace: "default",
      uid: name,
      resourceVersion: "1",
      creationTimestamp: "",
    },
    spec: { ...(node !== undefined && { node }), volumes },
  };
}

function createStore(): ObjectStore<Pod> {
  return new ObjectStore<Pod>({
    node: ({ spec }) => spec.node,
    volume: ({ spec }) => spec.volumes,
  });
}

function keyOf({ metadata: { name, namespace } }: Stored<Pod>): string {
  return objectKey(name, namespace);
}

function set(store: ObjectStore<Pod>, object: Stored<Pod>): void {
  store.set(keyOf(object), object);
}

const names = (pods: readonly Stored<Pod>[]): string[] => pods.map(({ metadata }) => metadata.name);

describe("ObjectStore", () => {
  test("finds objects by name and namespace", () => {
    const store = createStore();
    set(store, pod("a", "x"));
    expect(store.get("a", "default")?.metadata.name).toBe("a");
    expect(store.get("a", "other")).toBeUndefined();
    expect(store.get("a", undefined)).toBeUndefined();
    expect(names(store.list("default"))).toEqual(["a"]);
    expect(names(store.list("other"))).toEqual([]);
    expect(store.size).toBe(1);
  });

  test("finds objects by one index value and by several, and no longer by old ones", () => {
    const store = createStore();
    set(store, pod("a", "x", ["v", "w"]));
    set(store, pod("b", "x", ["w"]));
    set(store, pod("c", undefined));
    expect(names(store.byIndex("node", "x"))).toEqual(["a", "b"]);
    expect(names(store.byIndex("volume", "w"))).toEqual(["a", "b"]);
    set(store, pod("a", "y", ["v"]));
    expect(names(store.byIndex("node", "x"))).toEqual(["b"]);
    expect(names(store.byIndex("node", "y"))).toEqual(["a"]);
    expect(names(store.byIndex("volume", "w"))).toEqual(["b"]);
    store.delete(keyOf(pod("a", "y", ["v"])));
    expect(store.byIndex("node", "y")).toEqual([]);
    expect(store.byIndex("volume", "v")).toEqual([]);
    expect(names(store.list())).toEqual(["b", "c"]);
  });

  test("uses the indexed state of an object, even if the object has been changed since", () => {
    const store = createStore();
    const shared = pod("a", "x");
    set(store, shared);
    shared.spec.node = "elsewhere";
    store.delete(keyOf(shared));
    expect(store.byIndex("node", "x")).toEqual([]);
  });

  test("rejects an unknown index", () => {
    expect(() => createStore().byIndex("colour", "red")).toThrow("there is no index of that name");
  });
});
