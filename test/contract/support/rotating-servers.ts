/**
 * Servers whose certificates rotate, and clients of theirs.
 *
 * @module
 */

import { spawn } from "node:child_process";
import { once } from "node:events";
import type { IncomingMessage } from "node:http";
import { createServer as createHttps, request } from "node:https";
import { connect as connectHttp2, createSecureServer } from "node:http2";
import type { AddressInfo } from "node:net";
import type { Duplex } from "node:stream";
import {
  type Server,
  type TLSSocket,
  type TlsOptions,
  connect,
  createServer as createTls,
} from "node:tls";
import { fileURLToPath } from "node:url";
import { expect, onTestFinished, test } from "vitest";
import { nodeFiles } from "../../../runtimes/_shared/node-files.ts";
import { checkCertificate } from "../../../runtimes/_shared/openssl-anchors.ts";
import { rotateServer } from "../../../runtimes/server.ts";
import type { RotateServerOptions } from "../../../runtimes/server/rotating-server.ts";
import { checkServerOptions } from "../../../runtimes/server/server-options.ts";
import { ServerRotation } from "../../../runtimes/server/server-rotation.ts";
import type { ReanchorEvent } from "../../../src/index.ts";
import { systemClock } from "../../../src/runtime.ts";
import type { SourceHost } from "../../../src/sources/source.ts";
import type { ManualClock } from "../../../src/testing/manual-clock.ts";
import type { IssuedCertificate } from "../../support/pki.ts";
import { traits } from "./traits.ts";
import { rejection } from "./scene.ts";

/** Whose server it is. */
export type ServerKind = "https" | "tls" | "http2";

/** All of them. */
export const serverKinds: readonly ServerKind[] = ["https", "tls", "http2"];

/** What an answer says. */
export interface Answer {
  /** The common name of the server's certificate. */
  readonly server: string;
  /** The common name of the client's, as the server has it; empty if it has none. */
  readonly client: string;
  readonly authorized: boolean;
}

/** A test of a server that rotates. On Bun, which has none, it asserts that. */
export function serverTest(name: string, body: () => Promise<void>): void {
  test(name, async () => {
    if (traits.rotatesServers) {
      await body();
      return;
    }
    const error = await rejection(rotateServer(createTls(), {} as RotateServerOptions));
    expect(error).toMatchObject({ name: "ConfigError" });
    expect(String(error)).toMatch(/reanchor\/server on Bun: .*run the server on Node or Deno/);
  });
}

/** What sources need, by a clock. */
export function hostOf(clock: ManualClock): SourceHost {
  return { clock, files: nodeFiles, checkCertificate, capabilities: { sharedReads: true } };
}

/** A server that rotates, and listens. */
export interface RotatingScene {
  readonly kind: ServerKind;
  readonly server: Server;
  readonly rotation: ServerRotation;
  readonly port: number;
  readonly events: ReanchorEvent[];
  /** Its connections whose handshake has ended. */
  readonly sockets: TLSSocket[];
  /** Whether the last of them has resumed a session. */
  isResumed(): boolean;
  /** Lets an answer to `/held` go on. */
  release(): void;
}

/** How a scene differs from a plain one. */
export interface SceneOptions extends RotateServerOptions {
  readonly kind?: ServerKind;
  readonly tls?: TlsOptions;
  readonly clock?: ManualClock;
}

/** Makes a server that answers with whom it sees, and does not rotate yet. */
export function createPlainServer(
  kind: ServerKind,
  tls: TlsOptions = {},
  held: Promise<void> = Promise.resolve(),
): Server {
  const seen = (socket: TLSSocket): string => {
    const client = socket.getPeerCertificate()?.subject?.CN ?? "";
    return JSON.stringify({ client, authorized: socket.authorized });
  };
  switch (kind) {
    case "tls":
      return createTls(tls, (socket) => {
        socket.on("error", () => {});
        socket.write(`${seen(socket)}\n`);
        socket.on("data", (chunk) => socket.write(chunk));
      });
    case "https":
      return createHttps(tls, (asked, response) => {
        response.write(`${seen(asked.socket as TLSSocket)}\n`);
        if (asked.url === "/held") void held.then(() => response.end("held"));
        else response.end();
      });
    case "http2": {
      const server = createSecureServer(tls);
      server.on("stream", (stream, headers) => {
        stream.on("error", () => {});
        stream.respond({ ":status": 200 });
        stream.write(`${seen(stream.session?.socket as TLSSocket)}\n`);
        if (headers[":path"] === "/held") void held.then(() => stream.end("held"));
        else stream.end();
      });
      return server;
    }
  }
}

/** Starts a server that rotates; all of it is closed when the test ends. */
export async function startRotating({
  kind = "https",
  tls,
  clock,
  ...options
}: SceneOptions): Promise<RotatingScene> {
  const { promise: held, resolve: release } = Promise.withResolvers<void>();
  const events: ReanchorEvent[] = [];
  const server = createPlainServer(kind, tls, held);
  const sockets: TLSSocket[] = [];
  let resumed = false;
  server.on("secureConnection", (socket) => {
    sockets.push(socket);
    resumed = socket.isSessionReused();
  });
  server.on("tlsClientError", () => {});
  const port = await listen(server);
  const rotation = await new ServerRotation({
    server,
    clock: clock ?? systemClock,
    ...checkServerOptions({ onEvent: (event) => void events.push(event), ...options }),
  }).start();
  onTestFinished(() => rotation.close());
  const isResumed = (): boolean => resumed;
  return { kind, server, rotation, port, events, sockets, isResumed, release };
}

