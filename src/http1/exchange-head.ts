/**
 * One request without a body over a byte stream, and the head of its response.
 *
 * @module
 */

import { ConnectionError } from "../errors.ts";
import type { ByteStream } from "../runtime.ts";
import { contradictsItself, framingOf } from "./framing.ts";
import { bytesOf } from "./wire.ts";
import { type RequestHead, encodeRequestHead } from "./request-head.ts";
import { type ResponseHead, ResponseHeadReader, fieldOf } from "./response-head.ts";

/** Informational responses that a server may send before the one that counts. */
const MAX_INFORMATIONAL = 16;
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
  for (let count = 1; ; count++) {
    const { head, rest } = await readHead(stream, first);
    if (head.status >= 200 || head.status === SWITCHING_PROTOCOLS) return { head, rest };
    checkInformational(head, count);
    first = rest;
  }
}

/**
 * Checks an informational response, which the one that counts is to follow.
 *
 * @param count How many there are by now.
 * @throws {ConnectionError} if some server could disagree about where it ends, or there are too many.
 */
export function checkInformational(head: ResponseHead, count: number): void {
  if (count > MAX_INFORMATIONAL) {
    throw new ConnectionError("Cannot read the response: only informational ones come");
  }
  framingOf(head, true);
  if (!isPersistent(head)) {
    throw new ConnectionError("Cannot read the response: nothing can follow an informational one");
  }
}

/** Whether another response can follow on the connection. */
export function isPersistent(head: ResponseHead): boolean {
  if (head.minorVersion === 0 || contradictsItself(head)) return false;
  const connection = fieldOf(head, "connection");
  return connection === null || !/(?:^|[,\s])close(?:$|[,\s])/i.test(connection);
}

async function readHead(
  stream: ByteStream,
  first: Uint8Array<ArrayBuffer> | undefined,
): Promise<{ head: ResponseHead; rest: Uint8Array<ArrayBuffer> }> {
  const reader = new ResponseHeadReader();
  for (let bytes = first; ; bytes = undefined) {
    bytes ??= await stream.read();
    if (bytes === undefined) throw new LostError();
    const found = reader.push(bytes, 0);
    if (found !== undefined) return { head: found.head, rest: bytes.subarray(found.end) };
  }
}
