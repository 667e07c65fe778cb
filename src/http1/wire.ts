/**
 * A connection as HTTP/1.1 uses it for one request after another. It reports what arrives, where a
 * {@link ByteStream} is asked for it: a request then costs no promise for each read and write.
 *
 * @module
 */

import type { ByteStream } from "../runtime.ts";

/** Learns what becomes of a connection. */
export interface WireListener {
  /** Bytes have arrived, maybe as a subclass of `Uint8Array`: another view of them is expensive on some runtimes. */
  onBytes(bytes: Uint8Array<ArrayBuffer>): void;
  /** The other side sends no more. */
  onEnd(): void;
  /** The connection is gone. Called once, the last of all. */
  onClosed(reason: unknown): void;
}

/** Bytes both ways over one connection. */
export interface Wire {
  /** Reports to `listener` from now on, in the place of any earlier one. */
  listen(listener: WireListener): void;
  /**
   * Sends bytes, or text with one character for each byte.
   *
   * @returns `undefined` if more may follow at once, otherwise what resolves when it may. It never rejects: a lost
   * connection is reported to the listener.
   */
  send(bytes: string | Uint8Array<ArrayBuffer>): Promise<void> | undefined;
  /** Reads no more from the network. */
  hold(): void;
  /** Reads again. */
  release(): void;
  /** Whether it keeps the process alive. */
  setReferenced(isReferenced: boolean): void;
  /** Closes at once. The listener's `onClosed()` receives this reason. */
  abort(reason: unknown): void;
}

/** A byte stream of whatever kind as a wire. */
export class StreamWire implements Wire {
  readonly #stream: ByteStream;
  #listener: WireListener | undefined;
  #isHeld = false;
  #isReading = false;
  #isEnded = false;
  #reason: { readonly value: unknown } | undefined;

  constructor(stream: ByteStream) {
    this.#stream = stream;
    void stream.closed.then(() => this.#listener?.onClosed(this.#reason?.value));
  }

  listen(listener: WireListener): void {
    this.#listener = listener;
    this.#readOn();
  }

  send(bytes: string | Uint8Array<ArrayBuffer>): Promise<void> | undefined {
    const sent = typeof bytes === "string" ? bytesOf(bytes) : bytes;
    return this.#stream.write(sent).catch(async (error: unknown) => {
      this.#reason ??= { value: error };
      await this.#stream.closed;
    });
  }

  hold(): void {
    this.#isHeld = true;
  }

  release(): void {
    this.#isHeld = false;
    this.#readOn();
  }

  setReferenced(isReferenced: boolean): void {
    this.#stream.setReferenced?.(isReferenced);
  }

  abort(reason: unknown): void {
    this.#reason ??= { value: reason };
    this.#isEnded = true;
    this.#stream.abort(reason);
  }

  #readOn(): void {
    if (this.#isHeld || this.#isReading || this.#isEnded) return;
    this.#isReading = true;
    this.#stream.read().then(
      (bytes) => {
        this.#isReading = false;
        if (this.#isEnded) return;
        if (bytes === undefined) {
          this.#isEnded = true;
          this.#listener?.onEnd();
        } else {
          this.#listener?.onBytes(bytes);
          this.#readOn();
        }
      },
      (error: unknown) => {
        this.#isReading = false;
        this.abort(error);
      },
    );
  }
}

/** Text as bytes, one for each character. */
export function bytesOf(text: string): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(text.length);
  for (let at = 0; at < text.length; at++) bytes[at] = text.charCodeAt(at);
  return bytes;
}
