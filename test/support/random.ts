/**
 * Random numbers that a seed decides, so that what fails can be repeated.
 *
 * @module
 */

import { seededRandom } from "../../src/testing/model/faults.ts";

/** A source of random numbers. */
export interface Random {
  /** A whole number from 0 up to, and without, `limit`. */
  below(limit: number): number;
  /** One of several. */
  pick<T>(choices: readonly [T, ...T[]]): T;
  /** Random bytes. */
  bytes(length: number): Uint8Array<ArrayBuffer>;
}

/** Starts a sequence. */
export function seeded(seed: number): Random {
  const next = seededRandom(seed);
  const below = (limit: number): number => Math.floor(next() * limit);
  return {
    below,
    pick: (choices) => choices[below(choices.length)] ?? choices[0],
    bytes: (length) => Uint8Array.from({ length }, () => below(256)),
  };
}
