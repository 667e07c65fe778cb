/**
 * A real kube-apiserver with a stand-in for a node and a pod on it, for what streams into pods.
 *
 * @module
 */

import { rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { buildServers, hasGo } from "../../tools/go-programs.ts";
import { writeAdminKubeconfig } from "../support/admin-kubeconfig.ts";
import { startCluster } from "../support/cluster.ts";
import { startNode } from "../support/node-process.ts";
import { until } from "../support/until.ts";
import { LeftOutError } from "./figures.ts";

/** The pod's namespace. */
export const NAMESPACE = "default";
/** The pod's name. */
export const POD = "pod";

/** See the module. */
export interface PodStage extends AsyncDisposable {
  readonly kubeconfig: string;
  /** A file of zeros. */
  readonly input: string;
}

/**
 * Opens one.
 *
 * @param inputBytes How many zeros {@link PodStage.input} has.
 */
export async function openPodStage(
  say: (text: string) => void,
  inputBytes: number,
): Promise<PodStage> {
  if (!(await hasGo())) throw new LeftOutError("Go 1.26 or later is not installed");
  const failure = await buildServers(say);
  if (failure !== undefined) throw new Error(failure);
  const cluster = await startCluster();
  const node = await startNode(cluster, "proxied");
  const core = `/api/v1/namespaces/${NAMESPACE}`;
  await cluster.admin("POST", `${core}/serviceaccounts`, { metadata: { name: "default" } });
  const spec = {
    nodeName: node.name,
    automountServiceAccountToken: false,
    containers: [{ name: "main", image: "none" }],
  };
  await cluster.admin("POST", `${core}/pods`, { metadata: { name: POD }, spec });
  await until("the pod runs", async () => {
    const { status } = (await cluster.admin("GET", `${core}/pods/${POD}`)) as {
      status: { phase?: string };
    };
    return status.phase === "Running";
  });
  const input = join(cluster.description.folder, "zeros");
  await writeFile(input, new Uint8Array(inputBytes));
  return {
    kubeconfig: await writeAdminKubeconfig(cluster),
    input,
    async [Symbol.asyncDispose]() {
      await rm(input);
      await node.stop();
      await cluster.close();
    },
  };
}
