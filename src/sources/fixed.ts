/**
 * A value that never changes, as a source.
 *
 * @module
 */

import type { SourceKind } from "../events.ts";
import type { Source } from "./source.ts";

/** Makes a source of a value that is worked out once, at first use, with no I/O. */
export function fixedSource<T>(
  kind: SourceKind,
  load: () => Promise<T>,
  source = "memory",
): Source<T> {
  let value: T | undefined;
  let loadedAt: number | undefined;
  async function current(): Promise<T> {
    if (value === undefined) {
      value = await load();
      loadedAt = Date.now();
    }
    return value;
  }
  return {
    current,
    reload: current,
    fresh: () => value,
    peek: () => value,
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
