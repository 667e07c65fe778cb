/**
 * One request without a body over a byte stream, and the head of its response.
 *
 * @module
 */

import { ConnectionError } from "../errors.ts";
import type { ByteStream } from "../runtime.ts";
import { bytesOf } from "./wire.ts";
import { type RequestHead, encodeRequestHead } from "./request-head.ts";
import { type ResponseHead, ResponseHeadReader } from "./response-head.ts";

/** Informational responses that a server may send before the one that counts. */
export const MAX_INFORMATIONAL = 16;
const SWITCHING_PROTOCOLS = 101;

/** The connection was lost before the response's head had come. Its code is what sockets fail with. */
export class LostError extends Error {
  override readonly name = "LostError";
  readonly code = "ECONNRESET";

  constructor(options?: ErrorOptions) {
    super("the connection was lost before the response", options);
  }
}

/**
 * Sends a request, and reads the head of its response.
 *
 * @returns The head, and what follows it of what has been read.
 * @throws {LostError} if the connection ends before.
 */
export async function exchangeHead(
  stream: ByteStream,
  request: RequestHead,
): Promise<{ head: ResponseHead; rest: Uint8Array<ArrayBuffer> }> {
  // A server may answer before it has read everything. If the connection failed, the read below reports it.
  stream.write(bytesOf(encodeRequestHead(request))).catch(() => {});
  let first: Uint8Array<ArrayBuffer> | undefined;
  for (let count = 0; count < MAX_INFORMATIONAL; count++) {
    const { head, rest } = await readHead(stream, first);
    if (head.status >= 200 || head.status === SWITCHING_PROTOCOLS) return { head, rest };
    first = rest;
  }
  throw new ConnectionError("Cannot read the response: only informational ones come");
}

async function readHead(
  stream: ByteStream,
  first: Uint8Array<ArrayBuffer> | undefined,
): Promise<{ head: ResponseHead; rest: Uint8Array<ArrayBuffer> }> {
  const reader = new ResponseHeadReader();
  for (let bytes = first; ; bytes = undefined) {
    bytes ??= await stream.read();
    if (bytes === undefined) throw new LostError();
    const found = reader.push(bytes);
    if (found !== undefined) return found;
  }
}
