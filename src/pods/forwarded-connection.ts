/**
 * One connection to a port of a pod, over a WebSocket of its own: as a SPDY/3.1 session with one pair of
 * streams, or over the two channels of the older protocol.
 *
 * @module
 */

import { ConnectionError } from "../errors.ts";
import type { Clock, MessageSocket } from "../runtime.ts";
import { Output } from "./output-stream.ts";
import { SpdyPings } from "./spdy-pings.ts";
import { type SpdyFrame, SpdyReader, SpdyWriter } from "./spdy.ts";

/** The subprotocols, the preferred one first. */
export const forwardProtocols = ["SPDY/3.1+portforward.k8s.io", "v4.channel.k8s.io"] as const;

const ERROR_STREAM = 1;
const DATA_STREAM = 3;
const DATA_CHANNEL = 0;
const ERROR_CHANNEL = 1;
const PIECE_BYTES = 32 * 1024;
const MAX_ERROR_BYTES = 16 * 1024;
/** How long the pod may go on answering after the local side has ended. */
const HALF_CLOSE_MS = 30_000;

/**
 * What happens when the local side ends: `hold` passes that on once the pod has ended its side too, or after
 * 30 s, since containerd ends both directions at once; `forward` passes it on immediately.
 */
export type HalfClose = "hold" | "forward";

/** A connection to a port of a pod. */
export interface ForwardedConnection extends AsyncDisposable {
  /** What the pod sends. It fails if the connection is lost, or if the pod can't be reached. */
  readonly readable: ReadableStream<Uint8Array<ArrayBuffer>>;
  /** What is sent to the pod. */
  readonly writable: WritableStream<Uint8Array>;
  /** Closes both directions. */
  close(): Promise<void>;
}

/** What a connection is forwarded by. */
export interface ForwardParts {
  readonly socket: MessageSocket;
  /** The subprotocol that the server chose. */
  readonly protocol: string;
  readonly port: number;
  readonly halfClose: HalfClose;
  readonly clock: Clock;
  /** Which port of which pod, for messages. */
  readonly what: string;
  /** Aborted when the connection is given up. */
  readonly signal: AbortSignal;
}

/** How a subprotocol carries the connection. */
interface Wire {
  /** Sent first. */
  readonly opening: readonly Uint8Array[];
  /** A message of bytes, in parts. */
  data(bytes: Uint8Array): Uint8Array[];
  /** A message that ends the local side, if the protocol can. */
  readonly end: (() => Uint8Array) | undefined;
  /** A message that the node answers, if the protocol has such. */
  readonly ping: ((id: number) => Uint8Array) | undefined;
  /** What a message says. */
  read(message: Uint8Array<ArrayBuffer>): Iterable<Word>;
}

/** What the server says. */
type Word =
  | { readonly type: "data"; readonly data: Uint8Array<ArrayBuffer> }
  | { readonly type: "error"; readonly data: Uint8Array<ArrayBuffer> }
  | { readonly type: "end" }
  | { readonly type: "lost" }
  | { readonly type: "ping"; readonly answer: Uint8Array }
  | { readonly type: "pong"; readonly id: number };

/** Forwards one connection. */
export async function forwardConnection(parts: ForwardParts): Promise<ForwardedConnection> {
  const wire = parts.protocol === forwardProtocols[0] ? spdyWire(parts.port) : channelWire();
  for (const message of wire.opening) await parts.socket.send(message);
  return new Forwarded(parts, wire);
}

class Forwarded implements ForwardedConnection {
  readonly readable: ReadableStream<Uint8Array<ArrayBuffer>>;
  readonly writable: WritableStream<Uint8Array>;
  readonly #parts: ForwardParts;
  readonly #wire: Wire;
  readonly #output: Output;
  readonly #ended: Promise<void>;
  readonly #pings: SpdyPings | undefined;
  #writing: WritableStreamDefaultController | undefined;
  #error = "";
  #hasPodEnded = false;
  #hasLocalEnded = false;
  #cancelHold = (): void => {};

