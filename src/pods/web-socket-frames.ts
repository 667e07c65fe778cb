/**
 * The frames of a WebSocket (RFC 6455), as a client sends and reads them.
 *
 * @module
 */

import { ByteQueue } from "../byte-queue.ts";
import { ConnectionError } from "../errors.ts";

/** A message of the server. */
export type WebSocketMessage =
  | { readonly type: "text" | "binary" | "ping" | "pong"; readonly data: Uint8Array<ArrayBuffer> }
  | {
      readonly type: "close";
      /** Why, by RFC 6455 section 7.4; 1005 if the server does not say. */
      readonly code: number;
      readonly reason: string;
    };

/** The frames that a client sends. */
export const opcodes = { text: 1, binary: 2, close: 8, ping: 9, pong: 10 } as const;

const CONTINUATION = 0;
const names: Readonly<Record<number, "text" | "binary" | "close" | "ping" | "pong">> = {
  1: "text",
  2: "binary",
  8: "close",
  9: "ping",
  10: "pong",
};
const MAX_CONTROL_BYTES = 125;
const NO_STATUS = 1005;

/** Where a payload begins in its memory: at whole words, with room for the longest header before it. */
const PAYLOAD_START = 16;
/** How many masking keys are drawn at once. */
const KEYS_DRAWN = 256;

/**
 * Builds one whole frame, masked as a client's must be.
 *
 * @param opcode One of {@link opcodes}.
 * @param parts The payload in pieces; they are copied.
 */
export function encodeFrame(opcode: number, ...parts: Uint8Array[]): Uint8Array<ArrayBuffer> {
  const length = parts.reduce((sum, part) => sum + part.length, 0);
  const lengthBytes = length < 126 ? 0 : length < 65_536 ? 2 : 8;
  const header = 2 + lengthBytes + 4;
  const words = Math.ceil(length / 4);
  const memory = new ArrayBuffer(PAYLOAD_START + 4 * words);
  const frame = new Uint8Array(memory, PAYLOAD_START - header, header + length);
  const view = new DataView(memory, PAYLOAD_START - header);
  frame[0] = 0x80 | opcode;
  frame[1] = 0x80 | (lengthBytes === 0 ? length : lengthBytes === 2 ? 126 : 127);
  if (lengthBytes === 2) view.setUint16(2, length);
  if (lengthBytes === 8) view.setBigUint64(2, BigInt(length));
  let at = header;
  for (const part of parts) {
    frame.set(part, at);
    at += part.length;
  }
  const key = nextMaskingKey();
  new Int32Array(memory, PAYLOAD_START - 4, 1)[0] = key;
  // Four bytes at once: key and payload are words of one memory, whatever the order of their bytes.
  applyMask(new Int32Array(memory, PAYLOAD_START, words), key);
  return frame;
}

/** Builds a close frame. */
export function encodeClose(code: number, reason = ""): Uint8Array<ArrayBuffer> {
  const status = new Uint8Array([code >> 8, code & 0xff]);
  // No more fits into a control frame; a character cut in two is left out.
  const text = new TextEncoder().encodeInto(reason, new Uint8Array(MAX_CONTROL_BYTES - 2));
  return encodeFrame(opcodes.close, status, new TextEncoder().encode(reason.slice(0, text.read)));
}

function applyMask(payload: Int32Array, key: number): void {
  for (let at = 0; at < payload.length; at++) payload[at] = (payload[at] ?? 0) ^ key;
}

let maskingKeys = new Int32Array();
let maskingKeysUsed = 0;

/** A key that nobody can predict. To draw each by itself takes as long as to mask with it. */
function nextMaskingKey(): number {
  if (maskingKeysUsed === maskingKeys.length) {
    maskingKeys = crypto.getRandomValues(new Int32Array(KEYS_DRAWN));
    maskingKeysUsed = 0;
  }
  return maskingKeys[maskingKeysUsed++] ?? 0;
}

/** Puts the server's frames together to messages, whatever pieces the bytes arrive in. */
export class FrameReader {
  readonly #maxMessageBytes: number;
  /** What has arrived of frames that are not complete. */
  readonly #pending = new ByteQueue();
  /** What has come of a message in fragments. Its memory doubles as it grows, however small the fragments are. */
  #partial = new Uint8Array();
  #partialSize = 0;
  #fragmented: "text" | "binary" | undefined;
  #closed = false;

  /** @param maxMessageBytes A longer message is an error. */
  constructor(maxMessageBytes: number) {
    this.#maxMessageBytes = maxMessageBytes;
  }

