/**
 * A SPDY/3.1 session of port-forwarding inside a WebSocket: each connection has a pair of its streams, one for bytes
 * and one for errors (kubernetes `client-go/tools/portforward`).
 *
 * The nodes' SPDY has no flow control (moby/spdystream). If the reader of one connection is slow, every other one
 * of the session waits, so a session carries several only if its user asks for that.
 *
 * @module
 */

import { ConnectionError } from "../errors.ts";
import type { Clock, MessageSocket } from "../runtime.ts";
import { Forwarded, type ForwardedConnection, type HalfClose } from "./forwarded-connection.ts";
import { SpdyPings } from "./spdy-pings.ts";
import { type SpdyFrame, SpdyReader, SpdyWriter } from "./spdy.ts";

/** How the connections of a session behave. */
export interface ForwardSettings {
  readonly halfClose: HalfClose;
  readonly clock: Clock;
  /** Which port of which pod, for messages. */
  readonly what: string;
  /** Aborted when they are given up. */
  readonly signal: AbortSignal;
}

/** Streams are numbered up to here. */
const MAX_STREAM = 0x7fff_ffff;
/** A client's streams have odd numbers, and a connection has two of them. */
const ERROR_TO_DATA = 2;

/** See the module. */
export class SpdySession {
  readonly #socket: MessageSocket;
  readonly #settings: ForwardSettings;
  readonly #isKept: () => boolean;
  readonly #writer = new SpdyWriter();
  readonly #reader = new SpdyReader();
  readonly #pings: SpdyPings;
  /** The connections, by the number of their error stream. */
  readonly #connections = new Map<number, Forwarded>();
  /** The connection that takes bytes at this moment. */
  #receiving: Forwarded | undefined;
  #nextStream = 1;
  #isSealed = false;
  #isOver = false;

  /** @param isKept Whether it stays open without a connection, unless it is sealed. */
  constructor(socket: MessageSocket, settings: ForwardSettings, isKept: () => boolean) {
    this.#socket = socket;
    this.#settings = settings;
    this.#isKept = isKept;
    const { clock, signal } = settings;
    this.#pings = new SpdyPings({
      clock,
      ping: (id) => this.#sendUnawaited(this.#writer.ping(id)),
      onDead: (ms) => this.#end(this.#failure(`its node has been silent for ${ms} ms`)),
    });
    const onAbort = (): void => this.#end(signal.reason);
    signal.addEventListener("abort", onAbort, { once: true });
    if (signal.aborted) onAbort();
    void this.#receiveAll()
      .then(
        () => this.#end(undefined),
        (error: unknown) => this.#end(error),
      )
      .then(() => signal.removeEventListener("abort", onAbort));
  }

  /** Whether another connection would not have to wait for the present ones. */
  get takesMore(): boolean {
    const isBusy = this.#receiving?.isStalled === true || !this.#pings.isAnswered;
    return !this.#isOver && !this.#isSealed && !isBusy;
  }

  /** Opens a connection to a port. */
  async open(port: number): Promise<ForwardedConnection> {
    const { signal, halfClose, clock, what } = this.#settings;
    signal.throwIfAborted();
    if (this.#isOver) throw this.#failure("the connection was lost");
    const stream = this.#nextStream;
    const dataStream = stream + ERROR_TO_DATA;
    this.#nextStream += 2 * ERROR_TO_DATA;
    if (this.#nextStream + ERROR_TO_DATA > MAX_STREAM) this.#isSealed = true;
    const writer = this.#writer;
    const forwarded = new Forwarded({
      halfClose,
      clock,
      what,
      isWaitedFor: () => this.#connections.size > 1,
      link: {
        endsSides: true,
        send: async (bytes) => await this.#send(writer.dataHead(dataStream, bytes.length), bytes),
        end: async () => await this.#send(writer.dataHead(dataStream, 0, true)),
        close: () => this.#remove(stream),
        abort: (reason) => this.#abort(stream, reason),
      },
    });
    this.#connections.set(stream, forwarded);
    const headers = { port: String(port), requestid: String(stream) };
    try {
      await this.#send(
        writer.open(stream, { streamtype: "error", ...headers }),
        writer.dataHead(stream, 0, true),
        writer.open(dataStream, { streamtype: "data", ...headers }),
      );
    } catch (error) {
      forwarded.giveUp(error);
      throw error;
    }
    return forwarded;
  }

  /** Takes no more connections, and closes once the last one has ended. */
  seal(): void {
    this.#isSealed = true;
    this.closeIfUnused();
  }

  /** Closes it if nothing needs it. */
  closeIfUnused(): void {
    if (this.#isOver || this.#connections.size > 0) return;
    if (this.#isKept() && !this.#isSealed) return;
    this.#isOver = true;
    this.#pings.stop();
    this.#socket.close();
  }

  async #receiveAll(): Promise<void> {
    while (!this.#isOver) {
      this.#pings.onWaiting();
      const message = await this.#socket.receive();
      this.#pings.onHeard();
      if (message === undefined) return;
      for (const frame of this.#reader.push(message)) await this.#take(frame);
    }
  }

  async #take(frame: SpdyFrame): Promise<void> {
    switch (frame.type) {
      case "data": {
        // The text of an error is on a stream of its own.
        this.#connections.get(frame.stream)?.noteError(frame.data);
        const connection = this.#connections.get(frame.stream - ERROR_TO_DATA);
        this.#receiving = connection;
        await connection?.deliver(frame.data);
        this.#receiving = undefined;
        if (frame.isLast) connection?.endPod();
        return;
      }
      case "reply":
        if (frame.isLast) this.#connections.get(frame.stream - ERROR_TO_DATA)?.endPod();
        return;
      case "reset":
        return this.#connections.get(frame.stream - ERROR_TO_DATA)?.reset();
      case "ping":
        // Those that a client has sent come back with their odd numbers.
        if (frame.id % 2 === 1) this.#pings.onAnswer(frame.id);
        // Awaited: a server that pings and does not read fills no memory. Reading reports a failure.
        else await this.#send(this.#writer.ping(frame.id)).catch(() => {});
        return;
      case "go-away":
        this.seal();
        return;
      case "other":
        return;
    }
  }

  async #send(...parts: Uint8Array[]): Promise<void> {
    this.#pings.onSent();
    await this.#socket.send(...parts);
  }

  /** Reading reports a failure. */
  #sendUnawaited(...parts: Uint8Array[]): void {
    this.#socket.send(...parts).catch(() => {});
  }

  #abort(stream: number, reason: unknown): void {
    if (!this.#connections.delete(stream) || this.#isOver) return;
    if (this.#connections.size === 0 && (!this.#isKept() || this.#isSealed))
      return this.#end(reason);
    const dataStream = stream + ERROR_TO_DATA;
    this.#sendUnawaited(this.#writer.reset(dataStream), this.#writer.reset(stream));
  }

  #remove(stream: number): void {
    this.#connections.delete(stream);
    this.closeIfUnused();
  }

  /** Ends it and every connection at once, with an error if there is a reason. */
  #end(reason: unknown): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#pings.stop();
    if (reason === undefined) this.#socket.close();
    else this.#socket.abort(reason);
    for (const connection of this.#connections.values()) connection.lose(reason);
    this.#connections.clear();
  }

  #failure(why: string): ConnectionError {
    return new ConnectionError(`Cannot use ${this.#settings.what}: ${why}`);
  }
}
