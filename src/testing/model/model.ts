/**
 * What the parts of the model share.
 *
 * @module
 */

import type { Clock } from "../../runtime.ts";
import type { KindDefinition } from "./served-kinds.ts";
import type { Authorize } from "./reviews.ts";
import type { Store } from "./store.ts";

/** Time as the model needs it. */
export type ModelClock = Pick<Clock, "setTimeout" | "wallNow">;

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
  /** Whether objects can only be created in namespaces that exist. */
  readonly checksNamespaces: boolean;
  /** Decides what users may do. */
  readonly authorize: Authorize;
}

/** A time as metadata has it, in whole seconds. */
export function timestamp(wallMs: number): string {
  return new Date(wallMs).toISOString().replace(/\.\d+Z$/, "Z");
}
