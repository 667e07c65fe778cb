/**
 * A request on Node and its response, as undici's dispatcher reports them: without the stream that its
 * `request` makes of every body, however small.
 *
 * @module
 */

import type { Buffer } from "node:buffer";
import type { IncomingHttpHeaders } from "node:http";
import type { Dispatcher } from "undici";
import type { BodyLimit, TransportResponse } from "../../src/runtime.ts";
import { readText } from "../../src/transport/read-text.ts";
import type { ConnectionAttempts } from "./connection-attempts.ts";
import { pooledResponseClass } from "../../src/transport/pooled-response.ts";
import { ReceivedBody, handOver } from "../../src/transport/received-body.ts";

/** What an exchange is about. */
export interface ExchangeOptions {
  /** The response's URL. */
  readonly url: string;
  readonly method: string;
  readonly signal: AbortSignal | undefined;
  /** Who waits for a connection. */
  readonly attempts: ConnectionAttempts;
}

/** Sends a request; gives its response as soon as the headers are there. */
export function exchange(
  dispatcher: Dispatcher,
  request: Dispatcher.DispatchOptions,
  options: ExchangeOptions,
): Promise<TransportResponse> {
  return new Promise((resolve, reject) => {
    dispatcher.dispatch(request, new Exchange(options, resolve, reject));
  });
}

/**
 * Goes on when the connection is free for the next request, which undici makes it one turn after the end of a
 * response: who asks at once would get a connection more.
 */
function onceFree(goOn: () => void): void {
  setImmediate(goOn);
}

class Exchange implements Dispatcher.DispatchHandler, TransportResponse {
  readonly #options: ExchangeOptions;
  readonly #resolve: (response: TransportResponse) => void;
  readonly #reject: (error: Error) => void;
  readonly #body: ReceivedBody;
  #controller: Dispatcher.DispatchController | undefined;
  #headers: IncomingHttpHeaders = {};
  #statusText = "";
  /** Whether it waits for a connection. */
  #isWaiting = true;
  #isOver = false;
  #listeners: (() => void)[] = [];
  /** The HTTP status. */
  status = 0;

  constructor(
    options: ExchangeOptions,
    resolve: (response: TransportResponse) => void,
    reject: (error: Error) => void,
  ) {
    this.#options = options;
    this.#resolve = resolve;
    this.#reject = reject;
    this.#body = new ReceivedBody({
      pause: () => this.#controller?.pause(),
      resume: () => this.#controller?.resume(),
      abort: (reason) => this.#controller?.abort(reason),
    });
    options.signal?.addEventListener("abort", this.#onAbort);
    options.attempts.enter();
  }

  readonly #onAbort = (): void => {
    const { signal, attempts } = this.#options;
    this.#body.clear();
    if (this.#controller !== undefined) this.#controller.abort(signal?.reason as Error);
    else if (this.#isWaiting) {
      this.#isWaiting = false;
      attempts.giveUp();
    }
  };

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.#controller = controller;
    this.#stopWaiting();
    if (this.#options.signal?.aborted === true) this.#onAbort();
  }

  onResponseStart(
    _controller: Dispatcher.DispatchController,
    status: number,
    headers: IncomingHttpHeaders,
    statusText = "",
  ): void {
    if (status < 200) return; // The response itself is still to come.
    this.status = status;
    this.#headers = headers;
    this.#statusText = statusText;
    // A small body has arrived as a whole by then.
    queueMicrotask(() => {
      if (this.#isOver) onceFree(() => this.#resolve(this));
      else this.#resolve(this);
    });
  }

  onResponseData(_controller: Dispatcher.DispatchController, chunk: Buffer): void {
    this.#body.push(chunk as Buffer<ArrayBuffer>);
  }

  onResponseEnd(): void {
    this.#leave();
    this.#body.end();
  }

  onResponseError(_controller: Dispatcher.DispatchController, error: Error): void {
    this.#leave();
    this.#body.end(error);
    this.#reject(error); // Where there is a response already, its body tells.
  }

  #leave(): void {
    this.#options.signal?.removeEventListener("abort", this.#onAbort);
    this.#stopWaiting();
    this.#isOver = true;
    for (const listener of this.#listeners) listener();
  }

  #stopWaiting(): void {
    if (!this.#isWaiting) return;
    this.#isWaiting = false;
    this.#options.attempts.leave();
  }

  onEnd(listener: () => void): void {
    if (this.#isOver) listener();
    else this.#listeners.push(listener);
  }

  header(name: string): string | null {
    const value = this.#headers[name];
    return Array.isArray(value) ? value.join(", ") : (value ?? null);
  }

  async text(limit: BodyLimit): Promise<string> {
    if (this.header("content-encoding") === null) return await this.#body.text(limit);
    return await readText(this.toResponse().body, limit);
  }

  async discard(): Promise<void> {
    await this.#body.discard();
  }

  toResponse(): Response {
    const { url, method } = this.#options;
    const headers = new Headers();
    for (const [name, value] of Object.entries(this.#headers)) {
      if (typeof value === "string") headers.set(name, value);
      else for (const line of value ?? []) headers.append(name, line);
    }
    const init = { status: this.status, statusText: this.#statusText, headers };
    return new (pooledResponseClass())(handOver(this.#body, { method, ...init }), init, url);
  }
}
