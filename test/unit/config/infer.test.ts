/**
 * Where to connect and as whom when nobody says so.
 *
 * @module
 */

import { expect, test } from "vitest";
import { inferConfig } from "../../../src/config/infer.ts";
import { ConfigError } from "../../../src/errors.ts";
import { anchorPem } from "../support/certificates.ts";
import { type FakeRuntime, createFakeRuntime } from "../support/fake-runtime.ts";

const root = "/var/run/secrets/kubernetes.io/serviceaccount";

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

function pod(): FakeRuntime {
  const runtime = createFakeRuntime();
  runtime.variables.set("KUBERNETES_SERVICE_HOST", "10.96.0.1");
  runtime.variables.set("KUBERNETES_SERVICE_PORT", "443");
  runtime.disk.set(`${root}/ca.crt`, anchorPem());
  runtime.disk.set(`${root}/token`, "sesame");
  return runtime;
}

test("inferConfig() is the pod's own when there is no kubeconfig", async () => {
  const runtime = pod();
  runtime.variables.set("HOME", "/root");
  expect(await serverOf(runtime)).toBe("https://10.96.0.1");
});

test("inferConfig() is a kubeconfig, and not the pod's identity, when KUBECONFIG names one", async () => {
  const runtime = pod();
  runtime.variables.set("KUBECONFIG", "/missing:/home/me/config");
  runtime.disk.set("/home/me/config", kubeconfig);
  expect(await serverOf(runtime)).toBe("https://kube.example:6443");
});

test("inferConfig() is a ConfigError, and never the pod's identity, when the kubeconfig is bad", async () => {
  const runtime = pod();
  runtime.variables.set("KUBECONFIG", "/home/me/config");
  runtime.disk.set("/home/me/config", "kind: Secret");
  await expect(inferConfig(runtime, {})).rejects.toThrow(ConfigError);
  await expect(inferConfig(runtime, {})).rejects.toThrow(
    "Cannot read kubeconfig /home/me/config: kind (line 1) must be Config",
  );
});

test("inferConfig() is the pod's own when no file that KUBECONFIG names is there", async () => {
  const runtime = pod();
  runtime.variables.set("KUBECONFIG", "/missing:/also-missing");
  expect(await serverOf(runtime)).toBe("https://10.96.0.1");
  runtime.variables.delete("KUBERNETES_SERVICE_HOST");
  await expect(inferConfig(runtime, {})).rejects.toThrow(
    /^Cannot find a cluster: \/missing is not there; \/also-missing is not there; then /,
  );
});

test("inferConfig() takes an empty KUBECONFIG for unset, as kubectl does", async () => {
  const runtime = pod();
  runtime.variables.set("KUBECONFIG", "");
  expect(await serverOf(runtime)).toBe("https://10.96.0.1");
});

test("inferConfig() is ~/.kube/config, and not the pod's identity, when that is there", async () => {
  const runtime = pod();
  runtime.variables.set("HOME", "/root");
  runtime.disk.set("/root/.kube/config", kubeconfig);
  expect(await serverOf(runtime)).toBe("https://kube.example:6443");
});

test("inferConfig() counts what may not be looked at as unset", async () => {
  const runtime = pod();
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

test("inferConfig() lists what it looked at, in order, when this is no pod", async () => {
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

test("inferConfig() lists what it was not allowed to look at", async () => {
  const runtime = createFakeRuntime();
  runtime.denied.add("env KUBECONFIG");
  runtime.variables.set("HOME", "/root");
  runtime.denied.add("read /root/.kube/config");
  await expect(inferConfig(runtime, {})).rejects.toThrow(
    /\$KUBECONFIG may not be read \(--allow-env=KUBECONFIG\); \/root\/\.kube\/config may not be read \(--allow-read=\/root\/\.kube\/config\); then /,
  );
});
