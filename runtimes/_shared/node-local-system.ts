/**
 * Folders by `node:fs`, and local ports by `node:net`.
 *
 * @module
 */

import { once } from "node:events";
import { type AddressInfo, createServer } from "node:net";
import type { LocalSystem } from "../../src/runtime.ts";
import { nodeFolders } from "./node-folders.ts";
import { SocketBytes } from "./socket-bytes.ts";

/** See {@link LocalSystem}. */
export const nodeLocal: LocalSystem = {
  ...nodeFolders,
  async listen({ host, port }, { onConnection, onError }) {
    const server = createServer({ allowHalfOpen: true, noDelay: true });
    server.on("connection", (socket) => onConnection(new SocketBytes(socket)));
    server.listen(port, host);
    await once(server, "listening");
    server.on("error", onError); // Of a connection that could not be accepted.
    return {
      port: (server.address() as AddressInfo).port,
      async close() {
        server.close();
      },
    };
  },
};
