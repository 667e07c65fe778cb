/**
 * Random numbers from a seed, so that failures can be reproduced.
 *
 * @module
 */

import { seededRandom } from "../../src/testing/model/faults.ts";

/** A source of random numbers. */
export interface Random {
  /** A whole number from 0 to `limit`, exclusive. */
  below(limit: number): number;
  /** One of several values. */
  pick<T>(choices: readonly [T, ...T[]]): T;
  /** Random bytes. */
  bytes(length: number): Uint8Array<ArrayBuffer>;
}

/** Creates a source of random numbers. */
export function seeded(seed: number): Random {
  const next = seededRandom(seed);
  const below = (limit: number): number => Math.floor(next() * limit);
  return {
    below,
    pick: (choices) => choices[below(choices.length)] ?? choices[0],
    bytes: (length) => Uint8Array.from({ length }, () => below(256)),
  };
}
