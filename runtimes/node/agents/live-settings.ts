/**
 * Settings for `node:tls` that a program may keep: each connection that is made with them gets the trust of its
 * moment.
 *
 * Drivers copy what they are given once and connect for years. So what can be copied stays the same: a secure
 * context whose native half, which `node:tls` asks for at each connection, is the one of the generation in use.
 * Nothing says which connection a certificate belongs to, so it is checked against the anchors of this moment.
 *
 * @module
 */

import type { PeerCertificate, SecureContext } from "node:tls";
import { pathToAnchor } from "../../../src/certificates/chain.ts";
import { derOf } from "../../../src/certificates/pem.ts";
import { expectedName, sniOf } from "../../../src/certificates/server-name.ts";
import type { CaBundle } from "../../../src/sources/ca-source.ts";
import { chainOf, checkIdentity, rejected } from "../../_shared/server-identity.ts";
import { isSignedBy } from "../../_shared/signature.ts";
import {
  type Attempt,
  type ContextGeneration,
  type TlsConnections,
  type TlsSettings,
  noSession,
} from "./tls-connections.ts";
import { systemClock } from "../../../src/runtime.ts";

/** A handshake that has taken longer has most likely failed, which nothing reports. */
const LIKELY_FAILED_MS = 1_000;

/**
 * Makes such settings. The sources must have been read.
 *
 * @param onBegin Called with the attempt that each connection is.
 */
export function liveSettings(
  connections: TlsConnections,
  onBegin: (settings: TlsSettings, attempt: Attempt) => void,
): TlsSettings {
  const { serverName, serverIdentity } = connections.trustSettings;
  /** The oldest handshake since the last that verified a server. */
  let unverified: { generation: ContextGeneration; since: number } | undefined;

  function begin(): SecureContext {
    const generation = connections.pick();
    preferOther(generation);
    const body = generation.preferred;
    onBegin(settings, { generation, body, rejectedBy: [], newer: 0 });
    // For the next connection: this one can't wait.
    connections.reloadSoon();
    return body.secureContext;
  }

  /** Goes on to the next group of anchors if the one in use seems to verify nobody. */
  function preferOther(generation: ContextGeneration): void {
    const now = systemClock.now();
    if (unverified?.generation !== generation) unverified = { generation, since: now };
    const { bodies, preferred } = generation;
    if (bodies.length === 1 || now - unverified.since < LIKELY_FAILED_MS) return;
    unverified.since = now;
    generation.preferred = bodies[bodies.indexOf(preferred) + 1] ?? bodies[0];
  }

  function check(host: string, certificate: PeerCertificate): Error | undefined {
    const { trust } = connections.pick();
    const { bundle } = trust;
    if (bundle !== undefined && !isVouchedFor(certificate, bundle)) {
      return rejected("no anchor in use vouches for it");
    }
    unverified = undefined;
    const name = expectedName(host, serverName);
    const refusal = checkIdentity(name, certificate, serverIdentity?.check);
    if (refusal !== undefined) return refusal;
    connections.noteTrusted();
    connections.noteChain(trust, chainOf(certificate));
    return undefined;
  }

  const { secureContext } = connections.pick().preferred;
  const settings: TlsSettings = {
    secureContext: Object.create(Object.getPrototypeOf(secureContext) as object, {
      context: { enumerable: true, get: () => begin().context as unknown },
    }) as SecureContext,
    rejectUnauthorized: true,
    checkServerIdentity: check,
    session: noSession,
    ...(serverName !== undefined && { servername: sniOf(serverName) }),
  };
  return settings;
}

const anchorsOf = new WeakMap<CaBundle, readonly Uint8Array[]>();

/** The handshake may have begun under anchors that were removed since. */
function isVouchedFor(certificate: PeerCertificate, bundle: CaBundle): boolean {
  const anchors = anchorsOf.get(bundle) ?? bundle.certificates.map(derOf);
  anchorsOf.set(bundle, anchors);
  try {
    const terms = { anchors, now: systemClock.wallNow(), isSignedBy };
    return pathToAnchor(chainOf(certificate), terms) !== undefined;
  } catch {
    return false;
  }
}
