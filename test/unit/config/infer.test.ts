/**
 * The server and the identity when the caller names none.
 *
 * @module
 */

import { expect, test } from "vitest";
import { inferConfig } from "../../../src/config/infer.ts";
import { ConfigError } from "../../../src/errors.ts";
import {
  type FakeRuntime,
  createFakeRuntime,
  createPodRuntime,
  serviceAccountFolder,
} from "../support/fake-runtime.ts";

const root = serviceAccountFolder;

const kubeconfig = `
apiVersion: v1
kind: Config
current-context: here
contexts: [{ name: here, context: { cluster: kube, user: me } }]
clusters: [{ name: kube, cluster: { server: "https://kube.example:6443" } }]
users: [{ name: me, user: { token: sesame } }]
`;

async function serverOf(runtime: FakeRuntime): Promise<string> {
  const config = await inferConfig(runtime, {});
  return String("server" in config ? config.server : (await config.current()).server);
}

test("inferConfig() is the pod's own when there is no kubeconfig", async () => {
  const runtime = createPodRuntime();
  runtime.variables.set("HOME", "/root");
  expect(await serverOf(runtime)).toBe("https://10.96.0.1");
});

test("inferConfig() is a kubeconfig, and not the pod's identity, when KUBECONFIG names one", async () => {
  const runtime = createPodRuntime();
  runtime.variables.set("KUBECONFIG", "/missing:/home/me/config");
  runtime.disk.set("/home/me/config", kubeconfig);
  expect(await serverOf(runtime)).toBe("https://kube.example:6443");
});

test("inferConfig() is a ConfigError, and never the pod's identity, when the kubeconfig is bad", async () => {
  const runtime = createPodRuntime();
  runtime.variables.set("KUBECONFIG", "/home/me/config");
  runtime.disk.set("/home/me/config", "kind: Secret");
  await expect(inferConfig(runtime, {})).rejects.toThrow(ConfigError);
  await expect(inferConfig(runtime, {})).rejects.toThrow(
    "Cannot read kubeconfig /home/me/config: kind (line 1) must be Config",
  );
});

test("inferConfig() is the pod's own when none of the files in KUBECONFIG exists", async () => {
  const runtime = createPodRuntime();
  runtime.variables.set("KUBECONFIG", "/missing:/also-missing");
  expect(await serverOf(runtime)).toBe("https://10.96.0.1");
  runtime.variables.delete("KUBERNETES_SERVICE_HOST");
  await expect(inferConfig(runtime, {})).rejects.toThrow(
    /^Cannot find a cluster: \/missing is not there; \/also-missing is not there; then /,
  );
});

test("inferConfig() treats an empty KUBECONFIG as unset, as kubectl does", async () => {
  const runtime = createPodRuntime();
  runtime.variables.set("KUBECONFIG", "");
  expect(await serverOf(runtime)).toBe("https://10.96.0.1");
});

test("inferConfig() is ~/.kube/config, and not the pod's identity, when that file exists", async () => {
  const runtime = createPodRuntime();
  runtime.variables.set("HOME", "/root");
  runtime.disk.set("/root/.kube/config", kubeconfig);
  expect(await serverOf(runtime)).toBe("https://kube.example:6443");
});

test("inferConfig() treats variables and files that it may not read as absent", async () => {
  const runtime = createPodRuntime();
  runtime.variables.set("KUBECONFIG", "/home/me/config");
  runtime.variables.set("HOME", "/root");
  runtime.disk.set("/root/.kube/config", "apiVersion: v1");
  runtime.denied.add("env KUBECONFIG");
  runtime.denied.add("read /root/.kube/config");
  expect(await serverOf(runtime)).toBe("https://10.96.0.1");
  runtime.denied.clear();
  runtime.denied.add("env KUBECONFIG");
  runtime.denied.add("env HOME");
  expect(await serverOf(runtime)).toBe("https://10.96.0.1");
});

test("inferConfig() throws a ConfigError when it may not read the file in $KUBECONFIG", async () => {
  const runtime = createPodRuntime();
  runtime.variables.set("KUBECONFIG", "/home/me/config");
  runtime.denied.add("read /home/me/config");
  await expect(inferConfig(runtime, {})).rejects.toThrow(
    "Cannot read kubeconfig /home/me/config, which $KUBECONFIG names: grant --allow-read=/home/me/config",
  );
});

test.each(["EACCES: permission denied", "ENOTDIR: not a directory", "ELOOP: too many links"])(
  "inferConfig() throws a ConfigError, and never uses the pod's identity, when it can't check: %s",
  async (message) => {
    const runtime = createPodRuntime();
    runtime.variables.set("HOME", "/root");
    runtime.hidden.set("/root/.kube/config", new Error(message));
    await expect(inferConfig(runtime, {})).rejects.toThrow(ConfigError);
    await expect(inferConfig(runtime, {})).rejects.toThrow(
      `Cannot look for kubeconfig /root/.kube/config: ${message}`,
    );
    // Nor when another file in the list can be read.
    runtime.variables.set("KUBECONFIG", "/home/me/config:/root/.kube/config");
    runtime.disk.set("/home/me/config", kubeconfig);
    await expect(inferConfig(runtime, {})).rejects.toThrow(ConfigError);
  },
);

