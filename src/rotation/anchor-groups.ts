/**
 * Groups of anchors that a TLS library which looks an issuer up by its name can distinguish.
 *
 * In a rotation with overlap the bundle holds two anchors of one name: kubeadm calls all of them
 * `CN=kubernetes`. OpenSSL distinguishes them by key identifiers alone. If one lacks them, or both have the same, it
 * takes the first whose dates fit, and rejects what only the other may vouch for.
 *
 * @module
 */

import { isInCircle } from "../certificates/anchors.ts";
import type { TrustAnchor } from "../events.ts";
import type { CaBundle } from "../sources/ca-source.ts";

/**
 * Splits a bundle so that no group holds two anchors that could be mistaken for one another, or that have signed
 * each other.
 *
 * Whom a group trusts the bundle trusts, and whom the bundle trusts one of the groups does.
 *
 * @returns The groups as PEM; one where nothing can be mistaken.
 */
export function anchorGroups({ anchors, certificates }: CaBundle): string[][] {
  const groups: { members: TrustAnchor[]; pem: string[] }[] = [];
  for (const [index, anchor] of anchors.entries()) {
    const pem = certificates[index] ?? "";
    const fits = groups.find(
      ({ members }) =>
        !members.some((member) => canBeMistaken(member, anchor)) && !isInCircle(anchor, members),
    );
    if (fits === undefined) groups.push({ members: [anchor], pem: [pem] });
    else {
      fits.members.push(anchor);
      fits.pem.push(pem);
    }
  }
  return groups.map(({ pem }) => pem);
}

function canBeMistaken(a: TrustAnchor, b: TrustAnchor): boolean {
  if (a.subject !== b.subject) return false;
  if (a.keyIdentifier === undefined || b.keyIdentifier === undefined) return true;
  // Of one key, and still the one may vouch for what the other may not.
  return a.keyIdentifier === b.keyIdentifier;
}
