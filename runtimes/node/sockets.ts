/**
 * The pool of `http: "sockets"` on Node, with one TLS session cache. Loaded with the first request.
 *
 * @module
 */

import type { ConnectionOptions } from "node:tls";
import type { ByteStream } from "../../src/runtime.ts";
import type { SocketTransport } from "../../src/transport/socket-transport.ts";
import type { Dialler } from "../_shared/dial.ts";
import { type PresentedCertificate, chainOf } from "../_shared/server-identity.ts";
import { openSocketPool } from "../_shared/socket-pool.ts";
import { openTls } from "../_shared/tls-bytes.ts";
import { type NodePool, nodeDialler } from "./dialler.ts";
import { VerifiedDates } from "./verified-dates.ts";

/** Opens a pool of connections that HTTP/1.1 of the core's own uses. */
export function openSockets(pool: NodePool): SocketTransport {
  return openSocketPool(resumingDialler(pool));
}

/** How the connections of a pool are made that resume each other's TLS sessions. */
function resumingDialler(pool: NodePool): Dialler {
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
