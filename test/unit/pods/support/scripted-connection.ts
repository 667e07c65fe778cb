/**
 * An upgraded connection in memory, whose other end the test controls.
 *
 * @module
 */

import type { UpgradedConnection } from "../../../../src/runtime.ts";

/** The test's end of the connection. */
export interface ScriptedConnection extends UpgradedConnection {
  /** Sends bytes to the client. */
  serve(...parts: Uint8Array[]): void;
  /** Closes the connection from the server's side: as a crash does, unless a close frame was sent before. */
  cut(): void;
  /** The bytes that the client has written. */
  readonly written: Uint8Array<ArrayBuffer>[];
  /** Makes writes fail from now on. */
  failWrites(error: Error): void;
  /** How many chunks wait to be read. */
  readonly unread: number;
  readonly isEnded: boolean;
  readonly abortedWith: unknown;
}

/** Creates a connection that answers a handshake with the given headers. */
export function scriptedConnection(headers: Record<string, string> = {}): ScriptedConnection {
  const waiting: Uint8Array<ArrayBuffer>[] = [];
  const written: Uint8Array<ArrayBuffer>[] = [];
  let wake = (): void => {};
  let isCut = false;
  let isEnded = false;
  let writeError: Error | undefined;
  const aborted = new AbortController();
  return {
    closed: new Promise((resolve) => {
      aborted.signal.addEventListener("abort", () => resolve());
    }),
    header: (name) => headers[name] ?? null,
    async read() {
      for (;;) {
        aborted.signal.throwIfAborted();
        const next = waiting.shift();
        if (next !== undefined) return next;
        if (isCut) return undefined;
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
      }
    },
    async write(bytes) {
      aborted.signal.throwIfAborted();
      if (writeError !== undefined) throw writeError;
      written.push(bytes);
    },
    end() {
      isEnded = true;
    },
    abort(reason) {
      aborted.abort(reason);
      wake();
    },
    serve(...parts) {
      waiting.push(...parts.map((part) => Uint8Array.from(part)));
      wake();
    },
    cut() {
      isCut = true;
      wake();
    },
    failWrites(error) {
      writeError = error;
    },
    written,
    get unread() {
      return waiting.length;
    },
    get isEnded() {
      return isEnded;
    },
    get abortedWith() {
      return aborted.signal.aborted ? aborted.signal.reason : undefined;
    },
  };
}

/** A frame as a server sends it. */
export function serverFrame(
  first: number,
  payload: Uint8Array,
  lengthBytes: number = payload.length < 126 ? 0 : payload.length < 65_536 ? 2 : 8,
): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(2 + lengthBytes + payload.length);
  const view = new DataView(bytes.buffer);
  bytes[0] = first;
  bytes[1] = lengthBytes === 0 ? payload.length : lengthBytes === 2 ? 126 : 127;
  if (lengthBytes === 2) view.setUint16(2, payload.length);
  if (lengthBytes === 8) view.setBigUint64(2, BigInt(payload.length));
  bytes.set(payload, 2 + lengthBytes);
  return bytes;
}

/** Parses a client's frame, as a server does. */
export function clientFrame(bytes: Uint8Array): { opcode: number; payload: Uint8Array } {
  const [first = 0, second = 0] = bytes;
  const short = second & 0x7f;
  const view = new DataView(bytes.buffer, bytes.byteOffset);
  const header = short === 126 ? 4 : short === 127 ? 10 : 2;
  const length =
    short === 126 ? view.getUint16(2) : short === 127 ? Number(view.getBigUint64(2)) : short;
  const mask = bytes.subarray(header, header + 4);
  const payload = bytes.subarray(header + 4).map((byte, at) => byte ^ (mask[at % 4] ?? 0));
  if ((second & 0x80) === 0 || payload.length !== length || (first & 0xf0) !== 0x80) {
    throw new Error("The client sends no whole, masked frame");
  }
  return { opcode: first & 0x0f, payload };
}
