import { expect, test } from "vitest";
import { ConnectionError } from "../../../src/errors.ts";
import { exchangeHead } from "../../../src/http1/exchange-head.ts";
import { bytesOf } from "../../../src/http1/wire.ts";
import type { ByteStream } from "../../../src/runtime.ts";

const established = "HTTP/1.1 200 Connection established\r\n\r\n";
const early = "HTTP/1.1 103 A\r\nlink: a\r\n\r\n";

/** A connection on which a server has sent all that it will. */
function streamOf(text: string): ByteStream {
  const pieces = [bytesOf(text)];
  return {
    read: async () => await Promise.resolve(pieces.shift()),
    write: async () => await Promise.resolve(),
    end: () => {},
    abort: () => {},
    closed: new Promise(() => {}),
  };
}

async function ask(text: string): Promise<number> {
  const request = { method: "CONNECT", target: "server.test:443", fields: [] };
  return (await exchangeHead(streamOf(text), request)).head.status;
}

test("exchangeHead() returns the head that follows up to 16 informational ones", async () => {
  expect(await ask(established)).toBe(200);
  expect(await ask(early.repeat(16) + established)).toBe(200);
});

test.each([
  ["are too many", early.repeat(17)],
  ["are of HTTP/1.0", early.replace("1.1", "1.0")],
  ["have a body", early.replace("link: a", "content-length: 5")],
  ["close the connection", early.replace("link: a", "connection: close")],
])("exchangeHead() rejects the response after informational ones that %s", async (_, text) => {
  await expect(ask(text + established)).rejects.toBeInstanceOf(ConnectionError);
});
