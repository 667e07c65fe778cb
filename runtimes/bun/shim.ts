/**
 * The part of Bun that is used, so that neither the source nor what is published needs its types.
 *
 * @module
 */

/** A pool of connections, and how they are made. */
export interface FetchSession {
  /** Closes idle connections. It stays usable. */
  close(): void;
}

interface BunNamespace {
  /** `undefined` before Bun 1.4.3. */
  readonly FetchSession: (new (options: { tls: object }) => FetchSession) | undefined;
}

/** Bun's namespace. */
export function bun(): BunNamespace {
  return (globalThis as typeof globalThis & { readonly Bun: BunNamespace }).Bun;
}
