/**
 * The two protocols of port-forwarding, as a pod's port that echoes has them. Port 1 rejects, and port 2 ends at
 * once.
 *
 * @module
 */

import type { RawData, WebSocket } from "ws";

const SYN_STREAM = 1;
const DATA_STREAM = 3;
const ERROR_STREAM = 1;
const FIN = 1;
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

/** `SPDY/3.1+portforward.k8s.io`. */
export function echoSpdy(webSocket: WebSocket, port: number): void {
  let pending = Buffer.alloc(0);
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
    if ((frame[0] ?? 0) >= 0x80) {
      if (frame.readUInt16BE(2) !== SYN_STREAM) return;
      const stream = frame.readUInt32BE(8);
      if (stream !== DATA_STREAM) return;
      if (port === 1) webSocket.send(dataFrame(ERROR_STREAM, Buffer.from(REFUSED), true));
      if (port <= 2) webSocket.send(dataFrame(DATA_STREAM, Buffer.alloc(0), true));
      return;
    }
    const stream = frame.readUInt32BE(0);
    if (stream !== DATA_STREAM) return;
    const isLast = (frame[4] ?? 0) === FIN;
    webSocket.send(dataFrame(DATA_STREAM, frame.subarray(8), isLast));
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
