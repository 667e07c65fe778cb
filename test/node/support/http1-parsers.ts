/**
 * Three parsers of HTTP/1.1 responses: ours, undici's and that of `node:http`. Each is given the same bytes, in the
 * same pieces, up to the end of the connection.
 *
 * @module
 */

import { type IncomingMessage, request } from "node:http";
import type { Socket } from "node:net";
import { Duplex } from "node:stream";
import { Client } from "undici";
import { MemoryConnection } from "../../unit/support/memory-wire.ts";

/** The response of a server. */
export interface RawResponse {
  /** One character for each byte. */
  readonly text: string;
  readonly method: "GET" | "HEAD";
  /** Where the text is cut into pieces, in ascending order. */
  readonly cuts?: readonly number[];
}

/** The result of a parser: `rejected`, or what it has read. */
export type Reading =
  | "rejected"
  | { readonly status: number; readonly fields: readonly string[]; readonly body: string };

/** Reads a response with ours. */
export function readByOurs({ text, method, cuts = [] }: RawResponse): Reading {
  const memory = new MemoryConnection();
  const outcome = memory.ask(method);
  for (const piece of piecesOf(text, cuts)) memory.wire.arrive(piece);
  memory.wire.end();
  if (!outcome.isComplete || outcome.head === undefined) return "rejected";
  const { status, fields } = outcome.head;
  return { status, fields: fields.map(([name, value]) => `${name}: ${value}`), body: outcome.body };
}

/** The response to the second request of a connection. */
const second = "HTTP/1.1 200 OK\r\ncontent-length: 8\r\n\r\nSECOND!!";

/**
 * What the next request receives on a connection that ours keeps after a response: `its own` response, another one, or
 * `none` if the connection is not kept.
 */
export function readNextByOurs({ text, method, cuts = [] }: RawResponse): string {
  const memory = new MemoryConnection();
  const outcome = memory.ask(method);
  for (const piece of piecesOf(text, cuts)) memory.wire.arrive(piece);
  if (!outcome.isComplete || memory.gone > 0) return "none";
  const { body: first } = outcome;
  const next = memory.ask();
  memory.wire.arrive(second);
  if (outcome.body !== first) return `part of the first one: ${outcome.body}`;
  return next.isComplete && next.body === "SECOND!!" ? "its own" : `another one: ${next.body}`;
}

/** How many bytes belong to a response that ours accepts: what follows is the next one's, or nobody's. */
export function lengthByOurs({ text, method }: RawResponse): number {
  const memory = new MemoryConnection();
  const outcome = memory.ask(method);
  let length = 0;
  while (!outcome.isComplete && length < text.length) {
    memory.wire.arrive(text[length] ?? "");
    length += 1;
  }
  return length;
}

/** Reads a response with `node:http`. */
export async function readByNode(response: RawResponse): Promise<Reading> {
  const server = new ScriptedSocket(response);
  try {
    return await new Promise((resolve, reject) => {
      const asked = request(
        { method: response.method, createConnection: () => server },
        (answer) => void readAll(answer).then(resolve, reject),
      );
      // The client did not ask to change the protocol.
      asked.on("upgrade", () => reject(new Error("The protocol changes")));
      asked.on("error", reject);
      asked.end();
    });
  } catch {
    return "rejected";
  } finally {
    server.destroy();
  }
}

async function readAll(response: IncomingMessage): Promise<Reading> {
  const chunks: Buffer[] = [];
  for await (const chunk of response) chunks.push(chunk as Buffer);
  if (!response.complete) throw new Error("It broke off");
  const fields = linesOf(response.rawHeaders);
  return { status: response.statusCode ?? 0, fields, body: textOf(chunks) };
}

/** Reads a response with undici. */
export async function readByUndici(response: RawResponse): Promise<Reading> {
  const server = new ScriptedSocket(response);
  const client = new Client("http://server.test", {
    connect: (_, callback) => queueMicrotask(() => callback(null, server as unknown as Socket)),
  });
  try {
    const { statusCode, headers, body } = await client.request({
      path: "/",
      method: response.method,
      responseHeaders: "raw",
    });
    const chunks: Buffer[] = [];
    for await (const chunk of body) chunks.push(chunk as Buffer);
    const raw = (headers as unknown as Buffer[]).map((part) => part.toString("latin1"));
    return { status: statusCode, fields: linesOf(raw), body: textOf(chunks) };
  } catch {
    return "rejected";
  } finally {
    await client.destroy();
  }
}

/** A socket whose other side answers the first request. */
class ScriptedSocket extends Duplex {
  readonly #response: RawResponse;
  #isAsked = false;

  constructor(response: RawResponse) {
    super({ allowHalfOpen: false });
    this.#response = response;
  }

  override _read(): void {
    // All is pushed, whether it is wanted or not.
  }

  override _write(_chunk: unknown, _encoding: unknown, done: () => void): void {
    done();
    if (this.#isAsked) return;
    this.#isAsked = true;
    void this.#answer();
  }

  async #answer(): Promise<void> {
    const { text, cuts = [] } = this.#response;
    for (const piece of piecesOf(text, cuts)) {
      if (this.destroyed) return;
      this.push(piece, "latin1");
      // Each piece is read by itself.
      await new Promise((resolve) => setImmediate(resolve));
    }
    this.push(null);
  }

  // What a socket of `node:net` has.

  ref(): this {
    return this;
  }

  unref(): this {
    return this;
  }

  setTimeout(): this {
    return this;
  }

  setNoDelay(): this {
    return this;
  }

  setKeepAlive(): this {
    return this;
  }
}

function linesOf(raw: readonly string[]): string[] {
  const lines: string[] = [];
  for (let at = 0; at < raw.length; at += 2) {
    lines.push(`${raw[at]?.toLowerCase() ?? ""}: ${raw[at + 1]?.replace(/[ \t]+$/, "") ?? ""}`);
  }
  return lines;
}

function textOf(chunks: readonly Buffer[]): string {
  return Buffer.concat(chunks).toString("latin1");
}

function piecesOf(text: string, cuts: readonly number[]): string[] {
  const pieces: string[] = [];
  let at = 0;
  for (const cut of [...cuts, text.length]) {
    if (cut > at) pieces.push(text.slice(at, cut));
    at = Math.max(at, cut);
  }
  return pieces;
}
