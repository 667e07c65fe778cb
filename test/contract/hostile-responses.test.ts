/**
 * Responses of a hostile server, over sockets. Each is rejected, or read in exactly one way. None crashes the
 * program or hangs, and no part of one reaches another request.
 *
 * @module
 */

import { describe, expect, test } from "vitest";
import type { KubeClient } from "../../src/index.ts";
import { entry } from "./support/entry.ts";
import { rawPath } from "./support/raw-responses.ts";
import { type Cluster, connectClient, startCluster, until } from "./support/scene.ts";

const OK = "HTTP/1.1 200 OK\r\n";
const chunked = `${OK}Transfer-Encoding: chunked\r\n\r\n`;
const poison = `${OK}Content-Length: 6\r\n\r\npoison`;
const five = `${OK}Content-Length: 5\r\n\r\nhello`;

/** The bytes that are sent, and the body that is read from them; `undefined` if they are rejected. */
const responses: readonly (readonly [name: string, bytes: string, body: string | undefined])[] = [
  [
    "a length and chunks",
    `${OK}Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n${poison}`,
    undefined,
  ],
  [
    "chunks and a length",
    `${OK}Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n${poison}`,
    undefined,
  ],
  ["two lengths", `${OK}Content-Length: 5\r\nContent-Length: 55\r\n\r\nhello${poison}`, undefined],
  ["a length with a sign", `${OK}Content-Length: +5\r\n\r\nhello`, undefined],
  ["a length beyond 2^64", `${OK}Content-Length: 18446744073709551621\r\n\r\nhello`, undefined],
  ["another coding", `${OK}Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n`, undefined],
  [
    "a folded header line",
    `${OK}A: b\r\n Content-Length: 0\r\nContent-Length: 5\r\n\r\nhello`,
    undefined,
  ],
  ["a bare line feed", `${OK}Content-Length: 5\n\r\nhello`, undefined],
  [
    "a bare carriage return",
    `${OK}A: b\rContent-Length: 0\r\nContent-Length: 5\r\n\r\nhello`,
    undefined,
  ],
  ["a blank before the colon", `${OK}Content-Length : 5\r\n\r\nhello`, undefined],
  ["a header without an end", `${OK}${"A: b\r\n".repeat(20_000)}`, undefined],
  ["more fields than are taken", `${OK}${"A: b\r\n".repeat(300)}\r\n`, undefined],
  ["a chunk of a huge size", `${chunked}ffffffffffffffff\r\nhello\r\n0\r\n\r\n`, undefined],
  ["a chunk longer than it says", `${chunked}4\r\nhello\r\n0\r\n\r\n`, undefined],
  ["a chunk with a bare line feed", `${chunked}5\nhello\r\n0\r\n\r\n`, undefined],
  ["an endless extension", `${chunked}5;${"a".repeat(100_000)}`, undefined],
  [
    "extensions that outweigh the data",
    `${chunked}${`1;${"a".repeat(4_000)}\r\nh\r\n`.repeat(10)}0\r\n\r\n`,
    undefined,
  ],
  [
    "a trailer that is a length",
    `${chunked}5\r\nhello\r\n0\r\nContent-Length: 7\r\n\r\n`,
    undefined,
  ],
  ["a head in the place of a trailer", `${chunked}5\r\nhello\r\n0\r\n${poison}`, undefined],
  ["endless trailers", `${chunked}0\r\n${"A: b\r\n".repeat(20_000)}`, undefined],
  ["a flood of informational responses", "HTTP/1.1 103 A\r\n\r\n".repeat(1_000) + five, undefined],
  [
    "another protocol",
    `HTTP/1.1 101 A\r\nUpgrade: a\r\nConnection: upgrade\r\n\r\n${poison}`,
    undefined,
  ],
  ["no response", "", undefined],
  ["half a head", `${OK}Content-Le`, undefined],
  ["half a body", `${OK}Content-Length: 50\r\n\r\nhello`, undefined],
  ["half a chunk", `${chunked}50\r\nhello`, undefined],
  ["chunks without an end", `${chunked}5\r\nhello\r\n`, undefined],
  ["a greeting of another protocol", "SSH-2.0-OpenSSH_9.9\r\n", undefined],
  ["a frame of HTTP/2", "\u0000\u0000\u0000\u0004\u0000\u0000\u0000\u0000\u0000", undefined],
  ["more bytes than announced", `${five}${poison}`, "hello"],
  ["two responses to chunks", `${chunked}5\r\nhello\r\n0\r\n\r\n${poison}`, "hello"],
  ["a body of a 204", `HTTP/1.1 204 A\r\n\r\n${poison}`, ""],
  ["a length of a 304", `HTTP/1.1 304 A\r\nContent-Length: 5\r\n\r\n${poison}`, ""],
  ["some informational responses", "HTTP/1.1 103 A\r\nB: c\r\n\r\n".repeat(3) + five, "hello"],
  ["extensions and trailers", `${chunked}5;a="b;c"\r\nhello\r\n0;d\r\nA: b\r\n\r\n`, "hello"],
  ["a body to the end of the connection", `${OK}\r\nhello`, "hello"],
];

