/**
 * Replies of a SOCKS proxy that arrive in pieces.
 *
 * @module
 */

import { once } from "node:events";
import { type AddressInfo, createServer } from "node:net";
import { expect, onTestFinished, test } from "vitest";
import { connectBySocks } from "../../runtimes/node/socks-tunnel.ts";

/** The replies of a proxy that asks for a password and connects to an IPv4 address. */
const answers = [5, 2, 1, 0, 5, 0, 0, 1, 127, 0, 0, 1, 0, 80];

/** Starts a proxy that sends these bytes one at a time, and then text from the server. */
async function startProxy(bytes: readonly number[], then?: string): Promise<number> {
  const server = createServer((socket) => {
    socket.setNoDelay(true);
    socket.on("error", () => {});
    let sent = 0;
    const timer = setInterval(() => {
      const byte = bytes[sent++];
      if (byte !== undefined) return void socket.write(Buffer.from([byte]));
      clearInterval(timer);
      if (then !== undefined) socket.write(then);
    }, 5);
    socket.on("close", () => clearInterval(timer));
  });
  onTestFinished(() => void server.close());
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return (server.address() as AddressInfo).port;
}

function connect(proxyPort: number, signal: AbortSignal): ReturnType<typeof connectBySocks> {
  const credentials = { name: "user", password: "sesame" };
  return connectBySocks({
    proxyHost: "127.0.0.1",
    proxyPort,
    credentials,
    host: "::1",
    port: 80,
    signal,
  });
}

test("connectBySocks() accepts a reply byte by byte, and leaves the bytes after it to the server", async () => {
  const port = await startProxy(answers, "the server");
  const socket = await connect(port, new AbortController().signal);
  onTestFinished(() => void socket.destroy());
  let received = "";
  for await (const piece of socket) {
    received += String(piece);
    if (received.length >= "the server".length) break;
  }
  expect(received).toBe("the server");
});

test.each([1, 3, 5, 9])(
  "connectBySocks() does not block the process while a proxy pauses after %i bytes",
  async (count) => {
    const port = await startProxy(answers.slice(0, count));
    const end = new AbortController();
    const connecting = connect(port, end.signal);
    // This timer would not fire if the process were blocked.
    setTimeout(() => end.abort(new Error("it has taken long enough")), 200);
    await expect(connecting).rejects.toThrow("it has taken long enough");
  },
);
