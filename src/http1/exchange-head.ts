/**
 * One request without a body over a byte stream, and the head of its response.
 *
 * @module
 */

import { ConnectionError } from "../errors.ts";
import type { ByteStream, HeaderLine } from "../runtime.ts";
import { type ResponseHead, ResponseHeadReader } from "./response-head.ts";

/** Informational responses that a server may send before the one that counts. */
const MAX_INFORMATIONAL = 16;
const SWITCHING_PROTOCOLS = 101;

/** What is asked for. */
export interface RequestHead {
  readonly method: string;
  /** The request target, as in `/version?timeout=1s` or `example.com:443`. */
  readonly target: string;
  /** The header fields in their order, `host` among them. */
  readonly fields: Iterable<HeaderLine>;
}

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
  stream.write(encodeHead(request)).catch(() => {});
  let first: Uint8Array<ArrayBuffer> | undefined;
  for (let count = 0; count < MAX_INFORMATIONAL; count++) {
    const { head, rest } = await readHead(stream, first);
    if (head.status >= 200 || head.status === SWITCHING_PROTOCOLS) return { head, rest };
    first = rest;
  }
  throw new ConnectionError("Cannot read the response: only informational ones come");
}

/** A header field's value, its lines joined with a comma, or `null`. */
export function fieldOf({ fields }: ResponseHead, name: string): string | null {
  const values = fields.filter(([other]) => other === name.toLowerCase());
  return values.length === 0 ? null : values.map(([, value]) => value).join(", ");
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

function encodeHead({ method, target, fields }: RequestHead): Uint8Array<ArrayBuffer> {
  const lines = [`${method} ${target} HTTP/1.1`];
  for (const [name, value] of fields) lines.push(`${name}: ${value}`);
  const text = lines.join("\r\n");
  // Whatever let such a character through: it must not begin another line, or another request.
  if (
    !/^(?:[\t\x20-\x7e\x80-\xff]|\r\n(?=[^\r\n\t ]))*$/.test(text) ||
    text.split("\r\n").length !== lines.length
  ) {
    throw new TypeError("Cannot send the request: a header holds what HTTP can't carry");
  }
  return Uint8Array.from(`${text}\r\n\r\n`, (character) => character.charCodeAt(0));
}
