/**
 * kubectl, the reference for results if it is installed.
 *
 * @module
 */

import { spawn } from "node:child_process";
import process from "node:process";
import { writeAdminKubeconfig } from "../../support/admin-kubeconfig.ts";
import type { Cluster } from "../../support/cluster.ts";

/** kubectl's exit code and output. */
export interface KubectlResult {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs kubectl as an administrator. */
export type Kubectl = (
  namespace: string,
  args: readonly string[],
  stdin?: string,
) => Promise<KubectlResult>;

/** Finds kubectl; `undefined` if it is not installed. */
export async function findKubectl(cluster: Cluster): Promise<Kubectl | undefined> {
  const found = await run(["version", "--client"], "").catch(() => undefined);
  if (found?.code !== 0) return undefined;
  const kubeconfig = await writeAdminKubeconfig(cluster);
  return async (namespace, args, stdin = "") =>
    await run([`--kubeconfig=${kubeconfig}`, `--namespace=${namespace}`, ...args], stdin);
}

async function run(args: readonly string[], stdin: string): Promise<KubectlResult> {
  // ApplySets are an alpha feature.
  const env = { ...process.env, KUBECTL_APPLYSET: "true" };
  const child = spawn("kubectl", args, { env, stdio: ["pipe", "pipe", "pipe"] });
  let stdout = "";
  let stderr = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => void (stdout += text));
  child.stderr.setEncoding("utf8").on("data", (text: string) => void (stderr += text));
  // It may end without reading its input.
  child.stdin.on("error", () => {});
  child.stdin.end(stdin);
  const code = await new Promise<number>((resolve, reject) => {
    child.once("error", reject);
    child.once("close", (exitCode) => resolve(exitCode ?? -1));
  });
  return { code, stdout, stderr };
}
