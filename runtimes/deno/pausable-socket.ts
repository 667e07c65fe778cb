/**
 * TLS connections on Deno whose reader can slow the server down.
 *
 * Deno's own sockets of `node:net` and `node:tls` ignore `pause()`: whatever the server sends is read into
 * memory, whether or not somebody reads it. Here TLS stands on a byte stream of our own, which reads nothing
 * from the network while it is held. Trust stays that of `node:tls`, which is exclusive.
 *
 * @module
 */

import type { ConnectionOptions, TLSSocket } from "node:tls";
import { BytesDuplex } from "../_shared/bytes-duplex.ts";
import { overDuplex } from "../_shared/tls-bytes.ts";
import { TcpBytes } from "./tcp.ts";

/** Where to connect, and under which trust. */
export interface PausableSocketOptions extends Pick<
  ConnectionOptions,
  | "ca"
  | "cert"
  | "key"
  | "rejectUnauthorized"
  | "servername"
  | "checkServerIdentity"
  | "ALPNProtocols"
> {
  /** A name, or an address without brackets. */
  readonly host: string;
  readonly port: number;
}

/** A TLS connection that can be held. It connects by itself, and reads until it is held. */
export interface PausableSocket {
  /** The connection as `node:tls` has it. Its `pause()` does nothing for the network: that is what `hold()` does. */
  readonly socket: TLSSocket;
  /** Reads nothing more from the network, once a read that is under way has ended. */
  hold(): void;
  /** Reads again. */
  release(): void;
}

/** Opens a connection, which is destroyed along with its TLS socket. */
export function openPausableSocket({ host, port, ...tls }: PausableSocketOptions): PausableSocket {
  const bytes = TcpBytes.connect(host, port);
  const duplex = new BytesDuplex(bytes);
  const socket = overDuplex(duplex, { ...tls, host, port });
  // Over a stream that is not its own, `node:tls` has nothing that it could let go of.
  socket.ref = () => {
    bytes.setReferenced(true);
    return socket;
  };
  socket.unref = () => {
    bytes.setReferenced(false);
    return socket;
  };
  return { socket, hold: () => duplex.hold(), release: () => duplex.release() };
}
