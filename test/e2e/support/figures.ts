/**
 * Figures that the tests measure, for the table at the end of `npm run test:e2e`.
 *
 * @module
 */

import { appendFile } from "node:fs/promises";
import process from "node:process";
import { fileURLToPath } from "node:url";

/** Where a lane's figures are, one line of JSON each. */
export function figuresFile(lane: string): string {
  return fileURLToPath(new URL(`../../../.tmp/figures-${lane}.jsonl`, import.meta.url));
}

/** A figure and what it measures. */
export interface Figure {
  readonly what: string;
  readonly value: number;
}

/** Records a figure. */
export async function figure(what: string, value: number): Promise<void> {
  const lane = process.env["REANCHOR_LANE"] ?? "alone";
  await appendFile(figuresFile(lane), `${JSON.stringify({ what, value } satisfies Figure)}\n`);
}
