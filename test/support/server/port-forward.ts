/**
 * The two protocols of port-forwarding, as a pod's port that echoes has them. Port 1 rejects, and port 2 ends at
 * once.
 *
 * @module
 */

import type { RawData, WebSocket } from "ws";

const SYN_STREAM = 1;
const RST_STREAM = 3;
const PING = 6;
const FIN = 1;
const PIECE = Buffer.alloc(32 * 1024, "x");
const REFUSED = "error forwarding port 1: connection refused";

/** `v4.channel.k8s.io`. */
export function echoChannels(webSocket: WebSocket, port: number): void {
  const announced = Buffer.from([port & 0xff, port >> 8]);
  for (const channel of [0, 1]) webSocket.send(Buffer.concat([Buffer.from([channel]), announced]));
  if (port === 1) {
    webSocket.send(Buffer.concat([Buffer.from([1]), Buffer.from(REFUSED)]));
    return webSocket.close(1000);
  }
  if (port === 2) return webSocket.close(1000);
  webSocket.on("message", (data) => webSocket.send(toBytes(data)));
}

/**
 * `SPDY/3.1+portforward.k8s.io`, with any number of connections. Port 3 sends without end, even if nobody
 * reads.
 */
export function echoSpdy(webSocket: WebSocket, onOpened: () => void): void {
  let pending = Buffer.alloc(0);
  /** The ports by the ids of their data streams. */
  const ports = new Map<number, number>();
  webSocket.on("message", (data) => {
    pending = Buffer.concat([pending, toBytes(data)]);
    while (pending.length >= 8) {
      const length = pending.readUIntBE(5, 3);
      if (pending.length < 8 + length) return;
      const frame = pending.subarray(0, 8 + length);
      pending = pending.subarray(8 + length);
      answer(frame);
    }
  });

  function answer(frame: Buffer): void {
    if ((frame[0] ?? 0) < 0x80) {
      const stream = frame.readUInt32BE(0);
      const isLast = (frame[4] ?? 0) === FIN;
      if (ports.has(stream)) webSocket.send(dataFrame(stream, frame.subarray(8), isLast));
      return;
    }
    if (frame.readUInt16BE(2) === PING) return webSocket.send(frame);
    const stream = frame.readUInt32BE(8);
    if (frame.readUInt16BE(2) === RST_STREAM) ports.delete(stream);
    if (frame.readUInt16BE(2) !== SYN_STREAM) return;
    // The client does not compress headers: each value is preceded by its length.
    const headers = frame.toString("latin1");
    if (!headers.includes("\0\0\0\x04data")) return;
    const port = Number(/port\0\0\0.(\d+)/.exec(headers)?.[1]);
    ports.set(stream, port);
    onOpened();
    // The error stream is the previous one.
    if (port === 1) webSocket.send(dataFrame(stream - 2, Buffer.from(REFUSED), true));
    if (port <= 2) webSocket.send(dataFrame(stream, Buffer.alloc(0), true));
    if (port === 3) flood(stream);
  }

  function flood(stream: number): void {
    if (!ports.has(stream) || webSocket.readyState !== webSocket.OPEN) return;
    webSocket.send(dataFrame(stream, PIECE, false), () => flood(stream));
  }
}

function dataFrame(stream: number, data: Buffer, isLast: boolean): Buffer {
  const head = Buffer.alloc(8);
  head.writeUInt32BE(stream);
  head[4] = isLast ? FIN : 0;
  head.writeUIntBE(data.length, 5, 3);
  return Buffer.concat([head, data]);
}

function toBytes(data: RawData): Buffer {
  return Array.isArray(data) ? Buffer.concat(data) : Buffer.from(data as Buffer);
}
