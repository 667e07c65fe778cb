/**
 * What may change while a client runs: whom it trusts, and what it shows.
 *
 * @module
 */

import type { CaBundle } from "../sources/ca-source.ts";
import type { ClientCert } from "../sources/client-cert-source.ts";

/** One state of it. Connections made under one state never serve under another. */
export interface Trust {
  /** `undefined` for the runtime's own store. */
  readonly bundle: CaBundle | undefined;
  /** `undefined` if the client has none. */
  readonly clientCert: ClientCert | undefined;
}

/** Whether connections made under one may serve under the other. */
export function isSameTrust(a: Trust, b: Trust): boolean {
  return (
    a.bundle?.fingerprint === b.bundle?.fingerprint &&
    a.clientCert?.fingerprint === b.clientCert?.fingerprint &&
    // A key that the runtime can't hold against its certificate may have been the wrong one.
    a.clientCert?.key === b.clientCert?.key
  );
}

/** Whether an anchor of the earlier trust is missing in the later one. */
export function removesAnchor(earlier: Trust, later: Trust): boolean {
  if (earlier.bundle === later.bundle) return false;
  const kept = new Set(later.bundle?.anchors.map(({ fingerprint }) => fingerprint));
  return earlier.bundle?.anchors.some(({ fingerprint }) => !kept.has(fingerprint)) ?? false;
}
