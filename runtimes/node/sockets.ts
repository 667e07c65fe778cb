/**
 * Connections of our own on Node, for upgrades and for `http: "sockets"`.
 *
 * @module
 */

import type { ConnectionOptions, SecureContext } from "node:tls";
import type { ByteStream, PoolOptions, TlsSnapshot } from "../../src/runtime.ts";
import type { Dialler } from "../_shared/dial.ts";
import { openTcp } from "../_shared/node-tcp.ts";
import { type PresentedCertificate, chainOf } from "../_shared/server-identity.ts";
import { openTls } from "../_shared/tls-bytes.ts";
import { openSecureContext } from "./secure-context.ts";
import { VerifiedDates } from "./verified-dates.ts";

/** The pool that a connection belongs to. */
export interface NodePool {
  readonly trust: TlsSnapshot;
  readonly options: PoolOptions;
  /** What its connections to the server trust and show. */
  readonly secureContext: SecureContext;
}

/** How the connections of a pool are made. */
export function nodeDialler({ trust, options, secureContext }: NodePool): Dialler {
  return {
    trust,
    options,
    openTcp,
    openTls,
    tls: (isProxy) => ({
      secureContext: isProxy ? openSecureContext(trust.ca, undefined) : secureContext,
    }),
  };
}

/** The same, with one TLS session cache for the pool. */
export function resumingDialler(pool: NodePool): Dialler {
  const verified = new VerifiedDates();
  const sessions = new Map<string, Buffer>();

  async function open(options: ConnectionOptions, signal: AbortSignal): Promise<ByteStream> {
    if (verified.haveExpired()) sessions.clear();
    const { checkServerIdentity } = options;
    const server = `${options.host ?? ""}:${options.port ?? ""}`;
    const session = sessions.get(server);
    return await openTls(
      {
        ...options,
        ...(session && { session }),
        ...(checkServerIdentity && {
          checkServerIdentity: (host: string, certificate: PresentedCertificate) => {
            const refusal = checkServerIdentity(host, certificate as never);
            if (refusal === undefined) verified.note(chainOf(certificate));
            return refusal;
          },
        }),
      },
      signal,
      // Node emits it for verified servers alone.
      { onSession: (latest) => sessions.set(server, latest) },
    );
  }

  return { ...nodeDialler(pool), openTls: open };
}
