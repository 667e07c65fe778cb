/**
 * The state that the parts of the model share.
 *
 * @module
 */

import type { Clock } from "../../runtime.ts";
import type { KindDefinition } from "./served-kinds.ts";
import type { Authorize } from "./reviews.ts";
import type { Store } from "./store.ts";

/** The clock that the model needs. */
export type ModelClock = Pick<Clock, "setTimeout" | "wallNow">;

/** The state that the parts of the model share. */
export interface Model {
  readonly store: Store;
  readonly clock: ModelClock;
  /** Changes when kinds are added and removed. */
  readonly kinds: KindDefinition[];
  /** Whether a watch from an expired version is answered with HTTP 410 instead of an event. */
  readonly expiredAsStatus: boolean;
  /** Whether watches can send the initial list. */
  readonly streamingLists: boolean;
  readonly aggregatedDiscovery: boolean;
  /** Whether objects can only be created in namespaces that exist. */
  readonly checksNamespaces: boolean;
  /** Decides what users may do. */
  readonly authorize: Authorize;
}

/** A time as in metadata, in whole seconds. */
export function timestamp(wallMs: number): string {
  return new Date(wallMs).toISOString().replace(/\.\d+Z$/, "Z");
}
