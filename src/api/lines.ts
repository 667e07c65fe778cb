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
  /** A byte order mark within a text is part of it. */
  readonly #decoder = new TextDecoder("utf-8", { ignoreBOM: true });
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
    this.#check(first);
    const end = piece.lastIndexOf(NEWLINE);
    const lines: string[] = [];
    let begin = 0;
    if (this.#size > 0) {
      // Only the line that is put together is copied. The lines within a piece are no longer than it is.
      lines.push(withoutReturn(this.#take(piece.subarray(0, first))));
      begin = first + 1;
    }
    if (begin <= end) {
      const text = this.#decoder.decode(piece.subarray(begin, end));
      for (const line of text.split("\n")) lines.push(withoutReturn(line));
    }
    if (end + 1 < piece.length) this.#keep(piece.subarray(end + 1));
    return lines;
  }

  /** What came after the last line's end. */
  rest(): string {
    return this.#take(new Uint8Array());
  }

  #keep(piece: Uint8Array): void {
    this.#check(piece.length);
    this.#size += piece.length;
    this.#pieces.push(piece);
  }

  #check(more: number): void {
    if (this.#size + more > this.#maxBytes) {
      throw new RangeError(`Cannot read a line of more than ${this.#maxBytes} bytes`);
    }
  }

  /** The text of what is kept and of what follows it. */
  #take(last: Uint8Array): string {
    const bytes = joined([...this.#pieces, last], this.#size + last.length);
    this.#pieces = [];
    this.#size = 0;
    return this.#decoder.decode(bytes);
  }
}

function withoutReturn(line: string): string {
  return line.endsWith("\r") ? line.slice(0, -1) : line;
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
