/**
 * The kubeconfig of a cluster's administrator.
 *
 * @module
 */

import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { type Cluster, files } from "./cluster.ts";

/** Writes the kubeconfig into the cluster's folder, and returns its path. */
export async function writeAdminKubeconfig(cluster: Cluster): Promise<string> {
  const { folder } = cluster.description;
  const inFolder = (file: string): string => join(folder, file);
  const server = {
    server: cluster.origin,
    "certificate-authority": inFolder(files.servingCa),
  };
  const user = {
    "client-certificate": inFolder(files.component.cert),
    "client-key": inFolder(files.component.key),
  };
  const kubeconfig = {
    apiVersion: "v1",
    kind: "Config",
    "current-context": "admin",
    contexts: [{ name: "admin", context: { cluster: "test", user: "admin" } }],
    clusters: [{ name: "test", cluster: server }],
    users: [{ name: "admin", user }],
  };
  const path = inFolder("kubeconfig");
  await writeFile(path, JSON.stringify(kubeconfig));
  return path;
}
