/**
 * The least that a request can cost: undici without its `fetch`, and TLS sockets with no HTTP but what their server
 * happens to speak.
 *
 * @module
 */

import { readFile } from "node:fs/promises";
import { type TLSSocket, connect } from "node:tls";
import type { Place } from "../stage.ts";
import { bareHeaders } from "./entry.ts";

/** Sends a request, and reads its answer. */
export type SendOne = () => Promise<unknown>;

/** By undici's `dispatch`. */
export async function bareDispatch({ root, origin }: Place, path: string): Promise<SendOne> {
  const { Agent } = await import("undici");
  const ca = await readFile(`${root}/ca.crt`, "utf8");
  const headers = await bareHeaders(root);
  const agent = new Agent({ allowH2: false, connect: { ca } });
  return () =>
    new Promise((resolve, reject) => {
      const chunks: Buffer[] = [];
      agent.dispatch(
        { origin, path, method: "GET", headers },
        {
          onRequestStart() {},
          onResponseStart() {},
          onResponseData: (_, chunk) => void chunks.push(chunk),
          onResponseEnd: () => resolve(JSON.parse(Buffer.concat(chunks).toString())),
          onResponseError: (_, error) => reject(error),
        },
      );
    });
}

/** By `node:tls`, with a connection for each request at once. It reads a length, and nothing else of a head. */
export async function bareSockets({ root, origin }: Place, path: string): Promise<SendOne> {
  const ca = await readFile(`${root}/ca.crt`, "utf8");
  const { hostname, port } = new URL(origin);
  const lines = Object.entries(await bareHeaders(root)).map(([name, value]) => `${name}: ${value}`);
  const head = [`GET ${path} HTTP/1.1`, `host: ${hostname}:${port}`, ...lines, "", ""].join("\r\n");
  const free: RawConnection[] = [];

  async function open(): Promise<RawConnection> {
    const socket = connect({ host: hostname, port: Number(port), ca, servername: "" });
    await new Promise<void>((resolve, reject) => {
      socket.once("secureConnect", resolve);
      socket.once("error", reject);
    });
    socket.setNoDelay(true);
    return new RawConnection(socket);
  }

  return async () => {
    const connection = free.pop() ?? (await open());
    const text = await connection.ask(head);
    free.push(connection);
    return JSON.parse(text);
  };
}

class RawConnection {
  readonly #socket: TLSSocket;
  #received = "";
  #onAnswer: (text: string) => void = () => {};

  constructor(socket: TLSSocket) {
    this.#socket = socket;
    socket.setEncoding("latin1");
    socket.on("data", (text: string) => this.#take(text));
  }

  ask(head: string): Promise<string> {
    return new Promise((resolve) => {
      this.#onAnswer = resolve;
      this.#socket.write(head, "latin1");
    });
  }

  #take(text: string): void {
    this.#received += text;
    const bodyAt = this.#received.indexOf("\r\n\r\n") + 4;
    const [, length = ""] = /\r\ncontent-length: (\d+)/i.exec(this.#received) ?? [];
    if (bodyAt < 4 || this.#received.length < bodyAt + Number(length)) return;
    const body = this.#received.slice(bodyAt);
    this.#received = "";
    this.#onAnswer(body);
  }
}