const unset = `apiVersion: v1
clusters: null
contexts: null
current-context: ""
kind: Config
preferences: {}
users: null
`;

test.each([
  ["no byte", ""],
  ["a comment", "# nothing yet\n"],
  ["an empty document", "---\n"],
  ["what kubectl config unset leaves", unset],
])("inferConfig() treats a kubeconfig as absent when it holds %s", async (_, text) => {
  const runtime = createPodRuntime();
  runtime.variables.set("HOME", "/root");
  runtime.disk.set("/root/.kube/config", text);
  expect(await serverOf(runtime)).toBe("https://10.96.0.1");
  runtime.disk.delete(`${root}/token`);
  await expect(inferConfig(runtime, {})).rejects.toThrow(
    /^Cannot find a cluster: \$KUBECONFIG is not set; \/root\/\.kube\/config is empty; then Cannot load in-cluster config: /,
  );
});

test("inferConfig() reads the next file when one is empty", async () => {
  const runtime = createPodRuntime();
  runtime.variables.set("KUBECONFIG", "/dev/null:/empty:/home/me/config");
  runtime.disk.set("/empty", unset);
  runtime.disk.set("/home/me/config", kubeconfig);
  expect(await serverOf(runtime)).toBe("https://kube.example:6443");
});

test.each([
  ["/dev/null", "/dev/null is empty"],
  [":", "$KUBECONFIG names no file"],
  ["::", "$KUBECONFIG names no file"],
])("inferConfig() looks nowhere else when KUBECONFIG is %s", async (value, looked) => {
  const runtime = createPodRuntime();
  runtime.variables.set("KUBECONFIG", value);
  runtime.variables.set("HOME", "/root");
  runtime.disk.set("/root/.kube/config", kubeconfig);
  expect(await serverOf(runtime)).toBe("https://10.96.0.1");
  runtime.disk.delete(`${root}/token`);
  await expect(inferConfig(runtime, {})).rejects.toThrow(
    `Cannot find a cluster: ${looked}; then Cannot load in-cluster config: `,
  );
});

test.each([
  "current-context: here",
  "clusters: [{ name: kube, cluster: { server: https://kube.example } }]",
  "contexts: [{ name: here }]",
])("inferConfig() throws a ConfigError when a kubeconfig is incomplete: %s", async (text) => {
  const runtime = createPodRuntime();
  runtime.variables.set("KUBECONFIG", "/home/me/config");
  runtime.disk.set("/home/me/config", text);
  await expect(inferConfig(runtime, {})).rejects.toThrow(ConfigError);
});

test("inferConfig() uses the pod's namespace when the kubeconfig names none", async () => {
  const namespaceOf = async (runtime: FakeRuntime): Promise<string | undefined> => {
    const config = await inferConfig(runtime, {});
    return "server" in config ? config.namespace : (await config.current()).namespace;
  };
  const runtime = createPodRuntime();
  runtime.variables.set("KUBECONFIG", "/home/me/config");
  runtime.disk.set("/home/me/config", kubeconfig);
  expect(await namespaceOf(runtime)).toBe("default");
  runtime.disk.set(`${root}/namespace`, "shop\n");
  expect(await namespaceOf(runtime)).toBe("shop");
  runtime.variables.set("POD_NAMESPACE", "payments");
  expect(await namespaceOf(runtime)).toBe("payments");
  const named = kubeconfig.replace("user: me", "user: me, namespace: default");
  runtime.disk.set("/home/me/config", named);
  expect(await namespaceOf(runtime)).toBe("default");

  // Outside a pod there is no such namespace.
  runtime.disk.set("/home/me/config", kubeconfig);
  runtime.variables.delete("KUBERNETES_SERVICE_HOST");
  expect(await namespaceOf(runtime)).toBeUndefined();
});

test("inferConfig() lists the places that it checked, in order, outside a pod", async () => {
  const runtime = createFakeRuntime();
  await expect(inferConfig(runtime, {})).rejects.toThrow(ConfigError);
  await expect(inferConfig(runtime, {})).rejects.toThrow(
    /^Cannot find a cluster: \$KUBECONFIG is not set; \$HOME is not set; then Cannot load in-cluster config: KUBERNETES_SERVICE_HOST is not set/,
  );
  runtime.variables.set("HOME", "/root");
  await expect(inferConfig(runtime, {})).rejects.toThrow(
    /; \/root\/\.kube\/config is not there; then /,
  );
});

test("inferConfig() lists the places that it was not allowed to check", async () => {
  const runtime = createFakeRuntime();
  runtime.denied.add("env KUBECONFIG");
  runtime.variables.set("HOME", "/root");
  runtime.denied.add("read /root/.kube/config");
  await expect(inferConfig(runtime, {})).rejects.toThrow(
    /\$KUBECONFIG may not be read \(--allow-env=KUBECONFIG\); \/root\/\.kube\/config may not be read \(--allow-read=\/root\/\.kube\/config\); then /,
  );
});
