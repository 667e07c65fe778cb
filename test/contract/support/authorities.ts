/**
 * The authorities of a rotation, named as in a cluster and otherwise.
 *
 * @module
 */

import { type CreateCaOptions, type TestCa, createCa } from "../../support/pki.ts";

/** How the old and the new authority of a rotation differ. */
export interface AuthorityKind {
  readonly kind: string;
  /** Makes the next authority. */
  next(options?: CreateCaOptions): Promise<TestCa>;
}

let serial = 0;

/**
 * kubeadm names all of them `CN=kubernetes`; then a refusal reads as a bad signature on some runtimes,
 * and as an unknown issuer on others or where the certificates carry key identifiers.
 */
export const authorityKinds: readonly AuthorityKind[] = [
  {
    kind: "CN=kubernetes with key identifiers",
    next: (options) => createCa({ keyIdentifiers: true, ...options }),
  },
  {
    kind: "CN=kubernetes without key identifiers",
    next: (options) => createCa({ keyIdentifiers: false, ...options }),
  },
  {
    kind: "differently named authorities",
    next: (options) => createCa({ commonName: `authority ${(serial += 1)}`, ...options }),
  },
];
