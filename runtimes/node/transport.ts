/**
 * Connections on Node: one secure context a generation, and so one TLS session cache a generation. What speaks HTTP
 * over them is loaded with the first request.
 *
 * @module
 */

import type { PoolOptions, TlsSnapshot, Transport } from "../../src/runtime.ts";
import { openLazily } from "../../src/transport/lazy-transport.ts";
import { openSecureContext } from "./secure-context.ts";
import type { NodePool } from "./dialler.ts";

/** Opens a pool of connections that undici uses. */
export function openUndiciTransport(trust: TlsSnapshot, options: PoolOptions): Transport {
  return open(trust, options, async (pool) => {
    const { openUndici } = await import("./undici-transport.ts");
    return openUndici(pool);
  });
}

/** Opens a pool of connections that HTTP/1.1 of the core's own uses. */
export function openSocketTransport(trust: TlsSnapshot, options: PoolOptions): Transport {
  return open(trust, options, async (pool) => {
    const { openSockets } = await import("./sockets.ts");
    return openSockets(pool);
  });
}

function open(
  trust: TlsSnapshot,
  options: PoolOptions,
  load: (pool: NodePool) => Promise<Omit<Transport, "upgrade">>,
): Transport {
  // Now, so that what can't be used is no failure of a request.
  const pool = { trust, options, secureContext: openSecureContext(trust.ca, trust.clientCert) };
  return {
    ...openLazily(() => load(pool)),
    async upgrade(url, request) {
      // Loaded where it is used: few programs stream into pods.
      const { upgradeOnNode } = await import("./upgrade.ts");
      return await upgradeOnNode(pool, url, request);
    },
    async probe(url, signal) {
      const { probeOnNode } = await import("./upgrade.ts");
      await probeOnNode(pool, url, signal);
    },
    prepareProbe: () => import("./upgrade.ts"),
  };
}
