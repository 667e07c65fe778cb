/**
 * TLS in front of a plain server, by `Deno.listenTls`.
 *
 * On Deno, all servers of `node:https` and `node:tls` in a process have their ticket keys in common. A client that
 * resumes a session does not look at the certificate, and so would go on trusting a CA that was rotated away.
 *
 * @module
 */

import type { ServerPair } from "../../src/testing/authority.ts";
import { acceptAll } from "./accept-all.ts";

/** What is used of `Deno`. */
export interface TlsListening {
  listenTls(options: {
    hostname: string;
    port: number;
    cert: string;
    key: string;
    alpnProtocols: string[];
  }): TlsListener;
  connect(options: { hostname: string; port: number }): Promise<Connection>;
}

interface TlsListener {
  accept(): Promise<Connection>;
  readonly addr: { readonly port: number };
  close(): void;
}

interface Connection {
  readonly readable: ReadableStream<Uint8Array>;
  readonly writable: WritableStream<Uint8Array>;
  close(): void;
}

/** A front that listens. */
export interface TlsFront {
  readonly port: number;
  /** Closes it and its connections. */
  close(): Promise<void>;
}

/** Listens on 127.0.0.1, and passes what comes to the plain server at a port. */
export function listenTls(
  deno: TlsListening,
  { cert, key }: ServerPair,
  ports: { readonly port: number; readonly plain: number },
): TlsFront {
  const listener = deno.listenTls({
    hostname: "127.0.0.1",
    port: ports.port,
    cert,
    key,
    alpnProtocols: ["http/1.1"],
  });
  const open = new Set<Connection>();
  const passing = new Set<Promise<void>>();

  async function pass(client: Connection): Promise<void> {
    open.add(client);
    let server: Connection | undefined;
    try {
      server = await deno.connect({ hostname: "127.0.0.1", port: ports.plain });
      open.add(server);
      const ways = [
        client.readable.pipeTo(server.writable),
        server.readable.pipeTo(client.writable),
      ];
      // Whichever side leaves first, the other one is closed.
      await Promise.race(ways).finally(() => {
        close(client);
        close(server);
      });
      await Promise.allSettled(ways);
    } catch {
      // The client did not trust the server, or one of the two has gone.
    } finally {
      close(client);
      close(server);
    }
  }

  function close(connection: Connection | undefined): void {
    if (connection === undefined || !open.delete(connection)) return;
    try {
      connection.close();
    } catch {
      // Its streams have closed it.
    }
  }

  let isClosed = false;
  const accepting = acceptAll(listener, {
    onConnection(client) {
      const passed = pass(client).finally(() => passing.delete(passed));
      passing.add(passed);
    },
    onError() {}, // The client notices, and later ones are accepted.
    isClosed: () => isClosed,
  });
  return {
    port: listener.addr.port,
    async close() {
      isClosed = true;
      listener.close();
      for (const connection of open) close(connection);
      await accepting;
      await Promise.all(passing);
    },
  };
}