  constructor(parts: ForwardParts, wire: Wire) {
    this.#parts = parts;
    this.#wire = wire;
    this.#output = new Output("what the pod sends", {
      isRequested: true,
      clock: parts.clock,
      isWaitedFor: () => false,
    });
    this.readable = this.#output.stream;
    this.writable = new WritableStream<Uint8Array>(
      {
        start: (controller) => {
          this.#writing = controller;
        },
        write: async (chunk) => await this.#write(chunk),
        close: async () => await this.#endLocal(),
        abort: (reason) => this.#giveUp(reason),
      },
      { highWaterMark: PIECE_BYTES, size: (chunk) => chunk.byteLength },
    );
    const { ping } = wire;
    this.#pings =
      ping &&
      new SpdyPings({
        clock: parts.clock,
        ping: (id) => void parts.socket.send(ping(id)).catch(() => {}), // Reading tells.
        onDead: (ms) => this.#giveUp(this.#failure(`its node has been silent for ${ms} ms`)),
      });
    const onAbort = (): void => this.#giveUp(parts.signal.reason);
    parts.signal.addEventListener("abort", onAbort, { once: true });
    if (parts.signal.aborted) onAbort();
    this.#ended = this.#run().finally(() => parts.signal.removeEventListener("abort", onAbort));
  }

  async close(): Promise<void> {
    this.#giveUp(new ConnectionError(`Cannot use ${this.#parts.what}: it was closed`));
    await this.#ended;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  async #run(): Promise<void> {
    try {
      await this.#receiveAll();
      this.#output.close();
      this.#writing?.error(this.#failure("the pod has closed it"));
    } catch (error) {
      this.#giveUp(error);
    } finally {
      this.#pings?.stop();
      this.#cancelHold();
      this.#parts.socket.close();
    }
  }

  /** Reads to the end of the connection. */
  async #receiveAll(): Promise<void> {
    for (;;) {
      this.#pings?.onWaiting();
      const message = await this.#parts.socket.receive().catch((error: unknown) => {
        if (this.#error === "") throw error;
        return undefined;
      });
      this.#pings?.onHeard();
      if (message === undefined) break;
      for (const word of this.#wire.read(message)) await this.#hear(word);
      if (this.#hasPodEnded && this.#hasLocalEnded) return;
    }
    if (this.#error !== "") throw this.#failure(this.#error);
    if (!this.#hasPodEnded && this.#wire.end !== undefined) {
      throw this.#failure("the connection was lost");
    }
  }

  async #hear(word: Word): Promise<void> {
    switch (word.type) {
      case "data":
        return await this.#output.deliver(word.data);
      case "error":
        this.#error = (this.#error + new TextDecoder().decode(word.data)).slice(0, MAX_ERROR_BYTES);
        return undefined;
      case "end":
        this.#hasPodEnded = true;
        // An error comes before the end, or not at all.
        if (this.#error !== "") throw this.#failure(this.#error);
        this.#output.close();
        if (this.#hasLocalEnded) await this.#passEndOn();
        return undefined;
      case "lost":
        throw this.#failure(this.#error === "" ? "the pod has reset it" : this.#error);
      case "ping":
        return await this.#parts.socket.send(word.answer);
      case "pong":
        return this.#pings?.onAnswer(word.id);
    }
  }

  async #write(chunk: Uint8Array): Promise<void> {
    for (let at = 0; at < chunk.length; at += PIECE_BYTES) {
      this.#pings?.onSent();
      await this.#parts.socket.send(...this.#wire.data(chunk.subarray(at, at + PIECE_BYTES)));
    }
  }

  async #endLocal(): Promise<void> {
    this.#hasLocalEnded = true;
    if (this.#hasPodEnded || this.#parts.halfClose === "forward") return await this.#passEndOn();
    this.#cancelHold = this.#parts.clock.setTimeout(() => {
      this.#passEndOn().catch(() => {});
    }, HALF_CLOSE_MS);
  }

  async #passEndOn(): Promise<void> {
    this.#cancelHold();
    const message = this.#wire.end?.();
    this.#pings?.onSent();
    if (message !== undefined) await this.#parts.socket.send(message);
    if (message === undefined || this.#hasPodEnded) this.#parts.socket.close();
  }

  #giveUp(reason: unknown): void {
    this.#parts.socket.abort(reason);
    this.#output.fail(reason);
    this.#writing?.error(reason);
  }

  #failure(why: string): ConnectionError {
    return new ConnectionError(`Cannot use ${this.#parts.what}: ${why}`);
  }
}

function spdyWire(port: number): Wire {
  const writer = new SpdyWriter();
  const reader = new SpdyReader();
  const headers = (streamtype: string): Record<string, string> => ({
    streamtype,
    port: String(port),
    requestid: "0",
  });
  return {
    opening: [
      writer.open(ERROR_STREAM, headers("error")),
      writer.dataHead(ERROR_STREAM, 0, true),
      writer.open(DATA_STREAM, headers("data")),
    ],
    data: (bytes) => [writer.dataHead(DATA_STREAM, bytes.length), bytes],
    end: () => writer.dataHead(DATA_STREAM, 0, true),
    ping: (id) => writer.ping(id),
    *read(message) {
      for (const frame of reader.push(message)) yield* wordsOf(frame, writer);
    },
  };
}

function* wordsOf(frame: SpdyFrame, writer: SpdyWriter): Iterable<Word> {
  if (frame.type === "data" && frame.stream === ERROR_STREAM) {
    yield { type: "error", data: frame.data };
  } else if (frame.type === "data" && frame.stream === DATA_STREAM) {
    yield { type: "data", data: frame.data };
    if (frame.isLast) yield { type: "end" };
  } else if (frame.type === "reply" && frame.stream === DATA_STREAM && frame.isLast) {
    yield { type: "end" };
  } else if (frame.type === "reset" && frame.stream === DATA_STREAM) {
    yield { type: "lost" };
  } else if (frame.type === "ping") {
    // Those that a client has sent come back with their odd numbers.
    if (frame.id % 2 === 1) yield { type: "pong", id: frame.id };
    else yield { type: "ping", answer: writer.ping(frame.id) };
  }
}

/** `v4.channel.k8s.io`: it can't end one direction alone, and signals the end of either by closing. */
function channelWire(): Wire {
  /** The first message of a channel is its port. */
  const begun = new Set<number>();
  return {
    opening: [],
    data: (bytes) => [Uint8Array.of(DATA_CHANNEL), bytes],
    end: undefined,
    ping: undefined,
    *read(message) {
      const [channel = DATA_CHANNEL] = message;
      if (channel !== DATA_CHANNEL && channel !== ERROR_CHANNEL) return;
      const isPort = !begun.has(channel);
      begun.add(channel);
      if (isPort) return;
      yield { type: channel === DATA_CHANNEL ? "data" : "error", data: message.subarray(1) };
    },
  };
}
