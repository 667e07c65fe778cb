import { Duplex } from "node:stream";
import { expect, test } from "vitest";
import { SocketBytes } from "../../../runtimes/_shared/socket-bytes.ts";
import { rejection } from "../../support/rejection.ts";

/** A socket whose network the test plays. */
class PlayedSocket extends Duplex {
  /** The bytes that the network has not accepted yet. */
  readonly sent: { readonly bytes: Uint8Array; done(error?: Error): void }[] = [];

  override _read(): void {}

  override _write(bytes: Uint8Array, _encoding: string, done: (error?: Error) => void): void {
    this.sent.push({ bytes, done });
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    done(error);
  }
}

const piece = (letter: string, bytes = 40_000): Uint8Array<ArrayBuffer> =>
  new Uint8Array(bytes).fill(letter.charCodeAt(0));
const settled = async (): Promise<void> =>
  await new Promise((resolve) => void setImmediate(resolve));

test("read() returns everything that arrived before the connection failed", async () => {
  const socket = new PlayedSocket();
  const bytes = new SocketBytes(socket);
  const letters = ["a", "b", "c", "d"];
  for (const letter of letters) socket.push(piece(letter));
  await settled();
  socket.destroy(new Error("reset"));
  await bytes.closed;
  let read = "";
  const size = letters.length * 40_000;
  while (read.length < size) read += new TextDecoder().decode((await bytes.read()) ?? piece("-"));
  expect(read).toBe(letters.map((letter) => letter.repeat(40_000)).join(""));
  expect(await rejection(bytes.read())).toMatchObject({ message: "reset" });
});

test("write() waits for the network only when a certain amount is buffered", async () => {
  const socket = new PlayedSocket({ highWaterMark: 65_536 });
  const bytes = new SocketBytes(socket);
  await bytes.write(piece("a"));
  let isTaken = false;
  const second = bytes.write(piece("b")).then(() => {
    isTaken = true;
  });
  await settled();
  expect(isTaken).toBe(false);
  while (!isTaken) {
    socket.sent.shift()?.done();
    await settled();
  }
  await second;
  const waiting = rejection(Promise.all([bytes.write(piece("c")), bytes.write(piece("d"))]));
  bytes.abort(new Error("enough"));
  expect(await waiting).toMatchObject({ message: "enough" });
});

test("write() rejects once an earlier one has failed", async () => {
  const socket = new PlayedSocket();
  const bytes = new SocketBytes(socket);
  await bytes.write(piece("a", 10));
  socket.sent.shift()?.done(new Error("broken pipe"));
  expect(await rejection(bytes.write(piece("b", 10)))).toMatchObject({ code: "ECONNRESET" });
});
