/**
 * A gate in front of a server's TLS: a connection waits ahead of its handshake, and again after it.
 *
 * `SNICallback` and `ALPNCallback` come too late, since the handshake has its certificate by then, and a client need
 * not send a name. What comes before it is the event `connection`, whose first listener is the one by which Node and
 * Deno start TLS. It is taken out and called when the gate opens. What a held connection has sent by then is in its
 * buffer, where TLS looks first.
 *
 * @module
 */

import type { Duplex } from "node:stream";
import { type Server, type TLSSocket, createServer } from "node:tls";
import { ConfigError } from "../../src/errors.ts";

/** Starts TLS on a connection of a server. */
type TlsListener = (this: Server, connection: Duplex) => void;

/** What becomes of a connection whose handshake has ended: `admit` lets the server have it. */
export type OnSecure = (socket: TLSSocket, admit: () => void) => void;

export class TlsGate {
  readonly #server: Server;
  readonly #startTls: TlsListener;
  readonly #onConnection: (connection: Duplex) => void;

  /**
   * @param onConnection Called with each new connection, ahead of its handshake.
   * @throws {ConfigError} if the server has no TLS that could wait.
   */
  constructor(server: Server, onConnection: (connection: Duplex) => void) {
    const startTls = tlsListener();
    if (!isEmitter(server) || startTls === undefined || !hasListener(server, startTls)) {
      throw new ConfigError(
        "Cannot rotate the server: it is not one of node:https, node:tls or node:http2 (createSecureServer), or its certificate rotates already",
      );
    }
    this.#server = server;
    this.#startTls = startTls;
    this.#onConnection = onConnection;
    server.removeListener("connection", startTls);
    server.prependListener("connection", onConnection);
  }

  /** Starts the handshake of a connection. */
  start(connection: Duplex, onSecure: OnSecure): void {
    const server = this.#server;
    // TLS knows its server by what stands here, and emits on it: which connection it was is known by that.
    const view = Object.create(server, {
      emit: {
        value(name: string, ...details: unknown[]): boolean {
          const [socket] = details as [TLSSocket];
          if (name !== "secureConnection") return server.emit(name, ...details);
          const owned = socket as { server?: Server };
          if (owned.server === view) owned.server = server;
          onSecure(socket, () => void server.emit(name, ...details));
          return true;
        },
      },
    }) as Server;
    this.#startTls.call(view, connection);
  }

  /** Takes the gate away: the server starts TLS by itself again. */
  remove(): void {
    this.#server.removeListener("connection", this.#onConnection);
    this.#server.prependListener("connection", this.#startTls);
  }
}

/** The listener that every server of `node:tls` has, and those of `node:https` and `node:http2` by inheritance. */
function tlsListener(): TlsListener | undefined {
  return createServer().listeners("connection")[0] as TlsListener | undefined;
}

function hasListener(server: Server, listener: TlsListener): boolean {
  return server.listeners("connection").includes(listener);
}

function isEmitter(server: unknown): server is Server {
  return typeof server === "object" && server !== null && "listeners" in server;
}
