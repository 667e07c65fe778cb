/**
 * One connection that HTTP/1.1 is spoken on: a request, its response, then the next request. Nothing is pipelined, and
 * whatever is not part of the response that is waited for ends the connection, so that no response can reach another's
 * request.
 *
 * @module
 */

import { ConnectionError } from "../errors.ts";
import { LostError, checkInformational, isPersistent } from "./exchange-head.ts";
import { BodyReader, framingOf } from "./framing.ts";
import type { HeaderLine } from "../runtime.ts";
import { RequestHeadEncoder } from "./request-head.ts";
import { type ResponseHead, ResponseHeadReader, fieldOf } from "./response-head.ts";
import { type Wire, type WireListener, bytesOf } from "./wire.ts";

/** A request as a connection sends it. */
export interface OutgoingMessage {
  readonly method: string;
  /** The path and the query. */
  readonly target: string;
  readonly fields: Iterable<HeaderLine>;
  /** Fields that follow them. */
  readonly moreFields: readonly HeaderLine[];
  readonly body: string | Uint8Array<ArrayBuffer> | ReadableStream<Uint8Array> | null;
}

/** Learns of a request's response. */
export interface Receiver {
  onHead(head: ResponseHead): void;
  onBody(bytes: Uint8Array<ArrayBuffer>): void;
  /** The response is complete. */
  onComplete(): void;
  /** It broke off, or never came. */
  onFailure(error: unknown): void;
}

/** Learns of a connection. */
export interface ConnectionOwner {
  /** It can take the next request. */
  onFree(connection: Connection): void;
  /** It is gone, or takes no more requests. Called once. */
  onGone(connection: Connection): void;
}

/** More than this goes out by itself, and not in one piece with the head. */
const MAX_JOINED_BYTES = 64 * 1024;
/** Methods whose requests say that they have no body (RFC 9110 section 8.6). */
const methodsWithBody: ReadonlySet<string> = new Set(["POST", "PUT", "PATCH"]);

const encoder = new TextEncoder();

export class Connection implements WireListener {
  readonly #wire: Wire;
  readonly #owner: ConnectionOwner;
  readonly #requestHeads: RequestHeadEncoder;
  #receiver: Receiver | undefined;
  #method = "";
  readonly #heads = new ResponseHeadReader();
  /** The body that is being received; `undefined` before its head has come. */
  #body: BodyReader | undefined;
  #informational = 0;
  /** Whether the whole request was sent. */
  #isSent = true;
  #upload: ReadableStreamDefaultReader<Uint8Array> | undefined;
  /** Whether it may take another request after this one. */
  #isPersistent = true;
  #isGone = false;
  #goneBy: unknown;
  #isHeld = false;
  /** How many requests it has taken. */
  taken = 0;
  /** How long it may be idle by what the server says, in milliseconds. */
  idleLimitMs: number = Infinity;
  /** Since when it is idle. */
  idleSince = 0;
  /** Until when it may be idle. */
  idleUntil = 0;

  /** @param host What the header `host` says. */
  constructor(wire: Wire, host: string, owner: ConnectionOwner) {
    this.#wire = wire;
    this.#requestHeads = new RequestHeadEncoder(host);
    this.#owner = owner;
    wire.listen(this);
  }

  /** Whether it takes no more requests. */
  get isGone(): boolean {
    return this.#isGone;
  }

  /** What it is gone by. */
  get goneBy(): unknown {
    return this.#goneBy;
  }

  /** Sends a request. There must be no other on its way. */
  exchange(message: OutgoingMessage, receiver: Receiver): void {
    const { method, body } = message;
    const bytes = typeof body === "string" ? encoder.encode(body) : body;
    let head: string;
    try {
      head = this.#encodeHead(message, bytes);
    } catch (error) {
      this.#owner.onFree(this);
      receiver.onFailure(error);
      return;
    }
    this.taken += 1;
    this.#receiver = receiver;
    this.#method = method;
    this.#informational = 0;
    if (bytes === null) void this.#wire.send(head);
    else if (bytes instanceof Uint8Array) this.#sendBytes(head, bytes);
    else {
      this.#isSent = false;
      void this.#wire.send(head);
      this.#sendStream(bytes).catch((error: unknown) => this.abort(error));
    }
  }

  /** Ends it, and what is on its way. */
  abort(reason: unknown): void {
    this.#leave(reason);
    this.#fail(reason);
    this.#wire.abort(reason);
  }

  /** Reads no more until {@link Connection.release}. */
  hold(): void {
    this.#isHeld = true;
    this.#wire.hold();
  }

