/**
 * A connection in memory, on which the test lets bytes arrive.
 *
 * @module
 */

import { Connection, type ConnectionOwner, type Receiver } from "../../../src/http1/connection.ts";
import type { ResponseHead } from "../../../src/http1/response-head.ts";
import { type Wire, type WireListener, bytesOf } from "../../../src/http1/wire.ts";

/** See the module. */
export class MemoryWire implements Wire {
  /** The bytes that were sent, one character each. */
  sent = "";
  isHeld = false;
  isReferenced = true;
  aborted: unknown;
  #isClosed = false;
  #listener: WireListener | undefined;
  /** The callbacks that wait until more may be sent; `undefined` if everything may be sent at once. */
  blocked: (() => void)[] | undefined;

  listen(listener: WireListener): void {
    this.#listener = listener;
  }

  send(bytes: string | Uint8Array<ArrayBuffer>): Promise<void> | undefined {
    this.sent += typeof bytes === "string" ? bytes : textOf(bytes);
    if (this.blocked === undefined) return undefined;
    return new Promise((resolve) => void this.blocked?.push(resolve));
  }

  hold(): void {
    this.isHeld = true;
  }

  release(): void {
    this.isHeld = false;
  }

  setReferenced(isReferenced: boolean): void {
    this.isReferenced = isReferenced;
  }

  abort(reason: unknown): void {
    this.aborted ??= reason;
    this.close(reason);
  }

  get isClosed(): boolean {
    return this.#isClosed;
  }

  /** Lets text arrive, one byte per character. */
  arrive(text: string): void {
    this.arriveBytes(bytesOf(text));
  }

  arriveBytes(bytes: Uint8Array<ArrayBuffer>): void {
    if (!this.#isClosed) this.#listener?.onBytes(bytes);
  }

  /** Lets the other side end its output. */
  end(): void {
    if (!this.#isClosed) this.#listener?.onEnd();
  }

  /** Lets the connection fail. */
  close(reason?: unknown): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#listener?.onClosed(reason);
  }
}

/** The result of a request. */
export class Outcome implements Receiver {
  head: ResponseHead | undefined;
  body = "";
  isComplete = false;
  failure: unknown;
  /** How often its end was reported. */
  ends = 0;

  onHead(head: ResponseHead): void {
    this.head = plain(head);
  }

  onBody(bytes: Uint8Array<ArrayBuffer>): void {
    this.body += textOf(bytes);
  }

  onComplete(): void {
    this.isComplete = true;
    this.ends += 1;
  }

  onFailure(error: unknown): void {
    this.failure = error;
    this.ends += 1;
  }
}

/** A connection in memory whose owner counts its calls. */
export class MemoryConnection implements ConnectionOwner {
  readonly wire: MemoryWire = new MemoryWire();
  readonly connection: Connection = new Connection(this.wire, "server.test", this);
  freed = 0;
  gone = 0;

  onFree(): void {
    this.freed += 1;
  }

  onGone(): void {
    this.gone += 1;
  }

  /** Sends a request without a body. */
  ask(method = "GET"): Outcome {
    const outcome = new Outcome();
    const message = { method, target: "/", fields: [], moreFields: [], body: null };
    this.connection.exchange(message, outcome);
    return outcome;
  }
}

/** Bytes as text, one character for each. */
function textOf(bytes: Uint8Array): string {
  let text = "";
  for (let at = 0; at < bytes.length; at += 8192) {
    text += String.fromCharCode(...bytes.subarray(at, at + 8192));
  }
  return text;
}

/** All that a head says, so that two of them can be compared. */
export function plain(head: ResponseHead): ResponseHead {
  const { minorVersion, status, statusText, fields, connectionFields } = head;
  return { minorVersion, status, statusText, fields, connectionFields };
}
