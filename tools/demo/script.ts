/**
 * The schedule of the rotations. A real rotation takes hours or days. Here it takes seconds, while each
 * client keeps its defaults. reanchor's reload interval is 60 s, so only a reload on failure helps it.
 *
 * @module
 */

import type { Step } from "./timeline.ts";

/** A future step. */
export interface PlannedStep extends Pick<Step, "rotation" | "where" | "authorities"> {
  readonly atMs: number;
}

/** How long the clients run. */
export const DURATION_MS = 19_000;

/** The number of CAs. */
export const AUTHORITIES = 4;

/** The initial state, then three rotations: two with an overlap, and one without. */
export const script: readonly PlannedStep[] = [
  { atMs: 0, rotation: 0, where: "file", authorities: [1] },
  { atMs: 0, rotation: 0, where: "server", authorities: [1] },
  { atMs: 2_500, rotation: 1, where: "file", authorities: [1, 2] },
  { atMs: 3_500, rotation: 1, where: "server", authorities: [2] },
  { atMs: 5_000, rotation: 1, where: "file", authorities: [2] },
  { atMs: 7_500, rotation: 2, where: "file", authorities: [2, 3] },
  { atMs: 8_500, rotation: 2, where: "server", authorities: [3] },
  { atMs: 10_000, rotation: 2, where: "file", authorities: [3] },
  // No overlap: the server changes first, and the file a second later.
  { atMs: 13_500, rotation: 3, where: "server", authorities: [4] },
  { atMs: 14_500, rotation: 3, where: "file", authorities: [4] },
];

/** The number of rotations. */
export const rotations: number = Math.max(...script.map(({ rotation }) => rotation));
