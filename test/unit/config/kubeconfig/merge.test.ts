/**
 * Merging several kubeconfigs into one. The cases are those of client-go's `loader_test.go` and kube-rs's
 * `file_config.rs`; the rules are tested with generated lists of files.
 *
 * @module
 */

import { describe, expect, test } from "vitest";
import {
  type KubeconfigFile,
  type MergedKubeconfig,
  mergeKubeconfigs,
} from "../../../../src/config/kubeconfig/merge.ts";
import type { Kubeconfig } from "../../../../src/config/kubeconfig/schema.ts";
import { parseKubeconfig } from "../../../../src/config/kubeconfig/parse.ts";
import { folderOf, resolvePath } from "../../../../src/file-path.ts";
import { minikube } from "../../../support/kubeconfigs.ts";

function file(path: string | undefined, content: string | object): KubeconfigFile {
  const label = path ?? "content";
  const folder = path === undefined ? undefined : folderOf(path);
  return { folder, label, config: parseKubeconfig(content, label) };
}

function userOf(
  path: string | undefined,
  user: object,
): Kubeconfig["users"][number]["user"] | undefined {
  return mergeKubeconfigs([file(path, { users: [{ name: "u", user }] })]).users.get("u")?.value;
}

describe("mergeKubeconfigs() lets the first win when", () => {
  const first = file("/a/config", {
    "current-context": "red",
    clusters: [{ name: "red", cluster: { server: "https://first" } }],
    users: [{ name: "red", user: { token: "first" } }],
    contexts: [{ name: "red", context: { cluster: "red", user: "red" } }],
  });
  const second = file("/b/config", {
    "current-context": "green",
    clusters: [
      { name: "red", cluster: { server: "https://second", "proxy-url": "http://proxy" } },
      { name: "green", cluster: { server: "https://green" } },
    ],
    users: [{ name: "red", user: { token: "second", username: "red" } }],
    contexts: [{ name: "red", context: { cluster: "green", namespace: "x" } }],
  });

  test("files have duplicate names: the whole entry is the first's", () => {
    const merged = mergeKubeconfigs([first, second]);
    expect(merged.clusters.get("red")?.value).toEqual({ server: "https://first", extensions: [] });
    expect(merged.users.get("red")?.value.token).toBe("first");
    expect(merged.users.get("red")?.value.username).toBeUndefined();
    expect(merged.contexts.get("red")?.value).toEqual({ cluster: "red", user: "red" });
    expect(merged.clusters.get("green")?.value.server).toBe("https://green");
  });

  test("files have a conflicting current-context", () => {
    expect(mergeKubeconfigs([first, second]).currentContext?.value).toBe("red");
    expect(mergeKubeconfigs([second, first]).currentContext?.value).toBe("green");
  });

  test("the first current-context is empty: the first that is not", () => {
    const config = { clusters: [], users: [], contexts: [], "current-context": "" };
    const empty = { folder: "/c/", label: "/c/config", config };
    expect(mergeKubeconfigs([empty, second]).currentContext).toEqual({
      value: "green",
      label: "/b/config",
    });
  });

  test("one config has a name twice", () => {
    const clusters = [1, 2].map((n) => ({
      name: "a",
      cluster: { server: `https://${n}`, extensions: [] },
    }));
    const config = { clusters, users: [], contexts: [] };
    const merged = mergeKubeconfigs([{ folder: undefined, label: "x", config }]);
    expect(merged.clusters.get("a")?.value.server).toBe("https://1");
  });

  test("it records the file of each entry", () => {
    const merged = mergeKubeconfigs([first, second]);
    expect(merged.clusters.get("red")?.label).toBe("/a/config");
    expect(merged.clusters.get("green")?.label).toBe("/b/config");
    expect(merged.users.get("red")?.label).toBe("/a/config");
    expect(merged.contexts.get("red")?.label).toBe("/a/config");
    expect(merged.label).toBe("/a/config, /b/config");
  });

  test("names equal those of built-in object properties", () => {
    const names = ["__proto__", "constructor", "toString"];
    const merged = mergeKubeconfigs([
      file("/a", { contexts: names.map((name) => ({ name, context: { namespace: name } })) }),
    ]);
    expect([...merged.contexts.keys()]).toEqual(names);
    expect(merged.contexts.get("__proto__")?.value.namespace).toBe("__proto__");
    expect(merged.users.get("constructor")).toBeUndefined();
  });

  test("there are no files: it is empty", () => {
    const merged = mergeKubeconfigs([]);
    expect(merged.clusters.size + merged.users.size + merged.contexts.size).toBe(0);
    expect(merged.currentContext).toBeUndefined();
  });
});

