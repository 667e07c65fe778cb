/**
 * reanchor, on whichever runtime's entry it is given.
 *
 * @module
 */

import type { connect, inCluster } from "../../../runtimes/node.ts";
import { loop } from "./loop.ts";

/** What is used of an entry. */
export interface Entry {
  readonly connect: typeof connect;
  readonly inCluster: typeof inCluster;
}

/** Connects as in a pod, with the default interval of 60 s, which the demo does not reach. */
export async function run(entry: Entry, root: string | undefined): Promise<never> {
  const kube = await entry.connect({
    config: await entry.inCluster({ root }),
    onEvent(event) {
      if (event.type === "ca-reloaded") console.log(JSON.stringify({ reloaded: true }));
    },
  });
  return await loop(() => kube.get("/version"));
}
