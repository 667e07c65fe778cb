/**
 * Connections of their own on an edge runtime: TLS is the platform's.
 *
 * @module
 */

import { orAborted } from "../../src/abort.ts";
import { withoutBrackets } from "../../src/ip-address.ts";
import type {
  ByteStream,
  TransportRequest,
  TransportResponse,
  Upgraded,
  UpgradedConnection,
} from "../../src/runtime.ts";
import { upgradeOver } from "../../src/transport/upgrade-byte-stream.ts";
import type { EdgeBinding, EdgeConnect, EdgeSocket } from "./runtime.ts";
import { upgradeByFetch } from "./web-socket-messages.ts";

/** See {@link Transport.upgrade}. By `connect` if there is one, and otherwise by the `fetch` of a bound service. */
export async function upgradeOnEdge(
  { send, connect }: EdgeBinding,
  url: string,
  request: TransportRequest,
): Promise<Upgraded | TransportResponse> {
  if (connect !== undefined) return await upgradeByConnect(connect, url, request);
  return await upgradeByFetch(send, url, request);
}

async function upgradeByConnect(
  connect: EdgeConnect,
  url: string,
  request: TransportRequest,
): Promise<UpgradedConnection | TransportResponse> {
  const { signal } = request;
  signal?.throwIfAborted();
  const target = new URL(url);
  const isSecure = target.protocol === "https:";
  const hostname = withoutBrackets(target.hostname);
  const port = Number(target.port || (isSecure ? 443 : 80));
  const socket = connect(
    { hostname, port },
    { secureTransport: isSecure ? "on" : "off", allowHalfOpen: false },
  );
  const stream = new WebBytes(socket);
  const onAbort = (): void => stream.abort(signal?.reason);
  signal?.addEventListener("abort", onAbort);
  void stream.closed.then(() => signal?.removeEventListener("abort", onAbort));
  return await upgradeOver(stream, url, request);
}

/** A pair of web streams as a byte stream. */
class WebBytes implements ByteStream {
  readonly closed: Promise<void>;
  readonly #socket: EdgeSocket;
  readonly #reader: ReadableStreamDefaultReader<Uint8Array>;
  readonly #writer: WritableStreamDefaultWriter<Uint8Array>;
  readonly #aborted = new AbortController();
  #onClosed = (): void => {};

  constructor(socket: EdgeSocket) {
    this.#socket = socket;
    this.#reader = socket.readable.getReader();
    this.#writer = socket.writable.getWriter();
    this.#writer.closed.catch(() => {}); // A failed write leaves reading alone, which tells.
    this.closed = new Promise((resolve) => {
      this.#onClosed = resolve;
    });
    this.#reader.closed.then(this.#onClosed, this.#onClosed);
  }

  async read(): Promise<Uint8Array<ArrayBuffer> | undefined> {
    const { value } = await orAborted(this.#reader.read(), this.#aborted.signal);
    return value as Uint8Array<ArrayBuffer> | undefined;
  }

  async write(bytes: Uint8Array<ArrayBuffer>): Promise<void> {
    await orAborted(this.#writer.write(bytes), this.#aborted.signal);
  }

  end(): void {
    this.#writer
      .close()
      .catch(() => {})
      .then(async () => await this.#close())
      .catch(() => {});
  }

  abort(reason: unknown): void {
    this.#aborted.abort(reason);
    this.#close().catch(() => {}); // It is gone in either case.
  }

  async #close(): Promise<void> {
    this.#onClosed();
    await this.#socket.close();
  }
}