async function connectBySockets({ ca, server }: Cluster): Promise<KubeClient> {
  const config = { server: server.origin, ca: entry.staticCaSource(ca.pem) };
  return (await connectClient({ config, http: "sockets" })).kube;
}

/** The body that is read; `undefined` if the response is rejected. */
async function read(
  kube: KubeClient,
  path: string,
  init?: RequestInit,
): Promise<string | undefined> {
  try {
    return await (await kube.fetch(path, init)).text();
  } catch (error) {
    expect(error).toBeInstanceOf(Error);
    return undefined;
  }
}

describe("over sockets", () => {
  test.each(["", "&slowly=1"])(
    "fetch() reads only its own part of each response, or rejects it (%s)",
    async (how) => {
      const cluster = await startCluster();
      const kube = await connectBySockets(cluster);
      const wrong: unknown[] = [];
      for (const [name, bytes, body] of responses) {
        // No client can distinguish bytes that come after the next request was sent from that request's
        // response.
        const comesLate = body !== undefined && bytes.endsWith(poison);
        if (how !== "" && (bytes.length > 1_000 || comesLate)) continue;
        const path = await rawPath(bytes, how);
        // Several in a row and in parallel, so that a connection that is kept by mistake is used again.
        const [found, ...others] = await Promise.all([
          read(kube, path),
          ...Array.from({ length: 4 }, async (_, index) => {
            const asked = `/echo?name=${encodeURIComponent(name)}&index=${index}`;
            return (await kube.get<{ url: string }>(asked)).url === asked;
          }),
        ]);
        const next = await read(kube, "/text/200");
        const isRight =
          found === body && others.every(Boolean) && next === "plain text with status 200\n";
        if (!isRight) wrong.push({ name, found, others, next });
      }
      expect(wrong).toEqual([]);
      await kube.close();
      await until("nothing is open", async () => (await cluster.server.stats()).open === 0);
    },
    120_000,
  );

  test("fetch() does not wait for a connection that stays open after a broken response", async () => {
    const cluster = await startCluster();
    const kube = await connectBySockets(cluster);
    const broken = responses.filter(
      ([name, bytes, body]) =>
        body === undefined && bytes !== "" && !/half|without an end/.test(name),
    );
    for (const [name, bytes] of broken) {
      expect([name, await read(kube, await rawPath(bytes, "&then=nothing"))]).toEqual([
        name,
        undefined,
      ]);
    }
    await until("all are closed", async () => (await cluster.server.stats()).open === 0);
  }, 120_000);

  test("fetch() accepts a response that comes before its stream body was sent, and cancels the rest", async () => {
    const cluster = await startCluster();
    const kube = await connectBySockets(cluster);
    const { promise: cancelled, resolve } = Promise.withResolvers<void>();
    const body = new ReadableStream<Uint8Array>({
      start: (controller) => controller.enqueue(new Uint8Array(10)),
      cancel: () => resolve(),
    });
    const path = await rawPath(`${OK}Content-Length: 5\r\n\r\nhello`, "&early=1&then=nothing");
    expect(await read(kube, path, { method: "POST", body })).toBe("hello");
    await cancelled;
    await until("the connection is closed", async () => (await cluster.server.stats()).open === 0);
    expect(await read(kube, "/text/200")).toBe("plain text with status 200\n");
  });

  test("fetch() reads no body for HEAD, whatever its server sends", async () => {
    const cluster = await startCluster();
    const kube = await connectBySockets(cluster);
    const response = await kube.fetch(await rawPath(`${five}${poison}`), { method: "HEAD" });
    expect([response.headers.get("content-length"), await response.text()]).toEqual(["5", ""]);
    expect(await read(kube, "/text/200")).toBe("plain text with status 200\n");
  });
});
