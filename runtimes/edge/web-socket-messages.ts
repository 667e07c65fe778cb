/**
 * WebSockets by the platform's own `fetch`, or a bound service's, where there is no `connect`.
 *
 * The platform reads on whoever reads its messages: nothing slows a server down, so what piles up has a limit.
 *
 * @module
 */

import { ConnectionError } from "../../src/errors.ts";
import { checkClose } from "../../src/pods/web-socket.ts";
import type { TransportRequest, TransportResponse, UpgradedMessages } from "../../src/runtime.ts";
import { fromResponse } from "../../src/transport/response.ts";
import type { EdgeFetch } from "./runtime.ts";

/** Half of the memory that a worker has. */
const MAX_UNREAD_BYTES = 64 * 1024 * 1024;
/** What the platform sends by itself. */
const ownHeaders: ReadonlySet<string> = new Set([
  "connection",
  "sec-websocket-key",
  "sec-websocket-version",
]);

/** What is used of a platform's WebSocket. */
interface PlatformSocket {
  binaryType?: string;
  accept(): void;
  send(message: Uint8Array<ArrayBuffer>): void;
  close(code?: number): void;
  addEventListener(
    type: "message",
    listener: (event: { readonly data: string | ArrayBuffer }) => void,
  ): void;
  addEventListener(type: "close", listener: (event: { readonly code: number }) => void): void;
  addEventListener(type: "error", listener: () => void): void;
}

/** See {@link Transport.upgrade}. */
export async function upgradeByFetch(
  send: EdgeFetch,
  url: string,
  request: TransportRequest,
): Promise<UpgradedMessages | TransportResponse> {
  const { method, headers, signal } = request;
  signal?.throwIfAborted();
  const init: RequestInit = {
    method,
    headers: [...headers].filter(([name]) => !ownHeaders.has(name)),
    redirect: "manual",
  };
  if (signal !== undefined) init.signal = signal;
  const response: Response & { readonly webSocket?: PlatformSocket | null } = await send(url, init);
  if (response.webSocket) return new Messages(response.webSocket, response.headers, signal);
  if (response.status !== 101) return fromResponse(response, url);
  throw new ConnectionError(
    "Cannot open a WebSocket: this fetch gives none; pass connect() the option connect, such as (address, options) => env.API.connect(address, options) of a bound service",
  );
}

/** See the module. */
class Messages implements UpgradedMessages {
  readonly closed: Promise<void>;
  readonly #socket: PlatformSocket;
  readonly #headers: Headers;
  readonly #received: Uint8Array<ArrayBuffer>[] = [];
  #unreadBytes = 0;
  /** How it ended: without a failure, the server has closed it normally. */
  #end: { readonly failure?: unknown } | undefined;
  /** Why it was closed at once, if it was. */
  #aborted: { readonly reason: unknown } | undefined;
  #isEnding = false;
  #wake = (): void => {};
  #onClosed = (): void => {};

  constructor(socket: PlatformSocket, headers: Headers, signal: AbortSignal | undefined) {
    this.#socket = socket;
    this.#headers = headers;
    const onAbort = (): void => this.abort(signal?.reason);
    this.closed = new Promise((resolve) => {
      this.#onClosed = () => {
        signal?.removeEventListener("abort", onAbort);
        resolve();
      };
    });
    signal?.addEventListener("abort", onAbort, { once: true });
    socket.binaryType = "arraybuffer"; // By newer dates of compatibility, it is "blob".
    socket.addEventListener("message", ({ data }) => this.#take(data));
    socket.addEventListener("close", ({ code }) => {
      try {
        checkClose(code);
        this.#finish({});
      } catch (failure) {
        this.#finish({ failure });
      }
    });
    socket.addEventListener("error", () => {
      const lost = "Cannot read from the WebSocket: the connection was lost";
      this.#finish({ failure: new ConnectionError(lost) });
    });
    socket.accept();
    if (signal?.aborted === true) onAbort();
  }

  header(name: string): string | null {
    return this.#headers.get(name);
  }

  async receive(): Promise<Uint8Array<ArrayBuffer> | undefined> {
    for (;;) {
      if (this.#aborted !== undefined) throw this.#aborted.reason;
      const message = this.#received.shift();
      if (message !== undefined) {
        this.#unreadBytes -= message.length;
        return message;
      }
      if (this.#end !== undefined) {
        if ("failure" in this.#end) throw this.#end.failure;
        return undefined;
      }
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }

  async send(...parts: Uint8Array[]): Promise<void> {
    if (this.#aborted !== undefined) throw this.#aborted.reason;
    if (this.#end !== undefined || this.#isEnding) {
      throw new ConnectionError("Cannot write to the WebSocket: it is closed");
    }
    const message = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
    let at = 0;
    for (const part of parts) {
      message.set(part, at);
      at += part.length;
    }
    this.#socket.send(message);
  }

  close(): void {
    if (this.#isEnding) return;
    this.#isEnding = true;
    this.#socket.close(1000);
    this.#onClosed();
  }

  abort(reason: unknown): void {
    this.#aborted ??= { reason };
    this.#received.length = 0;
    this.#finish({ failure: reason });
    this.close();
  }

  #take(data: string | ArrayBuffer): void {
    const message =
      typeof data === "string" ? new TextEncoder().encode(data) : new Uint8Array(data);
    this.#unreadBytes += message.length;
    if (this.#end !== undefined) return;
    if (this.#unreadBytes > MAX_UNREAD_BYTES) {
      const advice =
        "this platform reads on although nobody reads its messages; read faster, or pass connect() the option connect";
      this.abort(
        new ConnectionError(
          `Cannot read from the WebSocket: ${MAX_UNREAD_BYTES} bytes are unread, and ${advice}`,
        ),
      );
      return;
    }
    this.#received.push(message);
    this.#wake();
  }

  #finish(end: { readonly failure?: unknown }): void {
    this.#end ??= end;
    this.#onClosed();
    this.#wake();
  }
}
