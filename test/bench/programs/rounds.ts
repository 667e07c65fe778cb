/**
 * Rounds of requests, as fast as they go.
 *
 * @module
 */

import process from "node:process";

/** What a round is. */
export interface Round {
  readonly durationMs: number;
  /** How many requests are in flight. */
  readonly atOnce: number;
}

/** What a round came to. */
export interface RoundResult {
  readonly requests: number;
  readonly ms: number;
  /** The time that this process used, in microseconds: all its threads, garbage collection included. */
  readonly cpuUs: number;
}

/** Sends one request after the other, in as many loops as the round has. */
export async function runRound(
  send: () => Promise<unknown>,
  { durationMs, atOnce }: Round,
): Promise<RoundResult> {
  // An idle connection may have been closed since the last round.
  await Promise.all(Array.from({ length: atOnce }, send));
  const startedAt = performance.now();
  const usedBefore = process.cpuUsage();
  let requests = 0;
  async function loop(): Promise<void> {
    while (performance.now() - startedAt < durationMs) {
      await send();
      requests += 1;
    }
  }
  await Promise.all(Array.from({ length: atOnce }, loop));
  const { user, system } = process.cpuUsage(usedBefore);
  return { requests, ms: performance.now() - startedAt, cpuUs: user + system };
}
