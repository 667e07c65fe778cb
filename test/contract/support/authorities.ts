/**
 * The authorities of a rotation, named as in a cluster and otherwise, and the ways to trust them.
 *
 * @module
 */

import type { TransportSettings } from "../../../src/index.ts";
import { type CreateCaOptions, type TestCa, createCa } from "../../support/pki.ts";
import { hasExclusiveTransport } from "./traits.ts";

/** How the old and the new authority of a rotation differ. */
export interface AuthorityKind {
  readonly kind: string;
  /** How the client trusts them. */
  readonly settings: TransportSettings;
  /** Makes the next authority. */
  next(options?: CreateCaOptions): Promise<TestCa>;
}

let serial = 0;

/**
 * kubeadm names all of them `CN=kubernetes`; then a refusal reads as a bad signature on some runtimes,
 * and as an unknown issuer on others or where the certificates carry key identifiers.
 */
const named: readonly AuthorityKind[] = [
  {
    kind: "CN=kubernetes with key identifiers",
    settings: {},
    next: (options) => createCa({ keyIdentifiers: true, ...options }),
  },
  {
    kind: "CN=kubernetes without key identifiers",
    settings: {},
    next: (options) => createCa({ keyIdentifiers: false, ...options }),
  },
  {
    kind: "differently named authorities",
    settings: {},
    next: (options) => createCa({ commonName: `authority ${(serial += 1)}`, ...options }),
  },
];

const exclusive: readonly AuthorityKind[] = named.map(({ kind, settings, next }) => ({
  kind: `${kind}, trusted exclusively`,
  settings: { ...settings, exclusiveTrust: true },
  next,
}));

/** Every case that a clause is proved in. Deno has two transports, by how trust is meant. */
export const authorityKinds: readonly AuthorityKind[] = hasExclusiveTransport
  ? [...named, ...exclusive]
  : named;
