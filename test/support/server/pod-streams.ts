/**
 * Streams into pods, as an API server has them: `exec` plays commands by their names, `attach` echoes, and
 * `portforward` echoes by either protocol.
 *
 * @module
 */

import { spawn } from "node:child_process";
import type { IncomingMessage } from "node:http";
import type { Socket } from "node:net";
import type { Duplex } from "node:stream";
import { type RawData, type WebSocket, WebSocketServer } from "ws";
import type { Gates } from "./gates.ts";
import { failureStatus } from "./kubernetes-objects.ts";
import { echoChannels, echoSpdy } from "./port-forward.ts";
import { refuseUpgrade } from "./web-socket.ts";

const STREAM = /^\/api\/v1\/namespaces\/[^/]+\/pods\/([^/]+)\/(exec|attach|portforward)$/;
const STDIN = 0;
const STDOUT = 1;
const STDERR = 2;
const STATUS = 3;
const CLOSE = 255;
const PIECE = 32 * 1024;

/** What a session needs of its server. */
export interface PodStreamsState {
  readonly gates: Gates;
  /** The connection below TLS. */
  readonly tcp: Socket;
  /** Called with the number of bytes of a flood that the client has received. */
  onStreamed(bytes: number): void;
  /** Called for each forwarded connection. */
  onForwarded(): void;
}

const sockets = new WebSocketServer({
  noServer: true,
  perMessageDeflate: false,
  // The newest protocol that is offered, unless the pod plays an old server.
  handleProtocols(offered, request) {
    const isOld = /\/pods\/old\//.test(request.url ?? "");
    const known = isOld
      ? ["v4.channel.k8s.io"]
      : ["SPDY|3.1+portforward.k8s.io", "v5.channel.k8s.io", "v4.channel.k8s.io"];
    return known.find((protocol) => offered.has(protocol)) ?? false;
  },
});

// `ws` accepts only tokens, as RFC 6455 requires. API servers use other names too.
sockets.on("headers", (headers) => {
  const at = headers.findIndex((line) => line.startsWith("Sec-WebSocket-Protocol"));
  if (at >= 0) headers[at] = headers[at]?.replace("SPDY|", "SPDY/") ?? "";
});

/** Whether the path is a stream that is played here: of a pod, with one of the known commands. */
export function isPodStream(url: URL): boolean {
  const [, , subresource] = STREAM.exec(url.pathname) ?? [];
  if (subresource === undefined) return false;
  return subresource !== "exec" || commandOf(url) in commands;
}

/** Answers an upgrade that has been authenticated. */
export async function servePodStream(
  request: IncomingMessage,
  { socket, head }: { readonly socket: Duplex; readonly head: Buffer },
  state: PodStreamsState,
): Promise<void> {
  const url = new URL(request.url ?? "/", "https://server.invalid");
  const [, pod = "", subresource] = STREAM.exec(url.pathname) ?? [];
  if (pod === "forbidden") return refuseUpgrade(socket, 403, 'pods "web" is Forbidden');
  if (pod === "missing") return refuseUpgrade(socket, 404, 'pods "web" is Not Found');
  if (pod === "held") await state.gates.wait("before-101", goneOf(socket));
  if (pod === "lost") return void socket.destroy();
  const offered = request.headers["sec-websocket-protocol"] ?? "";
  request.headers["sec-websocket-protocol"] = offered.replace("SPDY/", "SPDY|");
  sockets.handleUpgrade(request, socket, head, (webSocket) => {
    webSocket.on("error", () => {});
    if (subresource === "portforward") {
      const port = Number(url.searchParams.get("ports"));
      if (webSocket.protocol.startsWith("SPDY")) echoSpdy(webSocket, state.onForwarded);
      else echoChannels(webSocket, port);
      return;
    }
    const command = subresource === "attach" ? "cat" : commandOf(url);
    const session = { webSocket, url, state, raw: socket as Socket };
    commands[command]?.(session)?.catch(() => {}); // The client has left.
  });
}

interface Session {
  readonly webSocket: WebSocket;
  readonly url: URL;
  readonly state: PodStreamsState;
  readonly raw: Socket;
}

type Command = (session: Session) => Promise<void> | undefined;

