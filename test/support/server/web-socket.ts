/**
 * The exec subresource: a WebSocket that sends one line of output, then the status, then closes.
 *
 * @module
 */

import { createHash } from "node:crypto";
import { type IncomingMessage, STATUS_CODES } from "node:http";
import type { Duplex } from "node:stream";
import { failureStatus } from "./kubernetes-objects.ts";

const EXEC = /^\/api\/v1\/namespaces\/[^/]+\/pods\/[^/]+\/exec$/;
// RFC 6455, section 1.3.
const HANDSHAKE_GUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
const SUBPROTOCOLS = ["v5.channel.k8s.io", "v4.channel.k8s.io"];
const BINARY_FRAME = 0x82;
const CLOSE_FRAME = 0x88;
const NORMAL_CLOSURE = 1000;
const STDOUT_CHANNEL = 1;
const STATUS_CHANNEL = 3;

/** Whether the path is a pod's exec subresource. */
export function isExecPath(pathname: string): boolean {
  return EXEC.test(pathname);
}

/**
 * Rejects an upgrade with a `Status`.
 *
 * @param socket the client's connection
 * @param message what the status says; the code's phrase by default
 */
export function refuseUpgrade(socket: Duplex, code: number, message?: string): void {
  const phrase = STATUS_CODES[code] ?? "";
  const body = JSON.stringify(failureStatus(code, { message: message ?? phrase }));
  socket.end(
    [
      `HTTP/1.1 ${code} ${phrase}`,
      "Connection: close",
      "Content-Type: application/json",
      `Content-Length: ${Buffer.byteLength(body)}`,
      "",
      body,
    ].join("\r\n"),
  );
}

/**
 * Accepts the upgrade and plays a short exec session.
 *
 * @param request the upgrade request
 * @param socket the client's connection
 */
export function serveExec(request: IncomingMessage, socket: Duplex): void {
  const key = request.headers["sec-websocket-key"];
  const offered = (request.headers["sec-websocket-protocol"] ?? "").split(/\s*,\s*/);
  const subprotocol = SUBPROTOCOLS.find((it) => offered.includes(it));
  if (key === undefined || subprotocol === undefined) {
    return refuseUpgrade(socket, 400);
  }
  const accept = createHash("sha1").update(`${key}${HANDSHAKE_GUID}`).digest("base64");
  socket.write(
    [
      "HTTP/1.1 101 Switching Protocols",
      "Upgrade: websocket",
      "Connection: Upgrade",
      `Sec-WebSocket-Accept: ${accept}`,
      `Sec-WebSocket-Protocol: ${subprotocol}`,
      "\r\n",
    ].join("\r\n"),
  );
  socket.write(channelFrame(STDOUT_CHANNEL, "hello from the container\n"));
  socket.write(channelFrame(STATUS_CHANNEL, '{"metadata":{},"status":"Success"}'));
  socket.write(frame(CLOSE_FRAME, Buffer.from([NORMAL_CLOSURE >> 8, NORMAL_CLOSURE & 0xff])));
  // The client's close frame or its end closes the connection. Anything that it sends before (standard input,
  // resizes) is ignored.
  socket.on("data", (chunk: Buffer) => {
    if (isCloseFrame(chunk)) socket.end();
  });
  socket.on("end", () => socket.end());
}

function channelFrame(channel: number, text: string): Buffer {
  return frame(BINARY_FRAME, Buffer.concat([Buffer.from([channel]), Buffer.from(text)]));
}

function frame(kind: number, payload: Buffer): Buffer {
  // A length over 125 would need the longer header; nothing here is that long.
  return Buffer.concat([Buffer.from([kind, payload.byteLength]), payload]);
}

/** Walks the frames of a chunk; the client's are masked, and short. */
function isCloseFrame(chunk: Buffer): boolean {
  let at = 0;
  while (at + 1 < chunk.byteLength) {
    if (chunk[at] === CLOSE_FRAME) return true;
    at += 2 + 4 + ((chunk[at + 1] ?? 0) & 0x7f);
  }
  return false;
}
