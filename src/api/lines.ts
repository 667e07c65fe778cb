/**
 * Answers that are lines of text without end, and the lines out of bytes that come in pieces.
 *
 * @module
 */

const NEWLINE = 10;

/**
 * How a stream is asked for. kube-apiserver 1.37 compresses watches piece by piece, and Deno takes the end of
 * the first piece for the end of all.
 */
export const uncompressed: Readonly<Record<string, string>> = { "accept-encoding": "identity" };

/** Splits bytes into lines. Its work grows with the number of bytes alone, however long a line is. */
export class LineSplitter {
  readonly #maxBytes: number;
  /** The beginning of a line whose end has not come. */
  #pieces: Uint8Array[] = [];
  #size = 0;

  /** @param maxBytes The longest line that it takes. */
  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  /**
   * Takes a piece.
   *
   * @returns The lines that it completes, without their ends, which are a line feed or a carriage return and one.
   * @throws {RangeError} if a line is too long.
   */
  push(piece: Uint8Array): string[] {
    const first = piece.indexOf(NEWLINE);
    if (first < 0) {
      this.#keep(piece);
      return [];
    }
    this.#keep(piece.subarray(0, first));
    const end = piece.lastIndexOf(NEWLINE);
    // The lines within a piece are no longer than it is.
    this.#pieces.push(piece.subarray(first, end));
    this.#size += end - first;
    const text = this.#take();
    this.#keep(piece.subarray(end + 1));
    return text.split("\n").map((line) => (line.endsWith("\r") ? line.slice(0, -1) : line));
  }

  /** What came after the last line's end. */
  rest(): string {
    return this.#take();
  }

  #keep(piece: Uint8Array): void {
    this.#size += piece.length;
    if (this.#size > this.#maxBytes) {
      throw new RangeError(`Cannot read a line of more than ${this.#maxBytes} bytes`);
    }
    if (piece.length > 0) this.#pieces.push(piece);
  }

  #take(): string {
    const [first = new Uint8Array(), ...others] = this.#pieces;
    const bytes = others.length === 0 ? first : joined(this.#pieces, this.#size);
    this.#pieces = [];
    this.#size = 0;
    // A byte order mark within a text is part of it.
    return new TextDecoder("utf-8", { ignoreBOM: true }).decode(bytes);
  }
}

function joined(pieces: readonly Uint8Array[], size: number): Uint8Array {
  const bytes = new Uint8Array(size);
  let offset = 0;
  for (const piece of pieces) {
    bytes.set(piece, offset);
    offset += piece.length;
  }
  return bytes;
}
