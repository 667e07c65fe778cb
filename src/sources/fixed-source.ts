/**
 * A value that never changes, as a source.
 *
 * @module
 */

import type { SourceKind } from "../events.ts";
import { checkKnown } from "../options.ts";
import { type Clock, systemClock } from "../runtime.ts";
import { type Source, reloadOptionNames, waitOptionNames } from "./source.ts";

/** Where a value that never changes comes from. */
export interface FixedSourceOptions {
  readonly kind: SourceKind;
  /** @default "memory" */
  readonly source?: string;
  /** @default the runtime's own */
  readonly clock?: Pick<Clock, "wallNow">;
}

/** Makes a source of a value that is worked out once, at first use, with no I/O. */
export function createFixedSource<T>(
  load: () => Promise<T>,
  { kind, source = "memory", clock = systemClock }: FixedSourceOptions,
): Source<T> {
  let value: T | undefined;
  let loadedAt: number | undefined;
  async function loaded(): Promise<T> {
    if (value === undefined) {
      value = await load();
      loadedAt = clock.wallNow();
    }
    return value;
  }
  return {
    async current(options) {
      if (options !== undefined) checkKnown("current", options, waitOptionNames);
      return await loaded();
    },
    async reload(options) {
      if (options !== undefined) checkKnown("reload", options, reloadOptionNames);
      return await loaded();
    },
    fresh: () => value,
    peek: () => value,
    isFixed: true,
    get status() {
      return {
        kind,
        source,
        loadedAt,
        checkedAt: loadedAt,
        ageMs: loadedAt === undefined ? undefined : 0,
        failures: 0,
        lastError: undefined,
        stale: false,
      };
    },
    subscribe: () => () => {},
  };
}
