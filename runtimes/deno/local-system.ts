/**
 * Folders by `node:fs`, and local ports by `Deno.listen`: sockets of Deno's `node:net` ignore `pause()`.
 *
 * @module
 */

import type { LocalSystem } from "../../src/runtime.ts";
import { acceptAll } from "../_shared/accept-all.ts";
import { nodeFolders } from "../_shared/node-folders.ts";
import { deno } from "./shim.ts";
import { TcpBytes } from "./tcp.ts";

/** See {@link LocalSystem}. */
export const denoLocal: LocalSystem = {
  ...nodeFolders,
  async listen({ host, port }, { onConnection, onError }) {
    const listener = deno().listen({ hostname: host, port });
    let isClosed = false;
    void acceptAll(listener, {
      onConnection: (connection) => onConnection(new TcpBytes(() => Promise.resolve(connection))),
      onError,
      isClosed: () => isClosed,
    });
    return {
      port: listener.addr.port,
      async close() {
        if (isClosed) return;
        isClosed = true;
        listener.close();
      },
    };
  },
};
