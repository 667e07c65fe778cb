/**
 * Routes that report a request as not processed, by the rules of HTTP/2. Over HTTP/1.1 they answer like any
 * other route.
 *
 * @module
 */

import { constants, type Http2ServerResponse } from "node:http2";
import { countUp, type Exchange, keyParameter, numberParameter, sendJson } from "./exchange.ts";

/** Long enough for the frame to be written before the socket is closed. */
const GRACE_MS = 20;

type Stream = Http2ServerResponse["stream"];

/**
 * Rejects the first `times` (1) streams with the key with REFUSED_STREAM.
 *
 * @param exchange the request
 */
export function refusedStream(exchange: Exchange): void {
  const stream = firstTimes(exchange, "refused-stream");
  if (stream === undefined) return sendServed(exchange);
  stream.close(constants.NGHTTP2_REFUSED_STREAM);
}

/**
 * Ends the connection of the first `times` (1) requests with the key by a GOAWAY whose last stream
 * is an earlier one.
 *
 * @param exchange the request
 */
export function goaway(exchange: Exchange): void {
  const stream = firstTimes(exchange, "goaway");
  if (stream === undefined) return sendServed(exchange);
  // Client streams have odd numbers: the previous one is two less.
  const lastProcessed = Math.max(0, (stream.id ?? 1) - 2);
  stream.session?.goaway(constants.NGHTTP2_NO_ERROR, lastProcessed);
  stream.session?.close();
  setTimeout(() => stream.session?.destroy(), GRACE_MS);
}

function firstTimes(exchange: Exchange, route: string): Stream | undefined {
  if (exchange.request.httpVersionMajor < 2) return undefined;
  const before = countUp(exchange, `${route} ${keyParameter(exchange)}`);
  if (before >= numberParameter(exchange, "times", 1)) return undefined;
  return (exchange.response as unknown as Http2ServerResponse).stream;
}

function sendServed(exchange: Exchange): void {
  sendJson(exchange, 200, { connection: exchange.connection.serial });
}
