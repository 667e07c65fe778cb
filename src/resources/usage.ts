/**
 * What pods and nodes use, in numbers.
 *
 * @module
 */

import { listPages } from "../api/list.ts";
import type { KubeObject, Stored } from "../api/object.ts";
import { addQuantities, quantityToNumber } from "../api/quantity.ts";
import { ResourceTarget } from "../api/resource-target.ts";
import { type SelectorOptions, selectorQuery } from "../api/selectors.ts";
import type { ResourceCallOptions } from "../api/verbs.ts";
import { checkKnown } from "../options.ts";
import type { Node } from "./generated/core-v1.ts";
import { NodeMetrics, PodMetrics, type ResourceUsage } from "./metrics.ts";

/** Whose usage is asked for. */
export interface TopOptions extends ResourceCallOptions, Pick<SelectorOptions, "labelSelector"> {}

/** What something uses. */
export interface Usage {
  /** CPU, in cores. */
  readonly cpuCores: number;
  /** Memory, in bytes. */
  readonly memoryBytes: number;
}

/** What a container uses. */
export interface ContainerUsage extends Usage {
  /** The container's name. */
  readonly name: string;
}

/** What a pod uses. */
export interface PodUsage extends Usage {
  /** The pod's namespace. */
  readonly namespace: string;
  /** The pod's name. */
  readonly name: string;
  /** What each of its containers uses. */
  readonly containers: readonly ContainerUsage[];
}

/** What a node uses. */
export interface NodeUsage extends Usage {
  /** The node's name. */
  readonly name: string;
  /** The part of the node's allocatable CPU that is used, from 0 to 1; `undefined` if the node does not say. */
  readonly cpuFraction: number | undefined;
  /** The part of the node's allocatable memory that is used, from 0 to 1. */
  readonly memoryFraction: number | undefined;
}

const optionNames: readonly (keyof TopOptions)[] = [
  "labelSelector",
  "maxResponseBytes",
  "signal",
  "timeoutMs",
];

/** What the pods of a target use. */
export async function topPods<T extends KubeObject>(
  target: ResourceTarget<T>,
  options: TopOptions,
): Promise<PodUsage[]> {
  checkKnown("top", options, optionNames);
  const { client, namespace = "*" } = target;
  const metrics = ResourceTarget.bind<PodMetrics>(PodMetrics, { client, namespace });
  return (await listAll(metrics, options)).map(({ metadata, containers }) => ({
    namespace: metadata.namespace ?? "",
    name: metadata.name,
    ...sum(containers.map(({ usage }) => usage)),
    containers: containers.map(({ name, usage }) => ({ name, ...sum([usage]) })),
  }));
}

/** What nodes use. */
export async function topNodes<T extends KubeObject>(
  target: ResourceTarget<T>,
  options: TopOptions,
): Promise<NodeUsage[]> {
  checkKnown("top", options, optionNames);
  const { client } = target;
  const metrics = ResourceTarget.bind<NodeMetrics>(NodeMetrics, { client, namespace: undefined });
  const [used, nodes] = await Promise.all([listAll(metrics, options), listAll(target, options)]);
  const allocatables = new Map(nodes.map((node) => [node.metadata.name, allocatableOf(node)]));
  return used.map(({ metadata: { name }, usage }) => {
    const allocatable = allocatables.get(name) ?? {};
    const { cpuCores, memoryBytes } = sum([usage]);
    return {
      name,
      cpuCores,
      memoryBytes,
      cpuFraction: fraction(cpuCores, allocatable["cpu"]),
      memoryFraction: fraction(memoryBytes, allocatable["memory"]),
    };
  });
}

/** What pods may use of a node. */
function allocatableOf(node: Stored<KubeObject>): Readonly<Record<string, number | string>> {
  return (node as Stored<Node>).status?.allocatable ?? {};
}

async function listAll<T extends KubeObject>(
  target: ResourceTarget<T>,
  { labelSelector, ...call }: TopOptions,
): Promise<Stored<T>[]> {
  const found: Stored<T>[] = [];
  const query = selectorQuery({ labelSelector });
  for await (const { items } of listPages(target, { ...call, query })) found.push(...items);
  return found;
}

function sum(usages: readonly ResourceUsage[]): Usage {
  const total = (resource: string): number =>
    quantityToNumber(addQuantities(...usages.map((usage) => usage[resource] ?? "0")));
  return { cpuCores: total("cpu"), memoryBytes: total("memory") };
}

function fraction(used: number, allocatable: string | number = "0"): number | undefined {
  const most = quantityToNumber(String(allocatable));
  return most > 0 ? used / most : undefined;
}