  /** Reads again. */
  release(): void {
    if (!this.#isHeld) return;
    this.#isHeld = false;
    this.#wire.release();
  }

  /** Whether it keeps the process alive. */
  setReferenced(isReferenced: boolean): void {
    this.#wire.setReferenced(isReferenced);
  }

  onBytes(bytes: Uint8Array<ArrayBuffer>): void {
    try {
      this.#take(bytes);
    } catch (error) {
      this.abort(error);
    }
  }

  onEnd(): void {
    // A body that goes on to the end of its connection is whole now.
    if (this.#body !== undefined) {
      try {
        this.#body.end();
        this.#isPersistent = false;
        this.#complete();
        return;
      } catch {
        // It broke off.
      }
    }
    this.abort(new LostError());
  }

  onClosed(reason: unknown = new LostError()): void {
    this.#leave(reason);
    this.#fail(reason);
  }

  #encodeHead(message: OutgoingMessage, body: Uint8Array | ReadableStream | null): string {
    const own: HeaderLine[] = [...message.moreFields];
    if (body instanceof Uint8Array) own.push(["content-length", String(body.length)]);
    else if (body !== null) own.push(["transfer-encoding", "chunked"]);
    else if (methodsWithBody.has(message.method)) own.push(["content-length", "0"]);
    return this.#requestHeads.encode(message, own);
  }

  #sendBytes(head: string, body: Uint8Array<ArrayBuffer>): void {
    if (body.length > MAX_JOINED_BYTES) {
      void this.#wire.send(head);
      void this.#wire.send(body);
      return;
    }
    // In one piece: one record of TLS, one packet.
    const bytes = new Uint8Array(head.length + body.length);
    bytes.set(bytesOf(head));
    bytes.set(body, head.length);
    void this.#wire.send(bytes);
  }

  async #sendStream(body: ReadableStream<Uint8Array>): Promise<void> {
    const reader = body.getReader();
    this.#upload = reader;
    for (;;) {
      const { done, value } = await reader.read();
      if (this.#upload !== reader) return; // It is no longer wanted.
      if (done) break;
      if (!(value instanceof Uint8Array)) {
        throw new TypeError("Cannot send the body: a piece of its stream is no Uint8Array");
      }
      if (value.length === 0) continue; // It would be the last.
      const chunk = new Uint8Array(value.length + 12);
      const size = bytesOf(`${value.length.toString(16)}\r\n`);
      chunk.set(size);
      chunk.set(value, size.length);
      chunk.set([13, 10], size.length + value.length);
      await this.#wire.send(chunk.subarray(0, size.length + value.length + 2));
      if (this.#upload !== reader) return;
    }
    this.#upload = undefined;
    this.#isSent = true;
    void this.#wire.send("0\r\n\r\n");
  }

  #take(bytes: Uint8Array<ArrayBuffer>): void {
    let at = 0;
    while (this.#body === undefined) {
      if (this.#receiver === undefined) throw new ConnectionError(`Cannot read on: ${unasked}`);
      const found = this.#heads.push(bytes, at);
      if (found === undefined) return;
      at = found.end;
      this.#takeHead(found.head);
    }
    const end = this.#body.push(bytes, at);
    if (end === -1) return;
    if (end < bytes.length) this.#isPersistent = false; // More than was announced.
    this.#complete();
  }

  #takeHead(head: ResponseHead): void {
    if (head.status < 200) {
      this.#informational += 1;
      if (head.status === 101) throw new ConnectionError(`Cannot read the response: ${switched}`);
      checkInformational(head, this.#informational);
      return;
    }
    const framing = framingOf(head, this.#method === "HEAD");
    this.#body = new BodyReader(framing, this.#onData);
    this.#isPersistent = isPersistent(head);
    this.#noteIdleLimit(head);
    this.#receiver?.onHead(head);
  }

  readonly #onData = (piece: Uint8Array<ArrayBuffer>): void => this.#receiver?.onBody(piece);

  #noteIdleLimit(head: ResponseHead): void {
    const keepAlive = fieldOf(head, "keep-alive");
    if (keepAlive === null) return;
    const [, seconds] = /(?:^|[,\s])timeout=(\d{1,6})(?:$|[,\s])/i.exec(keepAlive) ?? [];
    // A second less, so that no request meets the end of it.
    if (seconds !== undefined) this.idleLimitMs = Math.max(0, Number(seconds) - 1) * 1_000;
  }

  #complete(): void {
    const receiver = this.#receiver;
    this.#receiver = undefined;
    this.#body = undefined;
    if (this.#isGone || !this.#isPersistent || !this.#isSent) {
      // The server has answered before it has read everything: it would take the rest for a request.
      const reason = new ConnectionError("Cannot use the connection again: it has ended");
      this.#leave(reason);
      this.#wire.abort(reason);
    } else {
      this.release();
      this.#owner.onFree(this);
    }
    receiver?.onComplete();
  }

  /** Takes no more requests. */
  #leave(reason: unknown): void {
    const upload = this.#upload;
    this.#upload = undefined;
    upload?.cancel(new ConnectionError("Cannot send the rest of the body")).catch(() => {});
    if (this.#isGone) return;
    this.#isGone = true;
    this.#goneBy = reason;
    this.#owner.onGone(this);
  }

  #fail(reason: unknown): void {
    const receiver = this.#receiver;
    this.#receiver = undefined;
    this.#body = undefined;
    receiver?.onFailure(reason);
  }
}

const unasked = "the server sends what nobody has asked for";
const switched = "the server changes the protocol, which nobody has asked for";
