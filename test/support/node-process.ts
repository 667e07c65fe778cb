/**
 * A stand-in for a node of a cluster, as `tools/e2e.ts` has built it. Streams into pods are tested with it.
 *
 * @module
 */

import { mkdtemp, rm } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { type Cluster, files } from "./cluster.ts";
import { startGoProgram } from "./go-program.ts";

/** Where `tools/e2e.ts` puts the program. */
export const nodeProgram: string = fileURLToPath(new URL("../../.tmp/node", import.meta.url));

/**
 * Where WebSockets become SPDY, which container runtimes speak: at the API server, as for kubelets before 1.36, or
 * at the kubelet, to which the API server then passes them on.
 */
export type Topology = "translated" | "proxied";

/** A running node. */
export interface ClusterNode {
  /** The value of `spec.nodeName` for its pods. */
  readonly name: string;
  /** Rotates the log of each running container. */
  rotateLogs(): Promise<void>;
  /** Cuts the connections between it and the API server. */
  cutConnections(): Promise<void>;
  /** Stops the node and its programs gracefully. */
  stop(): Promise<void>;
  /** Kills the node and its programs, as a power failure would. */
  kill(): Promise<void>;
}

/** Starts a node, and waits until it is registered. */
export async function startNode(cluster: Cluster, topology: Topology): Promise<ClusterNode> {
  const { folder, uncounted } = cluster.description;
  const name = `node-${topology}-${crypto.randomUUID().slice(0, 8)}`;
  const own = await mkdtemp(join(folder, "node-"));
  const flags = [
    `--server=https://127.0.0.1:${uncounted}`,
    `--cert=${join(folder, files.component.cert)}`,
    `--key=${join(folder, files.component.key)}`,
    `--client-ca=${join(folder, files.clientCa)}`,
    `--name=${name}`,
    `--dir=${own}`,
    `--websockets=${topology === "proxied"}`,
  ];
  const program = await startGoProgram({ name, program: nodeProgram, folder, flags });
  const { control } = program.ready as { control: number };

  async function act(method: string, path: string): Promise<void> {
    const response = await fetch(`http://127.0.0.1:${control}${path}`, { method });
    const text = await response.text();
    if (!response.ok) throw new Error(`Cannot ${method} ${path} at ${name}: ${text}`);
  }

  return {
    name,
    rotateLogs: () => act("POST", "/rotate-logs"),
    cutConnections: () => act("DELETE", "/"),
    async stop() {
      await program.stop();
      await rm(own, { recursive: true, force: true });
    },
    kill: () => program.kill(),
  };
}
