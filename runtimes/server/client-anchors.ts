/**
 * The anchors that vouch for the clients of a server.
 *
 * @module
 */

import type { Server } from "node:tls";
import {
  type Anchor,
  anchorsInForce,
  refuseCircle,
  selectAnchors,
} from "../../src/certificates/anchors.ts";
import { isAuthorityByUsageAlone, maySign } from "../../src/certificates/issuer.ts";
import type { CaBundle } from "../../src/sources/ca-source.ts";
import { presentRuntime } from "../_shared/present-runtime.ts";
import { contextOf } from "./owner-options.ts";

/** The anchors of a span of time, in milliseconds since the epoch. */
export interface ClientAnchors {
  readonly pem: readonly string[];
  readonly from: number;
  readonly until: number;
}

/**
 * Selects the anchors of a bundle.
 *
 * @returns The anchors; none if none is valid on a runtime that looks at no dates.
 * @throws {Error} if none may vouch for others, or some lead back to themselves.
 */
export function selectClientAnchors({ certificates }: CaBundle, now: number): ClientAnchors {
  // rustls takes an anchor's name and key, and looks at nothing else of it.
  const isDeno = presentRuntime() === "Deno";
  const anchors = select(certificates, ({ parts }) =>
    isDeno ? maySign(parts, "client") : !isAuthorityByUsageAlone(parts),
  );
  refuseCircle(anchors);
  if (isDeno) return anchorsInForce(anchors, now);
  return { pem: anchors.map(({ pem }) => pem), from: -Infinity, until: Infinity };
}

function select(certificates: readonly string[], isAnchor: (anchor: Anchor) => boolean): Anchor[] {
  const anchors = selectAnchors(certificates, () => true).filter(isAnchor);
  if (anchors.length > 0) return anchors;
  throw new Error(
    "none of its certificates may vouch for a client's; give the certificate of the authority that signs it",
  );
}

/** As Go, a certificate that the bundle holds is an anchor, also if its own issuer is not there. */
export function allowPartialChains(server: Server): void {
  // Node's servers do not pass the option of that name on.
  const context = contextOf(server) as { setAllowPartialTrustChain?: () => void } | undefined;
  context?.setAllowPartialTrustChain?.();
}
