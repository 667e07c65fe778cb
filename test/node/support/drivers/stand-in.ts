/**
 * A loopback server that implements as much of a protocol over TLS as a driver needs, and whose certificate
 * can be replaced.
 *
 * @module
 */

import { once } from "node:events";
import { type AddressInfo, type Socket, createServer } from "node:net";
import { type SecureContext, TLSSocket, createSecureContext } from "node:tls";
import { onTestFinished } from "vitest";
import { until } from "../../../contract/support/scene.ts";
import type { IssuedCertificate } from "../../../support/pki.ts";
import type { RotatingServer } from "../rotate-under-load.ts";

/** A server that a driver connects to. */
export interface DriverServer extends RotatingServer {
  readonly port: number;
  /** How many TLS connections it has accepted. */
  connections(): number;
}

/** A server of the tests' own. */
export interface StandIn extends DriverServer {
  /** How many connections are open. */
  open(): number;
}

/** Starts a server, which is closed when the test ends. */
export type Start = (issued: IssuedCertificate) => Promise<DriverServer>;

/** The protocol. */
export interface Protocol {
  /** The part of the protocol before TLS. */
  begin?(socket: Socket): Promise<void>;
  /** The part of the protocol over TLS. */
  serve(socket: TLSSocket): void;
}

/** Starts a stand-in, which is closed when the test ends. */
export async function startStandIn(
  issued: IssuedCertificate,
  { begin = async () => {}, serve }: Protocol,
): Promise<StandIn> {
  let context: SecureContext = createSecureContext(issued);
  let accepted = 0;
  const open = new Set<Socket>();
  const server = createServer((socket) => {
    open.add(socket);
    socket.on("error", () => {}).once("close", () => open.delete(socket));
    begin(socket).then(
      () => {
        const secured = new TLSSocket(socket, { isServer: true, secureContext: context });
        secured.on("error", () => socket.destroy());
        secured.once("secure", () => void (accepted += 1));
        serve(secured);
      },
      () => socket.destroy(),
    );
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  async function dropConnections(): Promise<void> {
    for (const socket of open) socket.destroy();
    await until("they are gone", () => open.size === 0);
  }
  onTestFinished(async () => {
    server.close();
    await dropConnections();
  });
  return {
    port: (server.address() as AddressInfo).port,
    connections: () => accepted,
    open: () => open.size,
    async swap(next) {
      context = createSecureContext(next);
    },
    dropConnections,
  };
}
