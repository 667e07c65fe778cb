/**
 * One connection to a port of a pod, whatever carries it.
 *
 * @module
 */

import { ConnectionError } from "../errors.ts";
import type { Clock } from "../runtime.ts";
import { Output } from "./output-stream.ts";

/** The size of the pieces that are sent. */
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

/** What carries a connection to the pod. */
export interface ForwardLink {
  /** Whether each side can end by itself. */
  readonly endsSides: boolean;
  /** Sends bytes; settles when it takes more. */
  send(bytes: Uint8Array): Promise<void>;
  /** Ends the local side, or both if they can't end by themselves. */
  end(): Promise<void>;
  /** Called once both sides have ended. */
  close(): void;
  /** Gives the connection up. */
  abort(reason: unknown): void;
}

/** How a connection behaves. */
export interface ForwardedParts {
  readonly link: ForwardLink;
  readonly halfClose: HalfClose;
  readonly clock: Clock;
  /** Which port of which pod, for messages. */
  readonly what: string;
  /** Whether other connections wait for what comes after this one's bytes. */
  isWaitedFor(): boolean;
}

/** Both ends of a connection: streams for the caller, and methods for what carries it. */
export class Forwarded implements ForwardedConnection {
  readonly readable: ReadableStream<Uint8Array<ArrayBuffer>>;
  readonly writable: WritableStream<Uint8Array>;
  readonly #parts: ForwardedParts;
  readonly #output: Output;
  #writing: WritableStreamDefaultController | undefined;
  #error = "";
  #hasPodEnded = false;
  #hasLocalEnded = false;
  #isOver = false;
  #cancelHold = (): void => {};

  constructor(parts: ForwardedParts) {
    this.#parts = parts;
    this.#output = new Output({
      clock: parts.clock,
      isWaitedFor: parts.isWaitedFor,
      stalled: (ms) =>
        this.#failure(
          `nobody has read it for ${ms} ms, and other connections wait behind it; use connections: "own"`,
        ),
    });
    this.readable = this.#output.stream;
    this.writable = new WritableStream<Uint8Array>(
      {
        start: (controller) => {
          this.#writing = controller;
        },
        write: async (chunk) => await this.#write(chunk),
        close: async () => await this.#endLocal(),
        abort: (reason) => this.giveUp(reason),
      },
      { highWaterMark: PIECE_BYTES, size: (chunk) => chunk.byteLength },
    );
  }

  /** Whether it waits for a reader who has enough to read. */
  get isStalled(): boolean {
    return this.#output.isStalled;
  }

  async close(): Promise<void> {
    this.giveUp(this.#failure("it was closed"));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  /** Passes the pod's bytes on; waits while the reader has enough to read. */
  async deliver(bytes: Uint8Array<ArrayBuffer>): Promise<void> {
    try {
      await this.#output.deliver(bytes);
    } catch (error) {
      this.giveUp(error);
    }
  }

  /** Notes what the pod says of a failure, before it ends the connection. */
  noteError(bytes: Uint8Array<ArrayBuffer>): void {
    this.#error = (this.#error + new TextDecoder().decode(bytes)).slice(0, MAX_ERROR_BYTES);
  }

  /** Called when the pod has ended its side. */
  endPod(): void {
    this.#hasPodEnded = true;
    // An error comes before the end, or not at all.
    if (this.#error !== "") return this.giveUp(this.#failure(this.#error));
    this.#output.close();
    if (this.#hasLocalEnded) this.#passEndOn().catch(() => {}); // Nobody waits for it.
  }

  /** Called when the pod has given the connection up. */
  reset(): void {
    this.giveUp(this.#failure(this.#error === "" ? "the pod has reset it" : this.#error));
  }

  /** Called when what carries it has ended, normally unless there is a reason. */
  lose(reason?: unknown): void {
    if (this.#error !== "") return this.giveUp(this.#failure(this.#error));
    if (reason !== undefined) return this.giveUp(reason);
    if (!this.#hasPodEnded && this.#parts.link.endsSides) {
      return this.giveUp(this.#failure("the connection was lost"));
    }
    this.#output.close();
    this.#writing?.error(this.#failure("the pod has closed it"));
    this.#finish();
  }

  /** Ends it at once; what is read or written fails with the reason. */
  giveUp(reason: unknown): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#cancelHold();
    this.#parts.link.abort(reason);
    this.#output.fail(reason);
    this.#writing?.error(reason);
  }

  async #write(chunk: Uint8Array): Promise<void> {
    for (let at = 0; at < chunk.length; at += PIECE_BYTES) {
      await this.#parts.link.send(chunk.subarray(at, at + PIECE_BYTES));
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
    await this.#parts.link.end();
    if (this.#hasPodEnded) this.#finish();
  }

  #finish(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#cancelHold();
    this.#parts.link.close();
  }

  #failure(why: string): ConnectionError {
    return new ConnectionError(`Cannot use ${this.#parts.what}: ${why}`);
  }
}
