/**
 * Groups of anchors that a TLS library which looks an issuer up by its name can tell apart.
 *
 * In a rotation with overlap the bundle holds two anchors of one name: kubeadm calls all of them
 * `CN=kubernetes`. OpenSSL tells them apart by key identifiers alone; where one lacks them, it takes the
 * first, and refuses what the other signed with a bad signature.
 *
 * @module
 */

import type { CaBundle } from "../sources/ca-source.ts";

/**
 * Splits a bundle so that no group holds two anchors that could be mistaken for one another.
 *
 * Whom a group trusts the bundle trusts, and whom the bundle trusts one of the groups does.
 *
 * @returns The groups as PEM; one where nothing can be mistaken.
 */
export function anchorGroups({ anchors, certificates }: CaBundle): string[][] {
  const groups: { members: number[]; pem: string[] }[] = [];
  for (const [index, pem] of certificates.entries()) {
    const fits = groups.find(({ members }) =>
      members.every((member) => !canBeMistaken(anchors[member], anchors[index])),
    );
    if (fits === undefined) groups.push({ members: [index], pem: [pem] });
    else {
      fits.members.push(index);
      fits.pem.push(pem);
    }
  }
  return groups.map(({ pem }) => pem);
}

type Anchor = CaBundle["anchors"][number] | undefined;

function canBeMistaken(a: Anchor, b: Anchor): boolean {
  const sameName = a?.subject === b?.subject;
  // Equal identifiers mean an equal key: either vouches for what the other signed.
  return sameName && (a?.keyIdentifier === undefined || b?.keyIdentifier === undefined);
}
