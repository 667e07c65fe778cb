/**
 * Bytes that arrive in pieces of any size and are taken in others.
 *
 * @module
 */

/** A queue of bytes. Its work grows with the number of bytes alone, however small the pieces are. */
export class ByteQueue {
  #pieces: Uint8Array<ArrayBuffer>[] = [];
  /** The first piece that is not taken yet, and how much of it is. */
  #first = 0;
  #offset = 0;
  #size = 0;

  /** How many bytes wait. */
  get size(): number {
    return this.#size;
  }

  /** How many bytes of the first piece wait; taking as many copies nothing. */
  get firstSize(): number {
    return (this.#pieces[this.#first]?.length ?? 0) - this.#offset;
  }

  /** Adds bytes; they are not copied. */
  push(piece: Uint8Array<ArrayBuffer>): void {
    if (piece.length === 0) return;
    this.#pieces.push(piece);
    this.#size += piece.length;
  }

  /** Copies the next bytes, or all if there are fewer, and leaves them in the queue. */
  peek(length: number): Uint8Array<ArrayBuffer> {
    const bytes = new Uint8Array(Math.min(length, this.#size));
    this.#copyTo(bytes);
    return bytes;
  }

  /** Takes the next bytes; there must be as many. Those of one piece are not copied. */
  take(length: number): Uint8Array<ArrayBuffer> {
    if (length > this.#size) throw new RangeError("Cannot take more bytes than there are");
    const first = this.#pieces[this.#first];
    if (first !== undefined && first.length - this.#offset >= length) {
      const bytes = first.subarray(this.#offset, this.#offset + length);
      this.skip(length);
      return bytes;
    }
    const bytes = new Uint8Array(length);
    this.#copyTo(bytes);
    this.skip(length);
    return bytes;
  }

  /** Takes the next bytes unseen; there must be as many. */
  skip(length: number): void {
    if (length > this.#size) throw new RangeError("Cannot skip more bytes than there are");
    this.#size -= length;
    this.#offset += length;
    for (;;) {
      const piece = this.#pieces[this.#first];
      if (piece === undefined || this.#offset < piece.length) break;
      this.#offset -= piece.length;
      this.#first += 1;
    }
    // Now and then, so that each piece is moved but a few times.
    if (this.#first > 32 && 2 * this.#first > this.#pieces.length) {
      this.#pieces = this.#pieces.slice(this.#first);
      this.#first = 0;
    }
  }

  #copyTo(bytes: Uint8Array): void {
    let at = 0;
    let offset = this.#offset;
    for (let index = this.#first; at < bytes.length; index++) {
      const piece = this.#pieces[index] ?? new Uint8Array();
      const part = piece.subarray(offset, offset + bytes.length - at);
      bytes.set(part, at);
      at += part.length;
      offset = 0;
    }
  }
}
