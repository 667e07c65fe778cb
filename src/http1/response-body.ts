/**
 * The body of an HTTP/1.1 response that is the last one on its connection (RFC 9112 section 6).
 *
 * @module
 */

import { ConnectionError } from "../errors.ts";
import type { ByteStream } from "../runtime.ts";
import { BodyReader, framingOf } from "./framing.ts";
import type { ResponseHead } from "./response-head.ts";

/**
 * The body that follows a head.
 *
 * @param first What was read of it with the head.
 * @throws {ConnectionError} if the head does not say where it ends.
 */
export function responseBody(
  stream: ByteStream,
  head: ResponseHead,
  first: Uint8Array<ArrayBuffer>,
): ReadableStream<Uint8Array<ArrayBuffer>> | null {
  if (head.status === 204 || head.status === 304) {
    stream.end();
    return null;
  }
  const pieces: Uint8Array<ArrayBuffer>[] = [];
  const body = new BodyReader(framingOf(head, false), (piece) => pieces.push(piece));
  let isWhole = false;
  let unread: Uint8Array<ArrayBuffer> | undefined = first;

  /** The next piece, or `undefined` at the end. */
  async function next(): Promise<Uint8Array<ArrayBuffer> | undefined> {
    while (pieces.length === 0 && !isWhole) {
      const bytes = unread ?? (await stream.read());
      unread = undefined;
      if (bytes === undefined) body.end();
      isWhole = bytes === undefined || body.push(bytes, 0) >= 0;
    }
    return pieces.shift();
  }

  return new ReadableStream<Uint8Array<ArrayBuffer>>(
    {
      async pull(controller) {
        try {
          const piece = await next();
          if (piece !== undefined) return controller.enqueue(piece);
          controller.close();
          stream.end();
        } catch (error) {
          stream.abort(error);
          throw error;
        }
      },
      cancel: (reason) => stream.abort(reason ?? new ConnectionError("Cannot read on: cancelled")),
    },
    { highWaterMark: 0 },
  );
}
