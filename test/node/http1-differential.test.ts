/**
 * The same responses given to three HTTP/1.1 parsers: ours, undici and `node:http`. Ours rejects everything
 * that one of the others rejects. What both accept, ours parses in the same way, or rejects for a reason that
 * is listed here.
 *
 * @module
 */

import { type IncomingMessage, request } from "node:http";
import { type AddressInfo, type Socket, createServer } from "node:net";
import { Agent } from "undici";
import { afterAll, expect, test } from "vitest";
import { type CorpusCase, corpus } from "../support/http1-corpus.ts";
import { MemoryConnection } from "../unit/support/memory-wire.ts";

/** The result of a parser: `rejected`, or what it has read. */
type Reading =
  | "rejected"
  | { readonly status: number; readonly fields: readonly string[]; readonly body: string };

/** Responses that RFC 9110 and 9112 allow but one of the others rejects, and what ours does with them. */
const lawful: Readonly<Record<string, RegExp>> = {
  "blanks after a length, which undici takes for a part of it": /\r\nContent-Length:\s*5[ \t]+\r\n/,
  "a 100 that nobody asked for, which a client has to skip": /^HTTP\/1\.1 100 /,
  "more bytes than announced: the response is whole, and its connection ends":
    /\r\nContent-Length: [04]\r\n\r\nhello$/,
};

/** Cases in which ours is stricter than the other two, which use the same parser. */
const stricter: Readonly<Record<string, RegExp>> = {
  "a control character in the reason": /^HTTP\/1\.1 200 [^\r\n]*[^\t\r\n\x20-\x7e\x80-\xff]/,
  "the status is none of RFC 9110": /^HTTP\/1\.1 (?:000|099|600|999) /,
  "chunks of HTTP/1.0": /^HTTP\/1\.0 .*\r\nTransfer-Encoding/s,
  "a transfer encoding beside chunked, or another one":
    /\r\nTransfer-Encoding:(?!\s*chunked\s*\r\n)/i,
  "several transfer encodings": /\r\nTransfer-Encoding:.*\r\nTransfer-Encoding:/is,
  "a status line in another case, or of another protocol": /^(?!HTTP\/1\.[01] )/,
  "a number of more digits than any length has": /Content-Length: 0{15,}/,
  "a chunk's size of more digits than any has": /\r\n\r\n0{12,}/,
  "a chunk's extension that is none": /\r\n\r\n5;/,
};

let current = "";
const sockets = new Set<Socket>();
const server = createServer((socket) => {
  sockets.add(socket);
  socket.on("error", () => {});
  socket.once("data", () => socket.end(Buffer.from(current, "latin1")));
});
await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
const { port } = server.address() as AddressInfo;
afterAll(() => {
  for (const socket of sockets) socket.destroy();
  server.close();
});

function byOurs({ text, method }: CorpusCase): Reading {
  const memory = new MemoryConnection();
  const outcome = memory.ask(method);
  memory.wire.arrive(text);
  memory.wire.end();
  if (!outcome.isComplete || outcome.head === undefined) return "rejected";
  const { status, fields } = outcome.head;
  return { status, fields: fields.map(([name, value]) => `${name}: ${value}`), body: outcome.body };
}

async function byNode({ method }: CorpusCase): Promise<Reading> {
  return await new Promise((resolve) => {
    const asked = request({ host: "127.0.0.1", port, method, agent: false }, (response) => {
      readAll(response).then(
        (body) =>
          resolve({
            status: response.statusCode ?? 0,
            fields: pairs(response.rawHeaders),
            body,
          }),
        () => resolve("rejected"),
      );
    });
    // The client did not ask to change the protocol.
    asked.on("upgrade", (_, socket) => {
      socket.destroy();
      resolve("rejected");
    });
    asked.on("error", () => resolve("rejected"));
    asked.end();
  });
}

async function readAll(response: IncomingMessage): Promise<string> {
  let body = "";
  for await (const chunk of response) body += (chunk as Buffer).toString("latin1");
  if (!response.complete) throw new Error("It broke off");
  return body;
}

async function byUndici({ method }: CorpusCase): Promise<Reading> {
  const agent = new Agent();
  try {
    const { statusCode, headers, body } = await agent.request({
      origin: `http://127.0.0.1:${port}`,
      path: "/",
      method,
      responseHeaders: "raw",
    });
    const bytes = Buffer.from(await body.arrayBuffer());
    const raw = (headers as unknown as Buffer[]).map((part) => part.toString("latin1"));
    return { status: statusCode, fields: pairs(raw), body: bytes.toString("latin1") };
  } catch {
    return "rejected";
  } finally {
    await agent.destroy();
  }
}

function pairs(raw: readonly string[]): string[] {
  const lines: string[] = [];
  for (let at = 0; at < raw.length; at += 2) {
    lines.push(`${raw[at]?.toLowerCase() ?? ""}: ${raw[at + 1]?.replace(/[ \t]+$/, "") ?? ""}`);
  }
  return lines;
}

test("every response is read as by undici and node:http, or rejected if one of them rejects it", async () => {
  const wrong: string[] = [];
  const unused = new Set([...Object.keys(lawful), ...Object.keys(stricter)]);
  let accepted = 0;
  for (const one of corpus) {
    current = one.text;
    const [ours, undici, node] = [byOurs(one), await byUndici(one), await byNode(one)];
    if (ours !== "rejected") accepted += 1;
    const rejects = undici === "rejected" || node === "rejected";
    const isStricter = Object.values(stricter).some((pattern) => pattern.test(one.text));
    const isLawful = Object.values(lawful).some((pattern) => pattern.test(one.text));
    const isRight = rejects
      ? ours === "rejected" || isLawful
      : ours === "rejected"
        ? isStricter
        : same(ours, undici) && same(ours, node);
    // Each reason is needed by some response.
    const needed = rejects
      ? ours === "rejected"
        ? {}
        : lawful
      : ours === "rejected"
        ? stricter
        : {};
    for (const [why, pattern] of Object.entries(needed)) {
      if (pattern.test(one.text)) unused.delete(why);
    }
    if (!isRight)
      wrong.push(
        JSON.stringify({ name: one.name, text: one.text.slice(0, 120), ours, undici, node }),
      );
  }
  expect(wrong).toEqual([]);
  expect([...unused]).toEqual([]);
  expect(accepted).toBeGreaterThan(80);
}, 120_000);

function same(a: Reading, b: Reading): boolean {
  return JSON.stringify(a) === JSON.stringify(b);
}
