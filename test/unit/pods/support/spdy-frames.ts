/**
 * Frames of SPDY inside a WebSocket, as a node writes and reads them.
 *
 * @module
 */

import { type ScriptedConnection, clientFrame, serverFrame } from "./scripted-connection.ts";

/** A frame of the client. */
export interface ClientSpdyFrame {
  /** Missing for data frames. */
  readonly type: number | undefined;
  /** The id of the stream, or of a ping. */
  readonly id: number;
  readonly isLast: boolean;
  readonly body: Uint8Array;
}

/** The client's frames so far, however they are split into messages. */
export function clientFrames({ written }: ScriptedConnection): ClientSpdyFrame[] {
  const messages = written.map(clientFrame).filter(({ opcode }) => opcode === 2);
  const bytes = Uint8Array.from(messages.flatMap(({ payload }) => [...payload]));
  const view = new DataView(bytes.buffer);
  const frames: ClientSpdyFrame[] = [];
  for (let at = 0; at < bytes.length;) {
    const isControl = view.getUint8(at) >= 0x80;
    const length = view.getUint32(at + 4) & 0xff_ffff;
    frames.push({
      type: isControl ? view.getUint16(at + 2) : undefined,
      id: view.getUint32(isControl ? at + 8 : at),
      isLast: view.getUint8(at + 4) === 1,
      body: bytes.subarray(at + 8, at + 8 + length),
    });
    at += 8 + length;
  }
  return frames;
}

/** The client's data frames, as `stream:text`, with a `.` after the last one. */
export function heard(server: ScriptedConnection): string[] {
  return clientFrames(server)
    .filter(({ type }) => type === undefined)
    .map(({ id, isLast, body }) => `${id}:${String.fromCharCode(...body)}${isLast ? "." : ""}`);
}

/** The stream ids of the client's control frames of a type. */
export function idsOf(server: ScriptedConnection, type: number): number[] {
  return clientFrames(server).flatMap((frame) => (frame.type === type ? [frame.id] : []));
}

/** A data frame of the node, in a message of its own. */
export function dataMessage(
  stream: number,
  payload: string,
  isLast = false,
): Uint8Array<ArrayBuffer> {
  const body = new TextEncoder().encode(payload);
  const frame = new Uint8Array(8 + body.length);
  new DataView(frame.buffer).setUint32(0, stream);
  new DataView(frame.buffer).setUint32(4, ((isLast ? 1 : 0) << 24) | body.length);
  frame.set(body, 8);
  return serverFrame(0x82, frame);
}

/** A control frame of the node, in a message of its own. */
export function controlMessage(type: number, ...words: number[]): Uint8Array<ArrayBuffer> {
  const frame = new Uint8Array(8 + 4 * words.length);
  const view = new DataView(frame.buffer);
  view.setUint32(0, 0x8003_0000 | type);
  view.setUint32(4, 4 * words.length);
  for (const [index, word] of words.entries()) view.setUint32(8 + 4 * index, word);
  return serverFrame(0x82, frame);
}

/** SPDY's control frames. */
export const types = { open: 1, reply: 2, reset: 3, ping: 6, goAway: 7 } as const;
