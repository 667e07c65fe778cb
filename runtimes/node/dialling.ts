/**
 * Requests that wait for a connection, and the connections that are being made: those are ended when nobody
 * waits any more. undici would go on with them.
 *
 * @module
 */

import type { Socket } from "node:net";
import type { buildConnector } from "undici";

/** See the module. */
export class Dialling {
  #waiting = 0;
  readonly #sockets = new Set<Socket>();

  /** A request begins to wait. */
  enter(): void {
    this.#waiting += 1;
  }

  /** One that waited has a connection, or failed to get one. */
  leave(): void {
    this.#waiting -= 1;
  }

  /** One that waited does not want a connection any more. */
  giveUp(): void {
    this.leave();
    if (this.#waiting > 0) return;
    for (const socket of this.#sockets) socket.destroy(new Error("Nobody waits for it any more"));
  }

  /** Connects as `connect` does, and knows of it. */
  watched(connect: buildConnector.connector): buildConnector.connector {
    return (target, callback) => {
      const socket = connect(target, (...outcome) => {
        if (isSocket(socket)) this.#sockets.delete(socket);
        callback(...outcome);
      }) as unknown;
      if (isSocket(socket)) this.#sockets.add(socket);
    };
  }
}

/** Typed as nothing, but undici's own connectors give the socket that they connect. */
function isSocket(value: unknown): value is Socket {
  return typeof value === "object" && value !== null && "destroy" in value;
}
