/**
 * When what rotates. A real rotation takes hours or days; here it is seconds, and each client keeps its
 * own defaults (reanchor's reload interval is 60 s, so only a reload on failure can save it).
 *
 * @module
 */

import type { Step } from "./timeline.ts";

/** A step to come. */
export interface PlannedStep extends Pick<Step, "rotation" | "where" | "authorities"> {
  readonly atMs: number;
}

/** How long the clients run. */
export const DURATION_MS = 19_000;

/** How many CAs there are. */
export const AUTHORITIES = 4;

/** How things are at first, then three rotations: two with an overlap, one without any. */
export const script: readonly PlannedStep[] = [
  { atMs: 0, rotation: 0, where: "file", authorities: [1] },
  { atMs: 0, rotation: 0, where: "server", authorities: [1] },
  { atMs: 2_500, rotation: 1, where: "file", authorities: [1, 2] },
  { atMs: 3_500, rotation: 1, where: "server", authorities: [2] },
  { atMs: 5_000, rotation: 1, where: "file", authorities: [2] },
  { atMs: 7_500, rotation: 2, where: "file", authorities: [2, 3] },
  { atMs: 8_500, rotation: 2, where: "server", authorities: [3] },
  { atMs: 10_000, rotation: 2, where: "file", authorities: [3] },
  // No overlap: the server goes first, and the file follows a second later.
  { atMs: 13_500, rotation: 3, where: "server", authorities: [4] },
  { atMs: 14_500, rotation: 3, where: "file", authorities: [4] },
];

/** How many rotations there are. */
export const rotations: number = Math.max(...script.map(({ rotation }) => rotation));
