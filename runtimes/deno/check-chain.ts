/**
 * Whether a server's chain ends at an anchor, for Deno's `node:tls`, whose own verdict is not enough.
 *
 * For a chain with a certificate of version 1, which rustls can't parse, Deno compares names and verifies no
 * signature, that of the handshake included (https://github.com/denoland/deno/pull/36248): anybody could sign such
 * a chain. So every signature of the chain is verified here, and a server's certificate that rustls can't parse is
 * rejected.
 *
 * @module
 */

import { readParts } from "../../src/certificates/certificate.ts";
import { pathToAnchor } from "../../src/certificates/chain.ts";
import { encodePem } from "../../src/certificates/pem.ts";
import {
  type CertificateError,
  type PresentedCertificate,
  chainOf,
  rejected,
} from "../_shared/server-identity.ts";
import { parseAsAnchor } from "./http-client.ts";
import { isSignedBy } from "../_shared/signature.ts";
import { systemClock } from "../../src/runtime.ts";

/**
 * Checks what a server presents.
 *
 * @param certificate The server's, and after it whatever else it presents.
 * @param anchors DER; `undefined` for Deno's default store, whose verdict counts if rustls could parse everything.
 * @param onPath Called with the path to an anchor: what Deno says of issuers goes by their names alone.
 */
export function checkChain(
  certificate: PresentedCertificate,
  anchors: readonly Uint8Array[] | undefined,
  onPath?: (path: readonly Uint8Array[]) => void,
): CertificateError | undefined {
  try {
    const chain = chainOf(certificate);
    // The anchors may be of version 1, and come after what the server presents.
    const presented = anchors === undefined ? chain : chain.slice(0, 1);
    for (const der of presented) {
      if (readParts(der).version !== 3) return rejected("it is of X.509 version 1");
      parseAsAnchor(encodePem("CERTIFICATE", der));
    }
    if (anchors === undefined) return undefined;
    const terms = { anchors, now: systemClock.wallNow(), isSignedBy };
    const path = pathToAnchor(chain, terms);
    if (path === undefined) return rejected("no certificate of the CA bundle vouches for it");
    onPath?.(path);
    return undefined;
  } catch {
    return rejected("it is malformed");
  }
}
