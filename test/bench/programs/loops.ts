/**
 * Loops that send one request after the other, on any runtime, while the CA is rotated under them.
 *
 * @module
 */

import { obey, readArgument } from "../orders.ts";
import { loadEntry } from "./entry.ts";

/** What is sent, and by how many. */
export interface LoopsArgument {
  readonly dist: string;
  readonly origin: string;
  readonly caFile: string;
  readonly loops: number;
}

/** What became of it. */
export interface LoopsResult {
  readonly requests: number;
  readonly failed: number;
  /** The first failures, in words. */
  readonly failures: readonly string[];
}

const { dist, origin, caFile, loops } = readArgument() as LoopsArgument;
const { connect, fileCaSource } = await loadEntry(dist);
const kube = await connect({ config: { server: origin, ca: fileCaSource(caFile) } });

let requests = 0;
let failed = 0;
const failures: string[] = [];
let isRunning = true;
let onProgress = (): void => {};

async function loop(): Promise<void> {
  while (isRunning) {
    try {
      await kube.get("/version");
    } catch (error) {
      failed += 1;
      if (failures.length < 5) failures.push(String(error));
    }
    requests += 1;
    onProgress();
  }
}

const running = Array.from({ length: loops }, loop);

await obey({
  /** Answers when so many more requests have ended. */
  async progress(more: number) {
    const goal = requests + more;
    await new Promise<void>((resolve) => {
      onProgress = () => {
        if (requests >= goal) resolve();
      };
    });
  },
  async stop(): Promise<LoopsResult> {
    isRunning = false;
    await Promise.all(running);
    await kube.close();
    return { requests, failed, failures };
  },
});
