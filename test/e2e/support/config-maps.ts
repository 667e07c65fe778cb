/**
 * ConfigMaps that tests write, count and watch.
 *
 * @module
 */

import { expect } from "vitest";
import type { KubeClient } from "../../../src/index.ts";
import type { Cluster } from "../../support/cluster.ts";
import type { ServiceAccount } from "../../support/service-account.ts";

/** The part of a ConfigMap that is used. */
export interface StoredConfigMap {
  readonly metadata: { readonly name: string; readonly resourceVersion: string };
  readonly data?: Readonly<Record<string, string>>;
}

/** A page of them. */
export interface ConfigMapList {
  readonly metadata: {
    readonly resourceVersion: string;
    readonly continue?: string;
    readonly remainingItemCount?: number;
  };
  readonly items: StoredConfigMap[];
}

/** A line of a watch. */
export interface WatchLine {
  readonly type: string;
  readonly object: StoredConfigMap;
}

/** Creates ConfigMaps with generated names, so that one that is sent twice exists twice. */
export class Creator {
  readonly #kube: KubeClient;
  readonly #path: string;
  /** How many were asked for. */
  asked = 0;
  /** The marks of those that the server reported as created. */
  readonly created: string[] = [];

  constructor(kube: KubeClient, { configMaps }: ServiceAccount) {
    this.#kube = kube;
    this.#path = configMaps;
  }

  /** Creates one, and returns its path. */
  async create(): Promise<string> {
    this.asked += 1;
    const mark = String(this.asked);
    const { metadata } = await this.#kube.post<StoredConfigMap>(this.#path, {
      metadata: { generateName: "marked-" },
      data: { mark },
    });
    this.created.push(mark);
    return `${this.#path}/${metadata.name}`;
  }
}

/** How many stored ConfigMaps of a namespace have each mark. */
export async function countMarks(
  cluster: Cluster,
  { configMaps }: ServiceAccount,
): Promise<Map<string, number>> {
  const { items } = (await cluster.admin("GET", configMaps)) as ConfigMapList;
  const counts = new Map<string, number>();
  for (const { data } of items) {
    const mark = data?.["mark"];
    if (mark !== undefined) counts.set(mark, (counts.get(mark) ?? 0) + 1);
  }
  return counts;
}

/** Checks that each ConfigMap that was created exists once, and no others. */
export async function expectEachOnce(
  cluster: Cluster,
  account: ServiceAccount,
  { created }: Creator,
): Promise<void> {
  const counts = await countMarks(cluster, account);
  expect([...counts.values()].filter((count) => count !== 1)).toEqual([]);
  expect(new Set(counts.keys())).toEqual(new Set(created));
}

/** Watches from a version, line by line, until the connection ends or a signal is aborted. */
export async function* watchLines(
  kube: KubeClient,
  path: string,
  { resourceVersion, signal }: { resourceVersion: string; signal?: AbortSignal },
): AsyncGenerator<WatchLine, void, undefined> {
  const query = new URLSearchParams({ watch: "1", resourceVersion });
  const { body } = await kube.fetch(`${path}?${query}`, signal === undefined ? {} : { signal });
  if (body === null) throw new Error("Cannot watch: the response has no body");
  const decoder = new TextDecoder();
  let rest = "";
  for await (const chunk of body) {
    const lines = (rest + decoder.decode(chunk, { stream: true })).split("\n");
    rest = lines.pop() ?? "";
    for (const line of lines) yield JSON.parse(line) as WatchLine;
  }
}