/** Listens until the test ends. */
export async function listen(server: Server): Promise<number> {
  const open = new Set<Duplex>();
  server.on("connection", (socket: Duplex) => {
    open.add(socket);
    socket.once("close", () => open.delete(socket));
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  onTestFinished(() => {
    server.close();
    for (const socket of open) socket.destroy();
  });
  return (server.address() as AddressInfo).port;
}

/** A client's connection that stays open. */
export interface OpenClient {
  /** Asks on it again: whether it is answered. */
  ask(): Promise<Answer>;
  /** Begins a request whose answer does not end before it is released; resolves once it has begun. */
  hold(): Promise<{ readonly ended: Promise<string> }>;
  /** Whether it is closed. */
  readonly closed: boolean;
  close(): void;
}

function clientOptions(port: number, pair: IssuedCertificate | undefined) {
  return {
    host: "127.0.0.1",
    port,
    rejectUnauthorized: false,
    ...(pair && { cert: pair.cert, key: pair.key }),
  };
}

/** Asks once, on a connection of its own. */
export async function ask(
  { kind, port }: Pick<RotatingScene, "kind" | "port">,
  pair?: IssuedCertificate,
): Promise<Answer> {
  const client = await openClient({ kind, port }, pair);
  try {
    return await client.ask();
  } finally {
    client.close();
  }
}

/** Connects, and asks once. */
export async function openClient(
  { kind, port }: Pick<RotatingScene, "kind" | "port">,
  pair?: IssuedCertificate,
): Promise<OpenClient> {
  const options = clientOptions(port, pair);
  const socket = connect({
    ...options,
    ALPNProtocols: [kind === "http2" ? "h2" : "http/1.1"],
  });
  const failed = new Promise<never>((_, reject) => {
    socket.once("error", reject);
    socket.once("close", () => reject(new Error("the connection was closed")));
  });
  failed.catch(() => {});
  socket.on("error", () => {});
  onTestFinished(() => void socket.destroy());
  await Promise.race([once(socket, "secureConnect"), failed]);
  const server = socket.getPeerCertificate()?.subject?.CN as string;
  const base = {
    get closed() {
      return socket.destroyed || socket.readableEnded;
    },
    close: () => void socket.destroy(),
  };

  function answer(line: string): Answer {
    return { server, ...(JSON.parse(line) as Omit<Answer, "server">) };
  }

  switch (kind) {
    case "tls": {
      const lines = readLines(socket);
      const first = await Promise.race([lines(), failed]);
      return {
        ...base,
        get closed() {
          return base.closed;
        },
        async ask() {
          socket.write("again\n");
          await Promise.race([lines(), failed]);
          return answer(first);
        },
        async hold() {
          return { ended: once(socket, "close").then(() => "") };
        },
      };
    }
    case "https": {
      const exchange = async (path: string): Promise<IncomingMessage> => {
        const asked = request({
          ...options,
          path,
          headers: { connection: "keep-alive" },
          createConnection: () => socket,
        } as object);
        asked.end();
        const responded = once(asked, "response") as Promise<[IncomingMessage]>;
        const [response] = await Promise.race([responded, failed]);
        return response;
      };
      return {
        ...base,
        get closed() {
          return base.closed;
        },
        async ask() {
          return answer(await text(await exchange("/")));
        },
        async hold() {
          const response = await exchange("/held");
          return { ended: text(response) };
        },
      };
    }
    case "http2": {
      const session = connectHttp2(`https://127.0.0.1:${port}`, {
        createConnection: () => socket,
      });
      session.on("error", () => {});
      const exchange = async (path: string) => {
        const stream = session.request({ ":path": path });
        stream.on("error", () => {});
        await Promise.race([once(stream, "response"), failed]);
        return stream;
      };
      return {
        ...base,
        get closed() {
          return base.closed || session.closed;
        },
        async ask() {
          return answer(await Promise.race([text(await exchange("/")), failed]));
        },
        async hold() {
          const stream = await exchange("/held");
          return { ended: text(stream) };
        },
        close: () => session.destroy(),
      };
    }
  }
}

async function text(stream: AsyncIterable<unknown>): Promise<string> {
  let all = "";
  for await (const chunk of stream) all += String(chunk);
  return all;
}

function readLines(socket: TLSSocket): () => Promise<string> {
  let buffered = "";
  const waiting: ((line: string) => void)[] = [];
  const lines: string[] = [];
  socket.on("data", (chunk: Uint8Array) => {
    buffered += new TextDecoder().decode(chunk);
    for (let end = buffered.indexOf("\n"); end >= 0; end = buffered.indexOf("\n")) {
      const line = buffered.slice(0, end);
      buffered = buffered.slice(end + 1);
      const next = waiting.shift();
      if (next === undefined) lines.push(line);
      else next(line);
    }
  });
  return () => {
    const line = lines.shift();
    if (line !== undefined) return Promise.resolve(line);
    return new Promise((resolve) => void waiting.push(resolve));
  };
}

/** What a connection of {@link askByNode} came to. */
export interface NodeAnswer {
  readonly received: string;
  /** To be offered again. */
  readonly session?: string;
}

/** Who connects, and the session that is offered again. */
export interface NodeIdentity extends IssuedCertificate {
  readonly session?: string | undefined;
}

/** Connects once by Node's own client, which can resume sessions on every lane. */
export async function askByNode(
  port: number,
  version: "TLSv1.2" | "TLSv1.3",
  { cert, key, session }: NodeIdentity,
): Promise<NodeAnswer> {
  const program = fileURLToPath(new URL("./programs/tls-client.mjs", import.meta.url));
  const node = fileURLToPath(new URL("../../../node_modules/.bin/node", import.meta.url));
  const child = spawn(node, [program, JSON.stringify({ port, version, cert, key, session })], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  onTestFinished(() => void child.kill("SIGKILL"));
  return JSON.parse(await text(child.stdout)) as NodeAnswer;
}
