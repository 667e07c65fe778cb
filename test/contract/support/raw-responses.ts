/**
 * Responses that a test server sends byte by byte as a test writes them.
 *
 * @module
 */

import { bytesOf } from "../../../src/http1/wire.ts";

/**
 * The path that is answered with the bytes, one for each character.
 *
 * @param more more of the query, as in `&then=nothing`
 */
export async function rawPath(bytes: string, more = ""): Promise<string> {
  const gzip = new Blob([bytesOf(bytes)]).stream().pipeThrough(new CompressionStream("gzip"));
  const compressed = new Uint8Array(await new Response(gzip).arrayBuffer());
  return `/raw?bytes=${encodeURIComponent(btoa(String.fromCharCode(...compressed)))}${more}`;
}