describe("mergeKubeconfigs() resolves relative paths against their own file when", () => {
  const paths = {
    "client-certificate": "c.crt",
    "client-key": "../c.key",
    tokenFile: "/var/token",
    exec: { command: "./bin/plugin" },
  };

  test("two files stand in two folders", () => {
    const cluster = { "certificate-authority": "ca.crt" };
    const merged = mergeKubeconfigs([
      file("/a/config", { clusters: [{ name: "a", cluster }] }),
      file("/b/sub/config", { clusters: [{ name: "b", cluster }] }),
    ]);
    expect(merged.clusters.get("a")?.value["certificate-authority"]).toBe("/a/ca.crt");
    expect(merged.clusters.get("b")?.value["certificate-authority"]).toBe("/b/sub/ca.crt");
  });

  test("minikube wrote it", () => {
    const merged = mergeKubeconfigs([file("/home/alice/.kube/config", minikube)]);
    const user = merged.users.get("minikube")?.value;
    expect(user?.["client-key"]).toBe("/home/alice/.minikube/profiles/minikube/client.key");
  });

  test("they belong to a user", () => {
    expect(userOf("/home/alice/.kube/config", paths)).toMatchObject({
      "client-certificate": "/home/alice/.kube/c.crt",
      "client-key": "/home/alice/c.key",
      tokenFile: "/var/token",
      exec: { command: "/home/alice/.kube/bin/plugin" },
    });
  });

  test("not an exec command that is a bare name, which is looked for in PATH", () => {
    expect(userOf("/a/config", { exec: { command: "aws" } })?.exec?.command).toBe("aws");
    expect(userOf("/a/config", { exec: { command: "odd\\name" } })?.exec?.command).toBe(
      "odd\\name",
    );
    expect(userOf("C:\\a\\config", { exec: { command: "bin\\aws" } })?.exec?.command).toBe(
      "C:\\a\\bin\\aws",
    );
  });

  test("the kubeconfig's own path is relative: a command stays a path", () => {
    expect(userOf("config", paths)).toMatchObject({
      "client-certificate": "./c.crt",
      "client-key": "../c.key",
    });
    expect(userOf("config", { exec: { command: "./plugin" } })?.exec?.command).toBe("./plugin");
    expect(userOf("sub/config", { exec: { command: "../plugin" } })?.exec?.command).toBe(
      "./plugin",
    );
  });

  test("not if they come from text without a file", () => {
    expect(userOf(undefined, paths)).toMatchObject(paths);
  });

  test("not if they are empty", () => {
    const user = userOf("/a/config", { tokenFile: "", "client-key": "", exec: { command: "" } });
    expect(user?.tokenFile || user?.["client-key"] || user?.exec?.command).toBeFalsy();
    const cluster = { "certificate-authority": "" };
    const merged = mergeKubeconfigs([file("/a/config", { clusters: [{ name: "a", cluster }] })]);
    expect(merged.clusters.get("a")?.value["certificate-authority"]).toBe("");
  });
});

describe("resolvePath() gives", () => {
  test.each([
    ["/home/a/.kube", "ca.crt", "/home/a/.kube/ca.crt"],
    ["/home/a/.kube/", "./x/../ca.crt", "/home/a/.kube/ca.crt"],
    ["/home/a", "../../../ca.crt", "/ca.crt"],
    ["/home/a", "/etc/ca.crt", "/etc/ca.crt"],
    ["/", "ca.crt", "/ca.crt"],
    ["/home//a/./b", "ca.crt", "/home/a/b/ca.crt"],
    ["/home/a", "..", "/home"],
    ["/home/a", "odd\\name", "/home/a/odd\\name"],
    ["/mnt/c", "C:\\Users\\a\\ca.crt", "C:\\Users\\a\\ca.crt"],
    ["", "ca.crt", "./ca.crt"],
    ["./sub/", "ca.crt", "./sub/ca.crt"],
    ["sub", "../../ca.crt", "../ca.crt"],
    ["../sub", "../../ca.crt", "../../ca.crt"],
    ["C:\\Users\\a\\.kube", "ca.crt", "C:\\Users\\a\\.kube\\ca.crt"],
    ["C:\\Users\\a\\.kube", "..\\x/ca.crt", "C:\\Users\\a\\x\\ca.crt"],
    ["C:\\Users", "D:/ca.crt", "D:/ca.crt"],
    ["C:\\Users", "\\ca.crt", "\\ca.crt"],
    ["C:\\", "..\\..\\ca.crt", "C:\\ca.crt"],
    ["C:/Users/a/", "ca.crt", "C:/Users\\a\\ca.crt"],
    ["\\\\host\\share\\", "ca.crt", "\\\\host\\share\\ca.crt"],
    ["C:\\Users", "\\\\host\\share\\ca.crt", "\\\\host\\share\\ca.crt"],
    ["sub\\", "ca.crt", ".\\sub\\ca.crt"],
  ])("from %s, %s: %s, when joined", (base, path, expected) => {
    expect(resolvePath(base, path)).toBe(expected);
  });
});

