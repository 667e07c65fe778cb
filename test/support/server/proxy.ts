/**
 * A forward proxy: HTTP `CONNECT`, plain or over TLS, or SOCKS5.
 *
 * @module
 */

import { once } from "node:events";
import { createServer as createHttpServer } from "node:http";
import { createServer as createHttpsServer } from "node:https";
import { type AddressInfo, type Server, type Socket, connect, createServer } from "node:net";
import { createServer as createTlsServer } from "node:tls";
import type { Duplex } from "node:stream";
import type { ProxyOptions, ProxyStats } from "./protocol.ts";

/** A listening proxy. */
export interface Proxy {
  readonly port: number;
  stats(): ProxyStats;
  close(): Promise<void>;
}

/**
 * Opens a proxy on a free port of 127.0.0.1. It connects every name to 127.0.0.1, because the names in tests
 * do not exist.
 *
 * @returns the proxy, listening
 */
export async function openProxy(options: ProxyOptions): Promise<Proxy> {
  const sockets = new Set<Duplex>();
  const targets: string[] = [];
  let refused = 0;

  function keep(socket: Duplex): void {
    sockets.add(socket);
    socket.on("error", () => socket.destroy());
    socket.on("close", () => sockets.delete(socket));
  }

  function join(target: string, client: Duplex, accepted: Uint8Array | string): void {
    targets.push(target);
    const server = connect(Number(target.slice(target.lastIndexOf(":") + 1)), "127.0.0.1");
    keep(server);
    server.once("connect", () => {
      client.write(accepted);
      client.pipe(server).pipe(client);
    });
    client.once("close", () => server.destroy());
    server.once("close", () => client.destroy());
  }

  function listenForHttp(): Server {
    const { cert, key } = options;
    const server =
      cert === undefined || key === undefined
        ? createHttpServer()
        : createHttpsServer({ cert, key });
    const expected =
      options.credentials && `Basic ${Buffer.from(options.credentials).toString("base64")}`;
    server.on("connect", (request, socket: Duplex) => {
      keep(socket);
      if (expected !== undefined && request.headers["proxy-authorization"] !== expected) {
        refused += 1;
        socket.end("HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n");
        return;
      }
      join(request.url ?? "", socket, "HTTP/1.1 200 Connection established\r\n\r\n");
    });
    return server;
  }

  function listenForSocks(): Server {
    return createServer((socket) => {
      keep(socket);
      serveSocks(socket).catch(() => socket.destroy());
    });
  }

  function listenFaultily(fault: NonNullable<ProxyOptions["fault"]>): Server {
    const { cert, key, scheme } = options;
    const greet = (socket: Socket): void => {
      keep(socket);
      // SOCKS rejects a target after the credentials.
      if (fault === "rejects" && scheme === "socks5") {
        serveSocks(socket, 2).catch(() => socket.destroy());
        return;
      }
      socket.once("data", (request: Buffer) => {
        if (fault === "closes") socket.destroy();
        else if (fault === "garbage") socket.end("what do you mean?\r\n\r\n");
        else if (fault === "echo") socket.end(request);
        else
          socket.end(`HTTP/1.1 502 ${request.toString("latin1").replaceAll("\r\n", " ")}\r\n\r\n`);
      });
    };
    return cert === undefined || key === undefined
      ? createServer(greet)
      : createTlsServer({ cert, key }, greet);
  }

  /** RFC 1928, and RFC 1929 for the credentials. */
  async function serveSocks(socket: Socket, refusal = 0): Promise<void> {
    const [, methods = 0] = await take(socket, 2);
    await take(socket, methods);
    socket.write(Uint8Array.of(5, options.credentials === undefined ? 0 : 2));
    if (options.credentials !== undefined) {
      const [, userLength = 0] = await take(socket, 2);
      const user = await take(socket, userLength);
      const [passwordLength = 0] = await take(socket, 1);
      const password = await take(socket, passwordLength);
      const isRight = `${user.toString()}:${password.toString()}` === options.credentials;
      socket.write(Uint8Array.of(1, isRight ? 0 : 1));
      if (!isRight) {
        refused += 1;
        socket.end();
        return;
      }
    }
    const [, , , kind] = await take(socket, 4);
    const length = kind === 3 ? ((await take(socket, 1))[0] ?? 0) : kind === 4 ? 16 : 4;
    const host = await take(socket, length);
    const port = (await take(socket, 2)).readUInt16BE();
    if (refusal > 0) return void socket.end(Uint8Array.of(5, refusal, 0, 1, 0, 0, 0, 0, 0, 0));
    const name = kind === 3 ? host.toString() : [...host].join(".");
    join(`${name}:${port}`, socket, Uint8Array.of(5, 0, 0, 1, 0, 0, 0, 0, 0, 0));
  }

  const server = listen();
  server.listen(0, "127.0.0.1");
  await once(server, "listening");

  function listen(): Server {
    if (options.fault !== undefined) return listenFaultily(options.fault);
    return options.scheme === "socks5" ? listenForSocks() : listenForHttp();
  }

  async function close(): Promise<void> {
    const closed = once(server, "close");
    server.close();
    for (const socket of sockets) socket.destroy();
    if ("closeAllConnections" in server) (server.closeAllConnections as () => void)();
    await closed;
  }

  const { port } = server.address() as AddressInfo;
  return { port, stats: () => ({ targets, refused, open: sockets.size }), close };
}

async function take(socket: Socket, length: number): Promise<Buffer> {
  for (;;) {
    const chunk = (length === 0 ? Buffer.alloc(0) : socket.read(length)) as Buffer | null;
    if (chunk !== null) return chunk;
    await once(socket, "readable");
  }
}
