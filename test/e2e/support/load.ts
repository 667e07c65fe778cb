/**
 * Loops of requests that go on while a test does something to the cluster.
 *
 * @module
 */

import { onTestFinished } from "vitest";
import { eventually } from "../../support/cluster.ts";

/** Loops that run. */
export interface Load {
  /** How many requests have ended. */
  readonly done: number;
  /** What failed. */
  readonly failures: readonly unknown[];
  /** Waits until two more requests of each loop have ended. */
  more(): Promise<void>;
  /** Lets each loop end its request. */
  stop(): Promise<void>;
}

/** Lets a loop that fails at once breathe. */
const PAUSE_AFTER_FAILURE_MS = 20;

/** Starts loops, each of one request after the other; they end with the test. */
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
