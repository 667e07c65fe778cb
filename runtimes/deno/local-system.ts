/**
 * Folders by `node:fs`, and local ports by `Deno.listen`: sockets of Deno's `node:net` ignore `pause()`.
 *
 * @module
 */

import type { LocalSystem } from "../../src/runtime.ts";
import { nodeFolders } from "../_shared/node-folders.ts";
import { deno } from "./shim.ts";
import { TcpBytes } from "./tcp.ts";

/** See {@link LocalSystem}. */
export const denoLocal: LocalSystem = {
  ...nodeFolders,
  async listen(hostname, port, onConnection) {
    const listener = deno().listen({ hostname, port });
    const accepting = (async () => {
      for await (const connection of listener) {
        onConnection(new TcpBytes(() => Promise.resolve(connection)));
      }
    })();
    accepting.catch(() => {}); // It was closed.
    return {
      port: listener.addr.port,
      async close() {
        try {
          listener.close();
        } catch {
          // It is closed already.
        }
      },
    };
  },
};
