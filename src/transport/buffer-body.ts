/**
 * The body of a `Request`, which is a stream on every runtime even where it was made of text.
 *
 * @module
 */

import type { Clock } from "../runtime.ts";

/** As much as is kept, in bytes. */
const MAX_BYTES = 1_048_576;

/** What is in memory is there within this time; a stream whose source is slow is not waited for. */
const PATIENCE_MS = 20;

/**
 * Reads a small body into bytes, which can be sent again: Bun has read the stream by the time that a server is
 * rejected.
 *
 * @returns The bytes; a stream of the same content if it is large or slow, or does not say what type it has, as
 * text, a form and JSON do.
 */
export async function bufferBody(request: Request, clock: Clock): Promise<BodyInit | null> {
  const { body } = request;
  if (body === null || !request.headers.has("content-type")) return body;
  const reader = body.getReader();
  const chunks: Uint8Array<ArrayBuffer>[] = [];
  let size = 0;
  while (size <= MAX_BYTES) {
    const reading = reader.read();
    const read = await withinPatience(reading, clock);
    if (read === undefined) return resume(chunks, reader, reading);
    if (read.done) return join(chunks, size);
    chunks.push(read.value);
    size += read.value.byteLength;
  }
  return resume(chunks, reader, undefined);
}

type Reader = ReadableStreamDefaultReader<Uint8Array<ArrayBuffer>>;
type Reading = ReturnType<Reader["read"]>;

async function withinPatience(
  reading: Reading,
  clock: Clock,
): Promise<Awaited<Reading> | undefined> {
  const { promise: late, resolve } = Promise.withResolvers<undefined>();
  const cancel = clock.setTimeout(() => resolve(undefined), PATIENCE_MS);
  try {
    return await Promise.race([reading, late]);
  } finally {
    cancel();
  }
}

function join(chunks: readonly Uint8Array[], size: number): Uint8Array<ArrayBuffer> {
  const all = new Uint8Array(size);
  let at = 0;
  for (const chunk of chunks) {
    all.set(chunk, at);
    at += chunk.byteLength;
  }
  return all;
}

/** What has been read, and then the rest. */
function resume(
  chunks: Uint8Array<ArrayBuffer>[],
  reader: Reader,
  pending: Reading | undefined,
): ReadableStream<Uint8Array<ArrayBuffer>> {
  let reading = pending;
  return new ReadableStream(
    {
      async pull(controller) {
        const chunk = chunks.shift();
        if (chunk !== undefined) return controller.enqueue(chunk);
        const { done, value } = await (reading ?? reader.read());
        reading = undefined;
        if (done) controller.close();
        else controller.enqueue(value);
      },
      cancel: async (reason) => await reader.cancel(reason),
    },
    { highWaterMark: 0 },
  );
}
