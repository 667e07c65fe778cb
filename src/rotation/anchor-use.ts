/**
 * Which anchors the chains of servers lead to: what to know before an old CA is removed.
 *
 * @module
 */

import { encodePem } from "../certificates/pem.ts";
import type { TrustAnchor } from "../events.ts";
import type { CaBundle } from "../sources/ca-source.ts";
import type { SourceStatus } from "../sources/source.ts";

/** A trust anchor, and whether servers need it. */
export interface AnchorStatus extends TrustAnchor {
  /**
   * Whether the chain of a server that was verified by this bundle contains it. `undefined` if no server was
   * verified by this bundle yet, or if the runtime does not reveal chains (`capabilities.revealsChains`).
   */
  readonly inUse: boolean | undefined;
  /** When such a chain was last verified, in milliseconds since the epoch; `undefined` if none was. */
  readonly lastUsedAt: number | undefined;
}

/** How the CA bundle is doing. */
export interface CaStatus extends SourceStatus {
  /** The bundle's fingerprint; `undefined` before it was first read. */
  readonly fingerprint: string | undefined;
  /** Who is trusted. */
  readonly anchors: readonly AnchorStatus[];
}

export class AnchorUse {
  /** The bundle that the entries are of. */
  #bundle: CaBundle | undefined;
  /** By fingerprint, when an anchor was last used. */
  readonly #usedAt = new Map<string, number>();

  /**
   * Notes a chain that a bundle vouches for, in DER. One that leads to none of its anchors is incomplete, and says
   * nothing.
   */
  note(bundle: CaBundle, chain: readonly Uint8Array[], now: number): void {
    const pem = new Set(chain.map((der) => encodePem("CERTIFICATE", der)));
    const used = bundle.anchors.filter((_, index) => pem.has(bundle.certificates[index] ?? ""));
    if (used.length > 0 && this.#bundle !== bundle) {
      this.#bundle = bundle;
      this.#usedAt.clear();
    }
    for (const { fingerprint } of used) this.#usedAt.set(fingerprint, now);
  }

  /** Whether a chain leads to an anchor; `undefined` if none of its bundle is known. */
  isUsed(bundle: CaBundle | undefined, { fingerprint }: TrustAnchor): boolean | undefined {
    return bundle === this.#bundle ? this.#usedAt.has(fingerprint) : undefined;
  }

  /** The anchors of a bundle, for a health endpoint. */
  statusOf(bundle: CaBundle | undefined): AnchorStatus[] {
    return (bundle?.anchors ?? []).map((anchor) => ({
      ...anchor,
      inUse: this.isUsed(bundle, anchor),
      lastUsedAt: bundle === this.#bundle ? this.#usedAt.get(anchor.fingerprint) : undefined,
    }));
  }
}
