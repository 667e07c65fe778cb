/**
 * One source in the shape of another: an exec plugin gives a token and a client certificate at once, and
 * each of them is used where a source of just that is.
 *
 * @module
 */

import type { SourceKind } from "../events.ts";
import type { Source } from "./source.ts";

/** How a source is shown. */
export interface SourceMapping<T, U> {
  readonly kind: SourceKind;
  readonly map: (value: T) => U | Promise<U>;
  /** Whether the source's events are left to another view. */
  readonly isSilent?: boolean;
}

/** Makes a view of a source. The same value gives the same object. */
export function mapSource<T, U>(
  source: Source<T>,
  { kind, map, isSilent = false }: SourceMapping<T, U>,
): Source<U> {
  let last: { readonly from: T; readonly to: U } | undefined;
  async function convert(from: T): Promise<U> {
    if (last?.from === from) return last.to;
    const to = await map(from);
    last = { from, to };
    return to;
  }
  return {
    current: async (options) => await convert(await source.current(options)),
    reload: async (options) => await convert(await source.reload(options)),
    fresh() {
      const from = source.fresh?.();
      return from !== undefined && last?.from === from ? last.to : undefined;
    },
    peek: () => last?.to,
    get status() {
      return { ...source.status, kind };
    },
    subscribe: isSilent ? () => () => {} : (listener) => source.subscribe(listener),
  };
}

/** Prefers one source, and uses another's value if the first has none. */
export function fallbackSource<T>(preferred: Source<T>, other: Source<T>): Source<T> {
  return {
    current: (options) =>
      preferred.current(options).catch((error: unknown) => {
        options?.signal?.throwIfAborted();
        return orThrow(other.current(options), error);
      }),
    reload: (options) =>
      preferred.reload(options).catch((error: unknown) => {
        options?.signal?.throwIfAborted();
        return orThrow(other.reload(options), error);
      }),
    fresh: () => preferred.fresh?.(),
    peek: () => preferred.peek() ?? other.peek(),
    get status() {
      return preferred.status;
    },
    subscribe: (listener) => preferred.subscribe(listener),
  };
}

/** What the second returns; if it fails too, why the first did. */
async function orThrow<T>(value: Promise<T>, error: unknown): Promise<T> {
  try {
    return await value;
  } catch {
    throw error;
  }
}
