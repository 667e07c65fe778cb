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
  expect((await inferConfig(runtime, {})).server).toBe("https://10.96.0.1");
});

test("inferConfig() is a ConfigError, and never the pod's identity, when KUBECONFIG is set", async () => {
  const runtime = pod();
  runtime.variables.set("KUBECONFIG", "/home/me/config");
  await expect(inferConfig(runtime, {})).rejects.toThrow(ConfigError);
  await expect(inferConfig(runtime, {})).rejects.toThrow(
    /by \$KUBECONFIG: .* pass the option "config"/,
  );
  expect(runtime.reads).toEqual([]);
});

test("inferConfig() takes an empty KUBECONFIG for unset, as kubectl does", async () => {
  const runtime = pod();
  runtime.variables.set("KUBECONFIG", "");
  expect((await inferConfig(runtime, {})).server).toBe("https://10.96.0.1");
});

test("inferConfig() is a ConfigError, and never the pod's identity, when ~/.kube/config is there", async () => {
  const runtime = pod();
  runtime.variables.set("HOME", "/root");
  runtime.disk.set("/root/.kube/config", "apiVersion: v1");
  await expect(inferConfig(runtime, {})).rejects.toThrow(ConfigError);
  await expect(inferConfig(runtime, {})).rejects.toThrow(/\/root\/\.kube\/config/);
  expect(runtime.reads).toEqual([]);
});

test("inferConfig() counts what may not be looked at as unset", async () => {
  const runtime = pod();
  runtime.variables.set("KUBECONFIG", "/home/me/config");
  runtime.variables.set("HOME", "/root");
  runtime.disk.set("/root/.kube/config", "apiVersion: v1");
  runtime.denied.add("env KUBECONFIG");
  runtime.denied.add("read /root/.kube/config");
  expect((await inferConfig(runtime, {})).server).toBe("https://10.96.0.1");
  runtime.denied.clear();
  runtime.denied.add("env KUBECONFIG");
  runtime.denied.add("env HOME");
  expect((await inferConfig(runtime, {})).server).toBe("https://10.96.0.1");
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
