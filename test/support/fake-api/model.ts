/**
 * What the parts of the model share.
 *
 * @module
 */

import type { KindDefinition } from "./kinds.ts";
import type { Store } from "./store.ts";

/** Time as the model needs it. */
export interface ModelClock {
  /** Milliseconds since the epoch. */
  wallNow(): number;
  /** Calls back once; returns what cancels that. */
  setTimeout(callback: () => void, delayMs: number): () => void;
}

/** See the module. */
export interface Model {
  readonly store: Store;
  readonly clock: ModelClock;
  /** Changes where kinds come and go. */
  readonly kinds: KindDefinition[];
  /** Whether a watch from a version too old is answered with HTTP 410 instead of an event. */
  readonly expiredAsStatus: boolean;
  /** Whether watches can send what there is first. */
  readonly streamingLists: boolean;
  readonly aggregatedDiscovery: boolean;
}

/** A time as metadata has it, in whole seconds. */
export function timestamp(wallMs: number): string {
  return new Date(wallMs).toISOString().replace(/\.\d+Z$/, "Z");
}