  /** Whether the bytes so far end between two messages. */
  get isBetweenMessages(): boolean {
    return this.#pending.size === 0 && this.#fragmented === undefined;
  }

  /**
   * Takes the next bytes.
   *
   * @returns The messages that they complete. Nothing follows a close message.
   * @throws {ConnectionError} if they break the protocol.
   */
  push(chunk: Uint8Array<ArrayBuffer>): WebSocketMessage[] {
    const messages: WebSocketMessage[] = [];
    this.#pending.push(chunk);
    while (!this.#closed) {
      const frame = this.#nextFrame();
      if (frame === undefined) break;
      const message = this.#read(frame);
      if (message === undefined) continue;
      messages.push(message);
      this.#closed = message.type === "close";
    }
    return messages;
  }

  #nextFrame(): Frame | undefined {
    if (this.#pending.size < 2) return undefined;
    const start = this.#pending.peek(10);
    const [first = 0, second = 0] = start;
    if ((first & 0x70) !== 0) throw broken("a reserved bit is set");
    if ((second & 0x80) !== 0) throw broken("a frame of the server is masked");
    const short = second & 0x7f;
    const header = 2 + (short === 126 ? 2 : short === 127 ? 8 : 0);
    const opcode = first & 0x0f;
    const isFinal = (first & 0x80) !== 0;
    const isControl = opcode >= 8;
    if (opcode !== CONTINUATION && names[opcode] === undefined) {
      throw broken(`a frame has the unknown opcode ${opcode}`);
    }
    if (isControl && (!isFinal || short > MAX_CONTROL_BYTES)) {
      throw broken("a control frame is fragmented or too long");
    }
    if (this.#pending.size < header) return undefined;
    const length = frameLength(start, short);
    if (length + (isControl ? 0 : this.#partialSize) > this.#maxMessageBytes) {
      throw broken(`a message is longer than ${this.#maxMessageBytes} bytes`);
    }
    if (this.#pending.size < header + length) return undefined;
    this.#pending.skip(header);
    return { opcode, isFinal, payload: this.#pending.take(length) };
  }

  #read({ opcode, isFinal, payload }: Frame): WebSocketMessage | undefined {
    const type = names[opcode];
    if (type === "close") return readClose(payload);
    if (type === "ping" || type === "pong") return { type, data: payload };
    if ((type === undefined) === (this.#fragmented === undefined)) {
      const what =
        type === undefined ? "a continuation has no beginning" : "a message is not finished";
      throw broken(what);
    }
    const kind = type ?? this.#fragmented ?? "binary";
    if (isFinal && type !== undefined) return { type, data: payload };
    this.#append(payload);
    this.#fragmented = kind;
    if (!isFinal) return undefined;
    const data = this.#partial.subarray(0, this.#partialSize);
    this.#partial = new Uint8Array();
    this.#partialSize = 0;
    this.#fragmented = undefined;
    return { type: kind, data };
  }

  #append(payload: Uint8Array): void {
    const size = this.#partialSize + payload.length;
    if (size > this.#partial.length) {
      const grown = new Uint8Array(Math.max(size, 2 * this.#partial.length));
      grown.set(this.#partial.subarray(0, this.#partialSize));
      this.#partial = grown;
    }
    this.#partial.set(payload, this.#partialSize);
    this.#partialSize = size;
  }
}

interface Frame {
  readonly opcode: number;
  readonly isFinal: boolean;
  readonly payload: Uint8Array<ArrayBuffer>;
}

function frameLength(start: Uint8Array, short: number): number {
  const view = new DataView(start.buffer, start.byteOffset, start.byteLength);
  if (short < 126) return short;
  const length = short === 126 ? view.getUint16(2) : Number(view.getBigUint64(2));
  if (length < (short === 126 ? 126 : 65_536)) throw broken("a length is longer than it must be");
  return length;
}

function readClose(payload: Uint8Array<ArrayBuffer>): WebSocketMessage {
  if (payload.length === 0) return { type: "close", code: NO_STATUS, reason: "" };
  if (payload.length === 1) throw broken("a close frame has half a status");
  const [high = 0, low = 0] = payload;
  const code = high * 256 + low;
  const isKnown =
    (code >= 1000 && code <= 1014 && ![1004, 1005, 1006].includes(code)) ||
    (code >= 3000 && code < 5000);
  if (!isKnown) throw broken(`a close frame has the invalid status ${code}`);
  return { type: "close", code, reason: new TextDecoder().decode(payload.subarray(2)) };
}

function broken(why: string): ConnectionError {
  return new ConnectionError(`Cannot read from the WebSocket: ${why}`);
}
