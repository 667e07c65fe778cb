/**
 * The pool of `http: "sockets"` on Bun. Loaded with the first request.
 *
 * @module
 */

import type { PoolOptions, TlsSnapshot } from "../../src/runtime.ts";
import type { SocketTransport } from "../../src/transport/socket-transport.ts";
import { openSocketPool } from "../_shared/socket-pool.ts";
import { bunDialler } from "./dialler.ts";

/** Opens a pool of connections that HTTP/1.1 of the core's own uses. */
export function openSockets(trust: TlsSnapshot, options: PoolOptions): SocketTransport {
  return openSocketPool(bunDialler(trust, options));
}
