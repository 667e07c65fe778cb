/**
 * What a client of a server has shown, judged again later: open connections and TLS sessions outlive the verification.
 *
 * @module
 */

import type { PeerCertificate, TLSSocket } from "node:tls";
import { readParts } from "../../src/certificates/certificate.ts";
import { pathToAnchor } from "../../src/certificates/chain.ts";
import { derOf } from "../../src/certificates/pem.ts";
import type { CaBundle } from "../../src/sources/ca-source.ts";
import { isSignedBy } from "../_shared/signature.ts";
import { presentRuntime } from "../_shared/present-runtime.ts";
import { chainOf } from "../_shared/server-identity.ts";

/** Whether a client was verified by its certificate. */
export function isVerified(socket: TLSSocket): boolean {
  return socket.authorized && certificateOf(socket) !== undefined;
}

/**
 * Whether an anchor of a bundle vouches for what a client has shown. In doubt, none does: on Node, a resumed session
 * says nothing of intermediates, and Node 24.21 says nothing of them at all (22.23 and 26.10 do).
 */
export function isVouchedFor(socket: TLSSocket, { certificates }: CaBundle, now: number): boolean {
  try {
    const chain = chainOf(socket.getPeerCertificate(true));
    const anchors = certificates.map(derOf);
    return pathToAnchor(chain, { anchors, now, use: "client", isSignedBy }) !== undefined;
  } catch {
    return false; // It is malformed.
  }
}

/**
 * Whether a resumed session proves who a verified client is: resumption verifies no certificate.
 *
 * On Node, a session is resumed under the CAs that it was made under, by its ticket keys and its session ID context;
 * what is left is the client's date, at which Go looks as well. On Deno, all servers of a process have their ticket
 * keys in common, whomever they trust, and nothing changes them: everything is judged again. Of a certificate of
 * version 1, Deno has not verified that the client has its key.
 */
export function provesClient(socket: TLSSocket, bundle: CaBundle, now: number): boolean {
  const certificate = certificateOf(socket);
  if (certificate === undefined) return false;
  const { version, notAfter } = readParts(certificate);
  if (presentRuntime() === "Node") return now <= notAfter;
  return version === 3 && isVouchedFor(socket, bundle, now);
}

function certificateOf(socket: TLSSocket): Uint8Array | undefined {
  // There is an empty object if the client has shown none, and nothing once the connection is closed.
  return (socket.getPeerCertificate() as Partial<PeerCertificate> | null)?.raw;
}
