/**
 * Where `connect()` looks for a cluster, in a separate process of this runtime, when the file system has
 * obstacles.
 *
 * @module
 */

import { mkdir, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { createCa } from "../support/pki.ts";
import { runProgram } from "./support/program.ts";
import { createFolder } from "../support/temporary-folder.ts";

const POD = "https://10.96.0.1";

/** A folder that a process runs in, with a pod's service account in `pod/`. */
async function createPlaces(): Promise<string> {
  const folder = await createFolder();
  await mkdir(join(folder, "pod"));
  await mkdir(join(folder, "elsewhere"));
  await mkdir(join(folder, "kube", "bin"), { recursive: true });
  const { pem } = await createCa();
  await writeFile(join(folder, "pod", "ca.crt"), pem);
  await writeFile(join(folder, "pod", "token"), "of the pod");
  await writeFile(join(folder, "kube", "ca.crt"), pem);
  await writeFile(join(folder, "kube", "token"), "of the kubeconfig");
  return folder;
}

/** What is found in an environment, as the program `find-cluster` prints it. */
async function find(
  root: string,
  env: Readonly<Record<string, string>>,
  { folder, destination = [] }: { folder?: string; destination?: string[] } = {},
): Promise<string> {
  const pod = { KUBERNETES_SERVICE_HOST: "10.96.0.1", KUBERNETES_SERVICE_PORT: "443" };
  const program = runProgram("find-cluster", [root, ...destination], {
    env: { ...pod, KUBECONFIG: "", HOME: "/nowhere", USERPROFILE: "", ...env },
    folder,
  });
  const { stdout, stderr } = await program.ended;
  expect(stderr).toBe("");
  return stdout.trimEnd();
}

function kubeconfigOf(user: object): string {
  return JSON.stringify({
    "current-context": "here",
    contexts: [{ name: "here", context: { cluster: "kube", user: "me" } }],
    clusters: [
      { name: "kube", cluster: { server: "https://kube", "certificate-authority": "ca.crt" } },
    ],
    users: [{ name: "me", user }],
  });
}

describe("connect() uses the pod's identity when", () => {
  test.each([
    ["there is no kubeconfig", {}],
    ["KUBECONFIG is /dev/null", { KUBECONFIG: "/dev/null" }],
    ["KUBECONFIG names nothing", { KUBECONFIG: ":" }],
  ])("%s", async (_, env) => {
    const folder = await createPlaces();
    const found = await find(join(folder, "pod"), env);
    expect(JSON.parse(found)).toMatchObject({ server: POD, token: "of the pod" });
  });

  test.each(["", "# nothing\n"])("the kubeconfig has no content: %j", async (text) => {
    const folder = await createPlaces();
    const path = join(folder, "config");
    await writeFile(path, text);
    const found = await find(join(folder, "pod"), { KUBECONFIG: path });
    expect(JSON.parse(found)).toMatchObject({ server: POD, token: "of the pod" });
  });
});

describe("connect() uses no other identity when the kubeconfig can't be checked:", () => {
  test.each(["a file stands where a folder should be", "symbolic links go round in a circle"])(
    "%s",
    async (obstacle) => {
      const folder = await createPlaces();
      if (obstacle.startsWith("a file")) await writeFile(join(folder, ".kube"), "");
      else await symlink(".kube", join(folder, ".kube"));
      const path = join(folder, ".kube", "config");
      for (const env of [{ HOME: folder }, { KUBECONFIG: path }]) {
        const found = await find(join(folder, "pod"), env);
        expect(found).toContain(`ConfigError: Cannot look for kubeconfig ${path}: `);
        expect(found).toMatch(/ENOTDIR|ELOOP|Not a directory|Too many/);
      }
    },
  );
});

describe("connect() reloads everything after the process has changed its folder:", () => {
  test("the kubeconfig, the CA and a token file, by relative paths", async () => {
    const folder = await createPlaces();
    await writeFile(join(folder, "kube", "config"), kubeconfigOf({ tokenFile: "./token" }));
    for (const env of [{ KUBECONFIG: "kube/config" }, { KUBECONFIG: "./kube/../kube/config" }]) {
      const destination = [join(folder, "elsewhere")];
      const found = await find(join(folder, "pod"), env, { folder, destination });
      expect(JSON.parse(found)).toEqual({
        server: "https://kube",
        token: "of the kubeconfig",
        anchors: 1,
        failures: [0, 0, 0],
      });
    }
  });

  test("and finds an exec plugin, by a relative path", async () => {
    const folder = await createPlaces();
    const apiVersion = "client.authentication.k8s.io/v1";
    const output = JSON.stringify({
      kind: "ExecCredential",
      apiVersion,
      status: { token: "of the plugin" },
    });
    const plugin = join(folder, "kube", "bin", "plugin");
    await writeFile(plugin, `#!/bin/sh\necho '${output}'\n`, { mode: 0o755 });
    const exec = { apiVersion, command: "bin/plugin", interactiveMode: "Never" };
    await writeFile(join(folder, "kube", "config"), kubeconfigOf({ exec }));
    const destination = [join(folder, "elsewhere")];
    const env = { KUBECONFIG: "kube/config" };
    const found = await find(join(folder, "pod"), env, { folder, destination });
    expect(JSON.parse(found)).toMatchObject({ token: "of the plugin", failures: [0, 0, 0] });
  });

  test("the pod's files, by a relative root", async () => {
    const folder = await createPlaces();
    const destination = [join(folder, "elsewhere")];
    const found = await find("pod", {}, { folder, destination });
    expect(JSON.parse(found)).toEqual({
      server: POD,
      token: "of the pod",
      anchors: 1,
      failures: [0, 0, 0],
    });
  });
});
