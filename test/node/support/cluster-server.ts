/**
 * An API server with everything that client-node requests: lists, watches, logs, metrics, and the WebSockets
 * of exec, attach and port-forward. It runs in the test's own process.
 *
 * @module
 */

import { execFileSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import type { IncomingMessage, ServerResponse } from "node:http";
import { createServer } from "node:https";
import type { AddressInfo } from "node:net";
import type { Duplex } from "node:stream";
import { setTimeout as delay } from "node:timers/promises";
import { text } from "node:stream/consumers";
import { onTestFinished } from "vitest";
import { type WebSocket, WebSocketServer } from "ws";
import type { IssuedCertificate } from "../../support/pki.ts";

/** How to start a server. */
export interface ClusterServerOptions extends IssuedCertificate {
  /** The token. A request without it gets a 401. */
  readonly token: string;
  /** The folder that `tar` archives in exec. */
  readonly files?: string;
}

/** A server that a test started. */
export interface ClusterServer {
  readonly origin: string;
  readonly port: number;
  /** What it has counted since it started or since the last rotation. */
  readonly stats: { handshakes: number; requests: number; resumed: number };
  /** Connections that are open now. */
  readonly open: number;
  /** What exec has read from standard input, by channel. */
  readonly received: Buffer[];
  /** Replaces the certificate and restarts: no connection and no session survives. */
  rotate(change: Partial<ClusterServerOptions>): Promise<void>;
  /** Destroys the connections of the next requests once they have arrived. */
  dropAtNextRequest(count: number): void;
  /** Destroys every connection, and resolves when the clients have noticed. */
  drop(): Promise<void>;
}

const namespace = { metadata: { name: "default", resourceVersion: "1" } };
const modified = { metadata: { name: "default", resourceVersion: "2" } };
const list = { apiVersion: "v1", kind: "NamespaceList", metadata: { resourceVersion: "1" } };
const ready = { conditions: [{ type: "Ready", status: "True" }] };
const pod = {
  metadata: { name: "web", namespace: "default" },
  spec: { containers: [{ name: "web" }] },
  status: ready,
};
const selector = { app: "web" };

/** The responses by path. Any other path is a 404. */
const objects: Readonly<Record<string, unknown>> = {
  "/api/v1": { resources: [{ name: "namespaces", kind: "Namespace", namespaced: false }] },
  "/api/v1/namespaces": { ...list, items: [namespace] },
  "/api/v1/namespaces/default": { apiVersion: "v1", kind: "Namespace", ...namespace },
  "/api/v1/namespaces/default/services/web": { metadata: { name: "web" }, spec: { selector } },
  "/apis/apps/v1/namespaces/default/deployments/web": {
    metadata: { name: "web" },
    spec: { selector: { matchLabels: selector }, template: {} },
  },
  "/api/v1/namespaces/default/pods": { items: [pod] },
  "/api/v1/pods": { items: [pod] },
  "/api/v1/nodes": { items: [{ metadata: { name: "node" }, status: { allocatable: {} } }] },
  "/apis/metrics.k8s.io/v1beta1/nodes": { items: [{ metadata: { name: "node" }, usage: {} }] },
  "/apis/metrics.k8s.io/v1beta1/pods": { items: [] },
  "/readyz": "ok",
  "/livez": "ok",
};

/** Starts a server, which is closed when the test ends. */
export async function startClusterServer(options: ClusterServerOptions): Promise<ClusterServer> {
  let { cert, key, token } = options;
  let stats = { handshakes: 0, requests: 0, resumed: 0 };
  const sockets = new Set<Duplex>();
  const received: Buffer[] = [];
  let toDrop = 0;

  function isAuthorized({ headers }: IncomingMessage): boolean {
    stats.requests += 1;
    return headers.authorization === `Bearer ${token}`;
  }

  const server = createServer({ cert, key, keepAliveTimeout: 3_600_000 }, (request, response) => {
    const isKnown = isAuthorized(request);
    if (toDrop > 0) {
      toDrop -= 1;
      request.socket.destroy();
    } else if (isKnown) void answer(request, response);
    else response.writeHead(401, { "Content-Type": "application/json" }).end("{}");
  });
  server.on("connection", (socket) => {
    sockets.add(socket);
    socket.on("close", () => sockets.delete(socket));
    socket.on("error", () => {});
  });
  server.on("secureConnection", (socket) => {
    stats.handshakes += 1;
    if (socket.isSessionReused()) stats.resumed += 1;
    socket.on("error", () => {});
  });

  const webSockets = new WebSocketServer({ noServer: true });
  server.on("upgrade", (request, socket, head) => {
    if (isAuthorized(request)) {
      webSockets.handleUpgrade(request, socket, head, (client) => {
        converse(client, request.url ?? "", { received, files: options.files });
      });
    } else {
      socket.end("HTTP/1.1 401 Unauthorized\r\n\r\n");
    }
  });

  async function drop(): Promise<void> {
    const closed = Array.from(sockets, (socket) => once(socket, "close"));
    for (const socket of sockets) socket.destroy();
    await Promise.all(closed);
    await delay(20);
  }

  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  onTestFinished(async () => {
    server.close();
    await drop();
  });
  return {
    origin: `https://127.0.0.1:${port}`,
    port,
    get stats() {
      return stats;
    },
    get open() {
      return sockets.size;
    },
    received,
    drop,
    dropAtNextRequest(count) {
      toDrop = count;
    },
    async rotate(change) {
      ({ cert, key, token } = { cert, key, token, ...change });
      server.setSecureContext({ cert, key });
      server.setTicketKeys(randomBytes(48));
      await drop();
      stats = { handshakes: 0, requests: 0, resumed: 0 };
    },
  };
}

async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const { pathname, searchParams } = new URL(request.url ?? "/", "https://server.invalid");
  if (pathname.endsWith("/log")) {
    response.end("a line of the log\n");
  } else if (searchParams.get("watch") === "true") {
    response.writeHead(200, { "Content-Type": "application/json" });
    response.write(`${JSON.stringify({ type: "MODIFIED", object: modified })}\n`);
  } else if (request.method === "POST") {
    response.writeHead(201, { "Content-Type": "application/json" }).end(await text(request));
  } else {
    const body = objects[pathname];
    response.writeHead(body === undefined ? 404 : 200, { "Content-Type": "application/json" });
    response.end(JSON.stringify(body ?? {}));
  }
}

/** Plays the pod's end of exec, attach or port-forward. */
function converse(
  client: WebSocket,
  url: string,
  { received, files }: { readonly received: Buffer[]; readonly files: string | undefined },
): void {
  const { pathname, searchParams } = new URL(url, "https://server.invalid");
  const send = (channel: number, data: Buffer | string): void =>
    client.send(Buffer.concat([Buffer.from([channel]), Buffer.from(data)]));
  const succeed = (): void => send(3, JSON.stringify({ metadata: {}, status: "Success" }));
  client.on("message", (data: Buffer) => {
    received.push(data);
    // Standard input has ended (channel 255 names the stream).
    if (data[0] === 255) succeed();
  });
  if (pathname.endsWith("/portforward")) {
    send(0, Buffer.from([80, 0]));
    send(1, Buffer.from([80, 0]));
    send(0, "from the port");
  } else if (pathname.endsWith("/attach")) {
    send(1, "from the container");
  } else if (searchParams.getAll("command")[0] !== "tar") {
    send(1, "from the command");
    succeed();
  } else if (searchParams.getAll("command")[1] === "cf") {
    send(1, execFileSync("tar", ["cf", "-", "-C", files ?? ".", "."]));
    succeed();
  }
}
