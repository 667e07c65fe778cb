/**
 * A byte stream as a stream of `node:stream`, for TLS to stand on.
 *
 * It reads only what is wanted. A failed write is not reported, and a read that fails after others is an end: the
 * server may have answered before it reset the connection, and a stream that is destroyed with an error loses what it
 * has not passed on yet.
 *
 * @module
 */

import { Duplex } from "node:stream";
import type { ByteStream } from "../../src/runtime.ts";
import type { Ground } from "./socket-bytes.ts";

/** See the module. */
export class BytesDuplex extends Duplex implements Ground {
  readonly #bytes: ByteStream;
  #isHeld = false;
  /** Whether more is wanted than has been read. */
  #isWanted = false;
  #isReading = false;
  #hasBegun = false;

  constructor(bytes: ByteStream) {
    // As sockets are: when the server has ended its side, nothing is kept open for ours. But TLS, which stands on
    // this, is destroyed as soon as this is, with all that its reader has not taken yet: so TLS ends first, and this
    // with it (nodejs/node lib/_tls_wrap.js, "wrap.on('close')").
    super({ allowHalfOpen: false, autoDestroy: false });
    this.#bytes = bytes;
  }

  hold(): void {
    this.#isHeld = true;
  }

  release(): void {
    this.#isHeld = false;
    if (this.#isWanted) this.#readOn();
  }

  get isDrained(): boolean {
    return this.destroyed || this.writableLength <= this.writableHighWaterMark;
  }

  setReferenced(isReferenced: boolean): void {
    this.#bytes.setReferenced?.(isReferenced);
  }

  async drained(): Promise<void> {
    if (this.isDrained) return;
    await new Promise<void>((resolve) => {
      const done = (): void => {
        this.off("drain", done).off("close", done);
        resolve();
      };
      this.on("drain", done).on("close", done);
    });
  }

  override _read(): void {
    this.#isWanted = true;
    this.#readOn();
  }

  #readOn(): void {
    if (this.#isHeld || this.#isReading) return;
    this.#isReading = true;
    this.#isWanted = false;
    this.#bytes.read().then(
      (bytes) => {
        this.#isReading = false;
        this.#hasBegun = true;
        if (!this.destroyed) this.push(bytes ?? null);
      },
      (error: unknown) => {
        if (this.#hasBegun && !this.destroyed) this.push(null);
        else this.destroy(toError(error));
      },
    );
  }

  override _write(chunk: Uint8Array<ArrayBuffer>, _encoding: unknown, done: () => void): void {
    this.#bytes.write(chunk).then(done, () => done());
  }

  override _final(done: () => void): void {
    this.#bytes.end();
    done();
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    this.#bytes.abort(error ?? new Error("Cannot continue: the connection was closed"));
    done(error);
  }
}

function toError(error: unknown): Error {
  return error instanceof Error ? error : new Error(String(error));
}
