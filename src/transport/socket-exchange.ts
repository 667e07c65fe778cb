/**
 * A request over a connection of ours, and its response.
 *
 * @module
 */

import type { Connection, OutgoingMessage, Receiver } from "../http1/connection.ts";
import type { Job, Pool } from "../http1/pool.ts";
import { type ResponseHead, fieldOf } from "../http1/response-head.ts";
import type { BodyLimit, Ending, TransportResponse } from "../runtime.ts";
import { pooledResponseClass } from "./pooled-response.ts";
import { safeMethods } from "./request.ts";
import { declaredBytes, readText } from "./read-text.ts";
import { type Flow, ReceivedBody, handOver } from "./received-body.ts";

/** What an exchange is about. */
export interface ExchangeParts {
  readonly pool: Pool;
  readonly message: OutgoingMessage;
  /** The response's URL. */
  readonly url: string;
  readonly signal: AbortSignal | undefined;
  /** See {@link TransportRequest.ending}. */
  readonly ending: Ending | undefined;
  /** Whether it needs a connection that has carried no other request. */
  readonly isFresh: boolean;
}

/** Sends a request; gives its response as soon as the headers are there. */
export function exchange(parts: ExchangeParts): Promise<TransportResponse> {
  return new Promise((resolve, reject) => {
    new SocketExchange(parts, resolve, reject).begin();
  });
}

class SocketExchange implements Job, Receiver, Flow, TransportResponse {
  readonly isFresh: boolean;
  readonly isRepeatable: boolean;
  readonly #parts: ExchangeParts;
  readonly #resolve: (response: TransportResponse) => void;
  readonly #reject: (error: unknown) => void;
  readonly #body: ReceivedBody = new ReceivedBody(this);
  #connection: Connection | undefined;
  #head: ResponseHead | undefined;
  #isOver = false;
  #listeners: (() => void)[] | undefined;
  /** The HTTP status. */
  status = 0;

  constructor(
    parts: ExchangeParts,
    resolve: (response: TransportResponse) => void,
    reject: (error: unknown) => void,
  ) {
    this.isFresh = parts.isFresh;
    this.isRepeatable = safeMethods.has(parts.message.method);
    this.#parts = parts;
    this.#resolve = resolve;
    this.#reject = reject;
  }

  begin(): void {
    const { signal, ending, pool } = this.#parts;
    if (signal?.aborted === true) return this.#reject(signal.reason);
    if (ending === undefined) signal?.addEventListener("abort", this.#onAbort);
    else ending.onEnd = this.#onAbort;
    pool.add(this);
  }

  readonly #onAbort = (): void => {
    const { signal, pool } = this.#parts;
    const reason: unknown = signal?.reason;
    this.#body.clear();
    if (this.#connection !== undefined) return this.#connection.abort(reason);
    pool.remove(this);
    this.fail(reason);
  };

  start(connection: Connection): void {
    this.#connection = connection;
    connection.exchange(this.#parts.message, this);
  }

  fail(error: unknown): void {
    this.#leave();
    this.#reject(error);
  }

  onHead(head: ResponseHead): void {
    this.#head = head;
    this.status = head.status;
    this.#resolve(this);
  }

  onBody(bytes: Uint8Array<ArrayBuffer>): void {
    this.#body.push(bytes);
  }

  onComplete(): void {
    this.#leave();
    this.#body.end();
  }

  onFailure(error: unknown): void {
    this.#leave();
    this.#body.end(error instanceof Error ? error : new Error(String(error)));
    this.#reject(error); // If there is a response already, its body tells.
  }

  #leave(): void {
    const { signal, ending } = this.#parts;
    if (ending === undefined) signal?.removeEventListener("abort", this.#onAbort);
    else if (ending.onEnd === this.#onAbort) ending.onEnd = undefined;
    this.#connection = undefined;
    this.#isOver = true;
    for (const listener of this.#listeners ?? []) listener();
  }

  pause(): void {
    this.#connection?.hold();
  }

  resume(): void {
    this.#connection?.release();
  }

  abort(reason: Error): void {
    this.#connection?.abort(reason);
  }

  onEnd(listener: () => void): void {
    if (this.#isOver) listener();
    else (this.#listeners ??= []).push(listener);
  }

  header(name: string): string | null {
    return this.#head === undefined ? null : fieldOf(this.#head, name);
  }

  text(limit: BodyLimit): Promise<string> {
    return this.header("content-encoding") === null
      ? this.#body.text(limit, () => declaredBytes(this))
      : readText(this.toResponse().body, limit);
  }

  async discard(): Promise<void> {
    await this.#body.discard();
  }

  toResponse(): Response {
    const { url, message } = this.#parts;
    const headers = new Headers();
    for (const [name, value] of this.#head?.fields ?? []) headers.append(name, value);
    const statusText = this.#head?.statusText ?? "";
    const init = { status: this.status, statusText, headers };
    return new (pooledResponseClass())(
      handOver(this.#body, { method: message.method, ...init }),
      init,
      url,
    );
  }
}
