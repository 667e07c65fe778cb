/**
 * Pods on a stand-in for a node, whose containers are programs of this machine.
 *
 * @module
 */

import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll } from "vitest";
import { type Cluster, eventually } from "../../support/cluster.ts";
import { type ClusterNode, type Topology, startNode } from "../../support/node-process.ts";
import type { ServiceAccount } from "../../support/service-account.ts";
import { cluster, createAccount } from "./scene.ts";
import { createFolder } from "../../support/temporary-folder.ts";

/** Everything that the tests do with pods. */
const podResources = [
  "pods",
  "pods/log",
  "pods/exec",
  "pods/attach",
  "pods/portforward",
  "services",
  "deployments",
];

/** A container. By default its name is `main`, and it sleeps. */
export interface TestContainer {
  readonly name?: string;
  readonly command?: readonly string[];
  readonly env?: readonly { readonly name: string; readonly value: string }[];
  readonly stdin?: boolean;
  readonly stdinOnce?: boolean;
  readonly tty?: boolean;
}

/** A pod. */
export interface TestPod {
  readonly name?: string;
  readonly labels?: Readonly<Record<string, string>>;
  readonly containers?: readonly TestContainer[];
  readonly initContainers?: readonly TestContainer[];
  /** @default "Never" */
  readonly restartPolicy?: "Always" | "Never";
  /** Whether to wait until it is ready. @default true */
  readonly waits?: boolean;
}

/** Starts a node for the tests of a block. Call the returned function in them. */
export function useNode(topology: Topology): () => ClusterNode {
  let node: ClusterNode | undefined;
  beforeAll(async () => {
    node = await startNode(cluster, topology);
  });
  afterAll(async () => await node?.stop());
  return () => {
    if (node === undefined) throw new Error("Cannot use the node outside of tests");
    return node;
  };
}

/** Creates an account with all rights for the pods in its namespace. */
export async function createPodAccount(at: Cluster = cluster): Promise<ServiceAccount> {
  return await createAccount(at, podResources);
}

/** Creates a pod on a node, and returns its name. */
export async function createPod(
  { namespace, name: serviceAccountName }: ServiceAccount,
  node: ClusterNode,
  pod: TestPod = {},
): Promise<string> {
  const { name = "pod", labels, containers = [{}], restartPolicy = "Never", waits = true } = pod;
  const complete = (container: TestContainer, index: number): object => ({
    name: index === 0 ? "main" : `other-${index}`,
    image: "none",
    ...container,
  });
  const path = `/api/v1/namespaces/${namespace}/pods`;
  await cluster.admin("POST", path, {
    metadata: { name, labels },
    spec: {
      nodeName: node.name,
      serviceAccountName,
      automountServiceAccountToken: false,
      restartPolicy,
      initContainers: pod.initContainers?.map(complete),
      containers: containers.map(complete),
    },
  });
  if (waits) await untilStarted(`${path}/${name}`);
  return name;
}

async function untilStarted(path: string): Promise<void> {
  await eventually(`${path} has started`, async () => {
    const { status } = (await cluster.admin("GET", path)) as { status: { phase?: string } };
    return status.phase !== "Pending";
  });
}

/** A folder that a test shares with its containers. */
export interface SharedFolder {
  readonly path: string;
  /** A shell command that waits until {@linkcode SharedFolder.open} has been called. */
  waitFor(gate: string): string;
  /** Opens a gate. */
  open(gate: string): Promise<void>;
}

/** Creates a folder, which is removed when the test ends. */
export async function createSharedFolder(): Promise<SharedFolder> {
  const path = await createFolder();
  return {
    path,
    waitFor: (gate) => `until [ -e '${path}/${gate}' ]; do sleep 0.05; done`,
    open: async (gate) => await writeFile(join(path, gate), ""),
  };
}

/** A command that runs a script in a shell. */
export function shell(...lines: readonly string[]): string[] {
  return ["sh", "-c", lines.join("\n")];
}

/** Returns all values of an iteration. */
export async function collect<T>(items: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = [];
  for await (const item of items) all.push(item);
  return all;
}
