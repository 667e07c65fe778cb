/**
 * The chains on which a runtime's verdict is not Go's, and why. `docs/trust.md` says the same to users.
 *
 * @module
 */

import type { LaxChain } from "../../../src/index.ts";

/** How a runtime carries requests, as far as it has different verifiers. */
export type Verifier = "node 22" | "node" | "bun" | "deno" | "deno, exclusively";

/** A reason, and the rows of the table that it is about. */
export interface Difference {
  readonly because: string;
  readonly on: readonly Verifier[];
  readonly chains: readonly string[];
  /** What `capabilities.laxChains` says of chains that are trusted though Go rejects them. */
  readonly lax?: LaxChain;
}

const denoBoth = ["deno", "deno, exclusively"] as const;

/** All of them. Those that are not lax are stricter than Go. */
export const differences: readonly Difference[] = [
  {
    because: "OpenSSL, BoringSSL and rustls take no extended key usage `any` for a server's",
    on: ["node 22", "node", "bun", ...denoBoth],
    chains: ["a server's certificate for any use", "an intermediate for any use"],
  },
  {
    because:
      "RSA keys of less than 2,048 bits are below the runtime's own security level, on Node from 24 on",
    on: ["node", ...denoBoth],
    chains: ["a server's RSA key of 1024 bits", "a root's RSA key of 1024 bits"],
  },
  {
    because: "OpenSSL and BoringSSL go by key identifiers before they try a key",
    on: ["node 22", "node", "bun"],
    chains: ["an expired root and its renewal under another identifier"],
  },
  {
    because: "OpenSSL and BoringSSL would let such a certificate sign others, so they never get it",
    on: ["node 22", "node", "bun"],
    chains: ["a self-signed certificate that may sign, without basic constraints"],
  },
  {
    because: "BoringSSL does not know name constraints for addresses",
    on: ["bun"],
    chains: ["names of an address, permitted"],
  },
  {
    because: "rustls takes no server's certificate that is a CA's",
    on: denoBoth,
    chains: ["a server's certificate that is a CA"],
  },
  {
    because: "rustls wants an anchor above a server's certificate",
    on: denoBoth,
    chains: [
      "the server's certificate as anchor",
      "the server's certificate as anchor, presented with its root",
    ],
  },
  {
    because: "rustls would let a server's self-signed certificate sign others, so it never gets it",
    on: ["deno"],
    chains: [
      "a self-signed certificate as anchor",
      "a self-signed certificate without basic constraints",
      "a self-signed certificate that may sign, without basic constraints",
      "a self-signed CA as the server's certificate",
    ],
  },
  {
    because: "rustls takes a wildcard for no name that a constraint permits",
    on: denoBoth,
    chains: ["names of a wildcard, permitted"],
  },
  {
    because: "rustls does not know name constraints for URIs",
    on: denoBoth,
    chains: ["names beside a URI, permitted", "names beside a URI of which another is excluded"],
  },
  {
    because: "rustls wants two labels after a wildcard",
    on: ["deno"],
    chains: ["wildcard *.example for a.example"],
  },
  {
    because: "rustls compares addresses byte by byte",
    on: ["deno"],
    chains: ["address: mapped to IPv6"],
  },
  {
    because: "Deno's node:tls would follow the issuers for ever",
    on: ["deno, exclusively"],
    chains: ["two anchors that have signed each other"],
  },
  {
    because: "rustls asks no anchor for its path length",
    on: ["deno"],
    chains: [
      "a root of path length 0 and an intermediate",
      "a root of path length 1 and two intermediates",
    ],
    lax: "path-length-of-anchor",
  },
  {
    because: "rustls asks no intermediate for its key usage",
    on: ["deno"],
    chains: ["an intermediate that may not sign certificates"],
    lax: "key-usage-of-intermediate",
  },
  {
    because: "BoringSSL takes SHA-1, and Bun shows no more than the server's own certificate",
    on: ["bun"],
    chains: ["an intermediate signed over SHA-1"],
    lax: "sha1-of-intermediate",
  },
];
