/**
 * Loops of requests that run while a test changes the cluster.
 *
 * @module
 */

import { onTestFinished } from "vitest";
import { eventually } from "../../support/cluster.ts";

/** Running loops. */
export interface Load {
  /** How many requests have ended. */
  readonly done: number;
  /** What failed. */
  readonly failures: readonly unknown[];
  /** Waits until each loop has completed two more requests. */
  more(): Promise<void>;
  /** Lets each loop complete its request, and stops. */
  stop(): Promise<void>;
}

/** Pauses a loop that fails at once. */
const PAUSE_AFTER_FAILURE_MS = 20;

/** Starts loops that send one request after the other. They end with the test. */
export function startLoad(loops: number, request: (loop: number) => Promise<unknown>): Load {
  const failures: unknown[] = [];
  const done = Array.from({ length: loops }, () => 0);
  let running = true;

  async function run(loop: number): Promise<void> {
    while (running) {
      try {
        await request(loop);
      } catch (error) {
        failures.push(error);
        await new Promise((resolve) => void setTimeout(resolve, PAUSE_AFTER_FAILURE_MS));
      }
      done[loop] = (done[loop] ?? 0) + 1;
    }
  }

  const ended = Promise.all(Array.from({ length: loops }, (_, loop) => run(loop)));
  async function stop(): Promise<void> {
    running = false;
    await ended;
  }
  onTestFinished(stop);
  return {
    get done() {
      return done.reduce((sum, count) => sum + count, 0);
    },
    failures,
    async more() {
      const before = [...done];
      await eventually("more requests are done", async () => {
        return done.every((count, loop) => count >= (before[loop] ?? 0) + 2);
      });
    },
    stop,
  };
}
