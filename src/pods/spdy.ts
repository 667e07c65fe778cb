/**
 * The part of SPDY/3.1 that port-forwarding speaks inside a WebSocket
 * (kubernetes `client-go/tools/portforward`, moby/spdystream).
 *
 * Header blocks must be zlib data. They are sent as stored blocks, and those of the server are skipped
 * unread, so no compression is needed.
 *
 * @module
 */

import { ByteQueue } from "../byte-queue.ts";
import { ConnectionError } from "../errors.ts";

/** A frame of the server, as far as port-forwarding needs it. */
export type SpdyFrame =
  | {
      readonly type: "data";
      readonly stream: number;
      readonly data: Uint8Array<ArrayBuffer>;
      /** Whether the server sends no more on this stream. */
      readonly isLast: boolean;
    }
  | { readonly type: "reply"; readonly stream: number; readonly isLast: boolean }
  | { readonly type: "reset"; readonly stream: number; readonly status: number }
  | { readonly type: "ping"; readonly id: number }
  | { readonly type: "go-away"; readonly status: number }
  /** A frame that asks for nothing. */
  | { readonly type: "other" };

const VERSION = 3;
const FLAG_FIN = 1;
const SYN_STREAM = 1;
const SYN_REPLY = 2;
const RST_STREAM = 3;
const PING = 6;
const GOAWAY = 7;
/** RST_STREAM's status for a stream that the client gives up. */
const CANCEL = 5;
/** What a session's zlib stream begins with. */
const ZLIB_HEADER = [0x78, 0x01];
/** The header of a stored block (RFC 1951 section 3.2.4). */
const STORED_BYTES = 5;
const EMPTY_BLOCK = [0, 0, 0, 0xff, 0xff];
const MAX_ID = 0x7fff_ffff;
/** A server of Kubernetes sends at most 32 KiB in a frame. */
const MAX_FRAME_BYTES = 1024 * 1024;

/** Builds the client's frames. The header blocks of a session are one zlib stream. */
export class SpdyWriter {
  #hasBegun = false;

  /** Opens a stream; a client's have odd numbers. */
  open(stream: number, headers: Readonly<Record<string, string>>): Uint8Array<ArrayBuffer> {
    const block = headerBlock(headers);
    const zlib = this.#hasBegun ? 0 : ZLIB_HEADER.length;
    const frame = control(SYN_STREAM, 10 + zlib + STORED_BYTES + block.length + EMPTY_BLOCK.length);
    const view = new DataView(frame.buffer);
    view.setUint32(8, stream);
    if (zlib > 0) frame.set(ZLIB_HEADER, 18);
    this.#hasBegun = true;
    // Zlib data (RFC 1950) of one stored block and an empty one, at which a reader hands out what it has.
    const at = 18 + zlib;
    view.setUint16(at + 1, block.length, true);
    view.setUint16(at + 3, ~block.length, true);
    frame.set(block, at + STORED_BYTES);
    frame.set(EMPTY_BLOCK, at + STORED_BYTES + block.length);
    return frame;
  }

  /** What comes before so many bytes on a stream; `isLast` half-closes it. */
  dataHead(stream: number, length: number, isLast = false): Uint8Array<ArrayBuffer> {
    const frame = new Uint8Array(8);
    const view = new DataView(frame.buffer);
    view.setUint32(0, stream);
    view.setUint32(4, ((isLast ? FLAG_FIN : 0) << 24) | length);
    return frame;
  }

  /** Asks the other side to send the same back, or does so. */
  ping(id: number): Uint8Array<ArrayBuffer> {
    const frame = control(PING, 4);
    new DataView(frame.buffer).setUint32(8, id);
    return frame;
  }

  /** Gives a stream up. */
  reset(stream: number): Uint8Array<ArrayBuffer> {
    const frame = control(RST_STREAM, 8);
    const view = new DataView(frame.buffer);
    view.setUint32(8, stream);
    view.setUint32(12, CANCEL);
    return frame;
  }
}

function control(type: number, length: number): Uint8Array<ArrayBuffer> {
  const frame = new Uint8Array(8 + length);
  const view = new DataView(frame.buffer);
  view.setUint16(0, 0x8000 | VERSION);
  view.setUint16(2, type);
  view.setUint32(4, length);
  return frame;
}

/** Names and values in ASCII, each with its length before it. */
function headerBlock(headers: Readonly<Record<string, string>>): Uint8Array {
  const fields = Object.entries(headers);
  const texts = fields.flat();
  const block = new Uint8Array(4 + texts.reduce((sum, text) => sum + 4 + text.length, 0));
  const view = new DataView(block.buffer);
  view.setUint32(0, fields.length);
  let at = 4;
  for (const text of texts) {
    view.setUint32(at, text.length);
    at += 4;
    for (let index = 0; index < text.length; index++) block[at++] = text.charCodeAt(index);
  }
  return block;
}

/** Reads the server's frames, whatever pieces the bytes arrive in. */
export class SpdyReader {
  readonly #pending = new ByteQueue();

  /**
   * Takes the next bytes.
   *
   * @returns The frames that they complete.
   * @throws {ConnectionError} if they break the protocol.
   */
  push(chunk: Uint8Array<ArrayBuffer>): SpdyFrame[] {
    this.#pending.push(chunk);
    const frames: SpdyFrame[] = [];
    for (let frame = this.#next(); frame !== undefined; frame = this.#next()) frames.push(frame);
    return frames;
  }

  #next(): SpdyFrame | undefined {
    if (this.#pending.size < 8) return undefined;
    const view = viewOf(this.#pending.peek(8));
    const length = view.getUint32(4) & 0xff_ffff;
    if (length > MAX_FRAME_BYTES) throw broken(`a frame has ${length} bytes`);
    if (this.#pending.size < 8 + length) return undefined;
    this.#pending.skip(8);
    const body = this.#pending.take(length);
    const isLast = ((view.getUint8(4) ?? 0) & FLAG_FIN) !== 0;
    const first = view.getUint32(0);
    if (first <= MAX_ID) return { type: "data", stream: first, data: body, isLast };
    const version = view.getUint16(0) & 0x7fff;
    if (version !== VERSION) throw broken(`a frame is of version ${version}`);
    return readControl(view.getUint16(2), body, isLast);
  }
}

function readControl(type: number, body: Uint8Array<ArrayBuffer>, isLast: boolean): SpdyFrame {
  const view = viewOf(body);
  const needed = { [SYN_REPLY]: 4, [RST_STREAM]: 8, [PING]: 4, [GOAWAY]: 8 }[type] ?? 0;
  if (body.length < needed) throw broken("a control frame is too short");
  switch (type) {
    case SYN_REPLY:
      return { type: "reply", stream: view.getUint32(0) & MAX_ID, isLast };
    case RST_STREAM:
      return { type: "reset", stream: view.getUint32(0) & MAX_ID, status: view.getUint32(4) };
    case PING:
      return { type: "ping", id: view.getUint32(0) };
    case GOAWAY:
      return { type: "go-away", status: view.getUint32(4) };
    case SYN_STREAM:
      throw broken("the server opens a stream");
    default:
      return { type: "other" };
  }
}

function viewOf({ buffer, byteOffset, byteLength }: Uint8Array<ArrayBuffer>): DataView {
  return new DataView(buffer, byteOffset, byteLength);
}

function broken(why: string): ConnectionError {
  return new ConnectionError(`Cannot read the forwarded connection: ${why}`);
}