describe("mergeKubeconfigs() has these properties for every list of files:", () => {
  const runs = Array.from({ length: 200 }, (_, seed) => seed);

  /** Mulberry32: the same numbers for the same seed. */
  function createRandom(seed: number): (below: number) => number {
    let state = seed;
    return (below) => {
      state = (state + 0x6d2b79f5) | 0;
      let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
      mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
      return ((mixed ^ (mixed >>> 14)) >>> 0) % below;
    };
  }

  function generate(seed: number): KubeconfigFile[] {
    const random = createRandom(seed);
    const names = ["a", "b", "c", "d", "e"];
    const some = (): string[] => names.filter(() => random(3) === 0);
    const relative = (): string => ["x.pem", "../x.pem", "/x.pem", "s/./x.pem"][random(4)] ?? "";
    return Array.from({ length: random(7) }, (_, index) => {
      const folder = random(4) === 0 ? undefined : `/folder${random(3)}/`;
      const config = {
        "current-context": random(2) === 0 ? names[random(5)] : random(2) === 0 ? "" : null,
        clusters: some().map((name) => ({
          name,
          cluster: { server: `https://${index}`, "certificate-authority": relative() },
        })),
        users: some().map((name) => ({
          name,
          user: { token: `t${index}`, "client-key": relative(), tokenFile: relative() },
        })),
        contexts: some().map((name) => ({
          name,
          context: { cluster: name, namespace: `${index}` },
        })),
      };
      return { folder, label: `file ${index}`, config: parseKubeconfig(config, "config") };
    });
  }

  /** The merge result as a file again. Its paths are resolved already. */
  function asFile(merged: MergedKubeconfig): KubeconfigFile {
    const config: Kubeconfig = {
      clusters: Array.from(merged.clusters, ([name, { value }]) => ({ name, cluster: value })),
      users: Array.from(merged.users, ([name, { value }]) => ({ name, user: value })),
      contexts: Array.from(merged.contexts, ([name, { value }]) => ({ name, context: value })),
      "current-context": merged.currentContext?.value,
    };
    return { folder: undefined, label: merged.label, config };
  }

  const values = (merged: MergedKubeconfig): Kubeconfig => asFile(merged).config;

  test.each([0, 1, 2])("its generator produces something to merge with the seed %d", (seed) => {
    const clusters = generate(seed + 10).flatMap(({ config }) => config.clusters);
    expect(clusters.length).toBeGreaterThan(0);
  });

  test("the entry comes from the first file that has its name", () => {
    for (const seed of runs) {
      const files = generate(seed);
      const merged = mergeKubeconfigs(files);
      const known = new Set(files.flatMap(({ config }) => config.users.map(({ name }) => name)));
      expect(new Set(merged.users.keys())).toEqual(known);
      for (const name of known) {
        const first = files.find(({ config }) => config.users.some((user) => user.name === name));
        expect(merged.users.get(name)?.label).toBe(first?.label);
        const written = first?.config.users.find((user) => user.name === name)?.user.token;
        expect(merged.users.get(name)?.value.token).toBe(written);
      }
      const current = files.find(({ config }) => config["current-context"]);
      expect(merged.currentContext?.label).toBe(current?.label);
    }
  });

  test("it is associative", () => {
    for (const seed of runs) {
      const [a, b, c] = [generate(seed), generate(seed + 1000), generate(seed + 2000)];
      const left = mergeKubeconfigs([asFile(mergeKubeconfigs([...a, ...b])), ...c]);
      const right = mergeKubeconfigs([...a, asFile(mergeKubeconfigs([...b, ...c]))]);
      expect(values(left)).toEqual(values(right));
      expect(values(left)).toEqual(values(mergeKubeconfigs([...a, ...b, ...c])));
    }
  });

  test("it is idempotent", () => {
    for (const seed of runs) {
      const files = generate(seed);
      const merged = mergeKubeconfigs(files);
      expect(mergeKubeconfigs([...files, ...files])).toEqual(merged);
      expect(values(mergeKubeconfigs([asFile(merged)]))).toEqual(values(merged));
    }
  });

  test("an empty file changes nothing in any position", () => {
    const empty = file("/empty/config", "");
    for (const seed of runs) {
      const files = generate(seed);
      for (let place = 0; place <= files.length; place++) {
        const withEmpty = [...files.slice(0, place), empty, ...files.slice(place)];
        expect(values(mergeKubeconfigs(withEmpty))).toEqual(values(mergeKubeconfigs(files)));
      }
    }
  });

  test("it does not change its input", () => {
    for (const seed of runs) {
      const files = generate(seed);
      const before = structuredClone(files);
      mergeKubeconfigs(files);
      expect(files).toEqual(before);
    }
  });
});
