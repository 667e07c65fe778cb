/**
 * Bodies that a broken or a hostile server sends.
 *
 * @module
 */

import { setTimeout as delay } from "node:timers/promises";
import { once } from "node:events";
import { constants, createGzip, gunzipSync } from "node:zlib";
import { type Exchange, keyParameter, numberParameter, readBody } from "./exchange.ts";

/** A piece of an endless body. */
const PIECE = Buffer.alloc(1024 * 1024, " ");

/**
 * Sends a body that never ends.
 *
 * `status`, `length` (the Content-Length that is declared), `first` (how many bytes come at once), `encoding=gzip`,
 * and `then`: `stall`; `drip`, a byte each `intervalMs`; or `endless`, as much as is taken.
 */
export async function oddBody(exchange: Exchange): Promise<void> {
  await readBody(exchange);
  const { response, gone, url } = exchange;
  const query = url.searchParams;
  const length = query.get("length");
  const isGzip = query.get("encoding") === "gzip";
  response.writeHead(numberParameter(exchange, "status", 200), {
    "Content-Type": "application/json",
    ...(length !== null && { "Content-Length": length }),
    ...(isGzip && { "Content-Encoding": "gzip" }),
  });
  response.flushHeaders();
  const first = Buffer.alloc(numberParameter(exchange, "first", 0), " ");
  if (isGzip) await sendGzip(exchange, first);
  else if (first.length > 0) response.write(first);
  const then = query.get("then");
  for (;;) {
    if (then === "endless") {
      if (!response.write(PIECE)) await once(response, "drain", { signal: gone });
      exchange.state.onStreamed(PIECE.length);
    } else {
      const intervalMs = then === "drip" ? numberParameter(exchange, "intervalMs", 100) : 3_600_000;
      await delay(intervalMs, undefined, { signal: gone });
      response.write(" ");
    }
  }
}

/** Sends the first part of a compressed body, whose end never comes. */
async function sendGzip({ response }: Exchange, bytes: Buffer): Promise<void> {
  const gzip = createGzip();
  gzip.on("data", (piece: Buffer) => response.write(piece));
  gzip.write(bytes);
  await new Promise<void>((resolve) => gzip.flush(constants.Z_SYNC_FLUSH, resolve));
}

/**
 * Sends `bytes`, compressed and in base64, as they are in the place of a response: at once, or one after the other (`slowly=1`). Then
 * it ends its side of the connection, resets it (`then=reset`), leaves it open (`then=nothing`), or sends all of it
 * again once the gate `key` opens (`then=again`). `early=1` does not wait for the request's body.
 */
export async function rawResponse(exchange: Exchange): Promise<void> {
  const query = exchange.url.searchParams;
  if (query.get("early") !== "1") await readBody(exchange);
  const { socket } = exchange.request;
  const bytes = gunzipSync(Buffer.from(query.get("bytes") ?? "", "base64"));
  if (query.get("slowly") === "1") {
    for (const byte of bytes) {
      socket.write(Uint8Array.of(byte));
      await new Promise((resolve) => setImmediate(resolve));
    }
  } else socket.write(bytes);
  switch (query.get("then")) {
    case "nothing":
      return;
    case "reset":
      exchange.connection.socket.resetAndDestroy();
      return;
    case "again":
      await exchange.state.gates.wait(keyParameter(exchange), exchange.gone);
      socket.write(bytes);
      return;
    default:
      socket.end();
      // To notice that the client has closed its side.
      exchange.request.resume();
  }
}

const bombs = new Map<number, Buffer>();

/** Sends a whole gzip body of `mebibytes`, a thousandth of which goes over the network. */
export async function bomb(exchange: Exchange): Promise<void> {
  await readBody(exchange);
  const mebibytes = numberParameter(exchange, "mebibytes", 1);
  const body = bombs.get(mebibytes) ?? (await compress(mebibytes));
  bombs.set(mebibytes, body);
  const { response } = exchange;
  response.writeHead(numberParameter(exchange, "status", 200), {
    "Content-Type": "application/json",
    "Content-Encoding": "gzip",
    "Content-Length": String(body.length),
  });
  response.end(body);
}

async function compress(mebibytes: number): Promise<Buffer> {
  const gzip = createGzip();
  const pieces: Buffer[] = [];
  gzip.on("data", (piece: Buffer) => pieces.push(piece));
  for (let written = 0; written < mebibytes; written += 1) {
    if (!gzip.write(PIECE)) await once(gzip, "drain");
  }
  gzip.end();
  await once(gzip, "end");
  return Buffer.concat(pieces);
}

/** Rejects once with a body that stalls, and answers the next time. */
export async function stalledRefusal(exchange: Exchange, isFirst: boolean): Promise<void> {
  await readBody(exchange);
  const { response, url } = exchange;
  if (!isFirst) {
    response.writeHead(200, { "Content-Type": "application/json" });
    response.end("{}");
    return;
  }
  const status = Number(url.searchParams.get("status"));
  response.writeHead(status, { "Retry-After": "0", Location: "/version" });
  response.write("{");
}
