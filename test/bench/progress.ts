/**
 * What is being done, on standard error: in one line on a terminal, in lines of their own elsewhere.
 *
 * @module
 */

import type { WriteStream } from "node:tty";

/** See the module. */
export interface Progress {
  say(text: string): void;
  /** Takes the line away. */
  end(): void;
}

/** A log is not told of every step. */
const PLAIN_INTERVAL_MS = 2_000;

/** Makes the one that fits an output. */
export function createProgress(output: WriteStream): Progress {
  const startedAt = performance.now();
  let saidAt = Number.NEGATIVE_INFINITY;
  return {
    say(text) {
      const now = performance.now();
      const line = `${`${((now - startedAt) / 1_000).toFixed(0)} s`.padStart(6)}  ${text}`;
      if (output.isTTY) output.write(`\r${line.slice(0, output.columns - 1)}\u001B[K`);
      else if (now - saidAt >= PLAIN_INTERVAL_MS) {
        saidAt = now;
        output.write(`${line}\n`);
      }
    },
    end() {
      if (output.isTTY) output.write("\r\u001B[K");
    },
  };
}
