/**
 * reanchor with all its defaults, in a pod. Only the runtime's entry differs.
 *
 * @module
 */

import process from "node:process";
import type * as entry from "../../../runtimes/node.ts";
import { loop, say } from "./loop.ts";

/** The exports that all runtime entries share. */
type Entry = Pick<typeof entry, "connect" | "inCluster">;

/**
 * Runs the client.
 *
 * @param runtime the runtime's entry
 */
export async function run({ connect, inCluster }: Entry): Promise<void> {
  const [, , root = ""] = process.argv;
  const kube = await connect({
    config: await inCluster({ root }),
    onEvent({ type }) {
      if (type === "ca-reloaded") say({ type: "read", changed: true });
      if (type === "ca-unchanged") say({ type: "read", changed: false });
    },
  });
  await loop(() => kube.get("/version"));
  await kube.close();
}