const commands: Record<string, Command> = {
  /** Echoes standard input to its end. */
  cat({ webSocket, raw }) {
    webSocket.on("message", (data) => {
      const message = toBytes(data);
      const [channel] = message;
      if (channel === CLOSE && message[1] === STDIN) return end(webSocket);
      if (channel !== STDIN || message.length === 1) return;
      webSocket.send(onChannel(STDOUT, message.subarray(1)));
      if (webSocket.bufferedAmount < 1_000_000) return;
      raw.pause();
      raw.once("drain", () => raw.resume());
    });
    return undefined;
  },
  /** Ends with an exit code, after a word on each stream. */
  exit({ webSocket, url }) {
    webSocket.send(onChannel(STDOUT, Buffer.from("out\n")));
    webSocket.send(onChannel(STDERR, Buffer.from("err\n")));
    end(webSocket, Number(url.searchParams.getAll("command")[1]));
    return undefined;
  },
  /** Echoes five bytes, then ends without reading the rest, so that the connection is reset. */
  head({ webSocket, raw }) {
    webSocket.once("message", (data) => {
      raw.pause();
      webSocket.send(onChannel(STDOUT, toBytes(data).subarray(1, 6)));
      end(webSocket);
      setImmediate(() => raw.destroySoon());
    });
    return undefined;
  },
  /**
   * Writes 40 KiB, which a client's kernel always takes, and ends with exit code 7, without reading all of its input.
   * Then it resets the connection, or closes it. With unread input, the kernel resets the connection then too.
   */
  async leave({ webSocket, raw, url, state }) {
    await new Promise((resolve) => void webSocket.once("message", resolve));
    raw.pause();
    await send(webSocket, onChannel(STDERR, Buffer.from("err\n")));
    await send(webSocket, onChannel(STDOUT, Buffer.alloc(40 * 1024, "x")));
    await send(webSocket, exitStatus(7));
    if (url.searchParams.getAll("command")[1] === "reset") state.tcp.resetAndDestroy();
    else state.tcp.destroy();
  },
  /** Writes as much as the client receives, at most 1 GiB. */
  async flood({ webSocket, state }) {
    const piece = onChannel(STDOUT, Buffer.alloc(PIECE, "x"));
    for (let sent = 0; sent < 1024 ** 3 && webSocket.readyState === webSocket.OPEN; sent += PIECE) {
      await send(webSocket, piece);
      state.onStreamed(PIECE);
    }
    end(webSocket);
  },
  /** Writes this many bytes to standard error only, then ends. */
  async complain({ webSocket, url }) {
    const size = Number(url.searchParams.getAll("command")[1]);
    for (let sent = 0; sent < size; sent += PIECE) {
      await send(webSocket, onChannel(STDERR, Buffer.alloc(Math.min(PIECE, size - sent), "e")));
    }
    end(webSocket);
  },
  /** Does not read its input until a gate opens. */
  async ignore({ webSocket, raw, state }) {
    raw.pause();
    await state.gates.wait("ignore", goneOf(raw));
    raw.resume();
    void commands["cat"]?.({ webSocket, raw, state, url: new URL("https://server.invalid") });
  },
  /** Writes, and then drops the connection. */
  cut({ webSocket, raw }) {
    webSocket.send(onChannel(STDOUT, Buffer.from("half")), () => raw.destroySoon());
    return undefined;
  },
  /** Waits for a gate. */
  async wait({ webSocket, raw, state }) {
    webSocket.send(onChannel(STDOUT, Buffer.from("waiting\n")));
    await state.gates.wait("wait", goneOf(raw));
    end(webSocket);
  },
  /** Could not be started. */
  nothing({ webSocket }) {
    const status = failureStatus(500, { reason: "InternalError", message: "no such program" });
    webSocket.send(onChannel(STATUS, Buffer.from(JSON.stringify(status))));
    webSocket.close(1000);
    return undefined;
  },
  /**
   * The real `tar`. In the pod `hostile`, it sends the archive that is stored instead of what it should read.
   * In the pod `endless`, it does not end after that. In the pod `hasty`, it reports success without reading on.
   */
  tar(session) {
    const { webSocket, url } = session;
    if (url.pathname.includes("/pods/hasty/")) return commands["head"]?.(session);
    const args = url.searchParams.getAll("command").slice(1);
    const [, pod] = /\/pods\/(hostile|endless)\//.exec(url.pathname) ?? [];
    const archive = `${args[3] ?? ""}/${args[5] ?? ""}`;
    const sendArchive = pod === "endless" ? 'cat "$0" && exec sleep 3600' : 'exec cat "$0"';
    const program =
      pod === undefined ? spawn("tar", args) : spawn("sh", ["-c", sendArchive, archive]);
    webSocket.on("close", () => program.kill());
    program.stdin.on("error", () => {});
    webSocket.on("message", (data) => {
      const message = toBytes(data);
      if (message[0] === CLOSE) program.stdin.end();
      else if (message[0] === STDIN) program.stdin.write(message.subarray(1));
    });
    for (const [channel, stream] of [
      [STDOUT, program.stdout],
      [STDERR, program.stderr],
    ] as const) {
      stream.on("data", (data: Buffer) => webSocket.send(onChannel(channel, data)));
    }
    program.on("close", (code) => end(webSocket, code ?? 1));
    return undefined;
  },
  /** Reports the size of its terminal. */
  terminal({ webSocket }) {
    webSocket.on("message", (data) => {
      const message = toBytes(data);
      if (message[0] !== 4) return;
      webSocket.send(onChannel(STDOUT, message.subarray(1)));
      end(webSocket);
    });
    return undefined;
  },
};

function commandOf(url: URL): string {
  return url.searchParams.get("command") ?? "";
}

function end(webSocket: WebSocket, code = 0): void {
  webSocket.send(exitStatus(code));
  webSocket.close(1000);
}

function exitStatus(code: number): Buffer {
  const status =
    code === 0
      ? { metadata: {}, status: "Success" }
      : {
          metadata: {},
          status: "Failure",
          reason: "NonZeroExitCode",
          details: { causes: [{ reason: "ExitCode", message: String(code) }] },
        };
  return onChannel(STATUS, Buffer.from(JSON.stringify(status)));
}

function send(webSocket: WebSocket, message: Buffer): Promise<void> {
  return new Promise((resolve, reject) => {
    webSocket.send(message, (error) => {
      if (error) reject(error);
      else resolve();
    });
  });
}

function onChannel(channel: number, data: Uint8Array): Buffer {
  return Buffer.concat([Buffer.from([channel]), data]);
}

function toBytes(data: RawData): Buffer {
  return Array.isArray(data) ? Buffer.concat(data) : Buffer.from(data as Buffer);
}

function goneOf(socket: Duplex): AbortSignal {
  const gone = new AbortController();
  socket.once("close", () => gone.abort());
  return gone.signal;
}
