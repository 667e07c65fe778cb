/**
 * Sends the answer of a model of the API server by a server of `node:http`.
 *
 * @module
 */

import type { ApiAnswer } from "../../src/testing/model/request-target.ts";
import type { ResponseWriter } from "./node-server-shim.ts";

/**
 * Sends it, no faster than the client reads.
 *
 * @param gone Aborts if the client has gone.
 */
export async function writeAnswer(
  response: ResponseWriter,
  { status, headers, body }: ApiAnswer,
  gone: AbortSignal,
): Promise<void> {
  response.writeHead(status, headers);
  if (typeof body === "string") return void response.end(body);
  response.flushHeaders();
  for await (const chunk of body) await write(response, chunk, gone);
  response.end();
}

/** Waits until the chunk has left, so that a connection that is lost thereafter has carried it. */
async function write(
  response: ResponseWriter,
  chunk: Uint8Array,
  gone: AbortSignal,
): Promise<void> {
  if (gone.aborted) return;
  let stop = (): void => {};
  const left = new Promise<void>((resolve) => {
    stop = resolve;
    gone.addEventListener("abort", stop);
    response.write(chunk, () => resolve());
  });
  await left;
  gone.removeEventListener("abort", stop);
}
