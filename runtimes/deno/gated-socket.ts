/**
 * TLS connections on Deno whose reader can slow the server down.
 *
 * Deno's own sockets of `node:net` and `node:tls` ignore `pause()`: whatever the server sends is read into
 * memory, whether or not somebody reads it. Here TLS stands on a byte stream of our own, which reads nothing
 * from the network while it is held. Trust stays that of `node:tls`, which is exclusive.
 *
 * @module
 */

import { Duplex } from "node:stream";
import { type ConnectionOptions, type TLSSocket, connect } from "node:tls";
import { type TcpConn, deno } from "./shim.ts";

/** What is read from the network at once, and so about what may be on its way to a reader that holds it. */
const PIECE_BYTES = 64 * 1_024;

/** Where to connect, and under which trust. */
export interface GatedSocketOptions extends Pick<
  ConnectionOptions,
  | "ca"
  | "cert"
  | "key"
  | "rejectUnauthorized"
  | "servername"
  | "checkServerIdentity"
  | "ALPNProtocols"
> {
  /** A name, or an address without brackets. */
  readonly host: string;
  readonly port: number;
}

/** A TLS connection that can be held. It connects by itself, and reads until it is held. */
export interface GatedSocket {
  /** The connection as `node:tls` has it. Its `pause()` does nothing for the network: that is what `hold()` does. */
  readonly socket: TLSSocket;
  /** Reads nothing more from the network, once a read that is under way has ended. */
  hold(): void;
  /** Reads again. */
  release(): void;
}

/** Opens a connection, which is destroyed along with its TLS socket. */
export function openGatedSocket({ host, port, ...tls }: GatedSocketOptions): GatedSocket {
  const bytes = new ByteStream(host, port);
  const socket = connect({ ...tls, host, port, socket: bytes });
  socket.once("close", () => bytes.destroy());
  bytes.once("error", (error) => socket.destroy(error));
  bytes.once("close", () => socket.destroy());
  // Over a stream that is not its own, `node:tls` has nothing that it could let go of.
  socket.ref = () => {
    bytes.setReferenced(true);
    return socket;
  };
  socket.unref = () => {
    bytes.setReferenced(false);
    return socket;
  };
  return { socket, hold: () => bytes.hold(), release: () => bytes.release() };
}

/** A TCP connection as a stream of `node:stream`. */
class ByteStream extends Duplex {
  readonly #dial = new AbortController();
  readonly #connected: Promise<TcpConn>;
  #connection: TcpConn | undefined;
  #piece: Uint8Array | undefined;
  #isHeld = false;
  #isReferenced = true;
  /** Whether more is wanted than has been read. */
  #isWanted = false;
  #isReading = false;

  constructor(host: string, port: number) {
    // As sockets are: when the server has ended its side, nothing is kept open for ours.
    super({ allowHalfOpen: false });
    this.#connected = this.#connect(host, port);
    this.#connected.catch((error: unknown) => this.#fail(error));
  }

  hold(): void {
    this.#isHeld = true;
  }

  release(): void {
    this.#isHeld = false;
    if (this.#isWanted) this.#readOn();
  }

  /** Whether it keeps the process alive. */
  setReferenced(isReferenced: boolean): void {
    this.#isReferenced = isReferenced;
    if (isReferenced) this.#connection?.ref();
    else this.#connection?.unref();
  }

  async #connect(hostname: string, port: number): Promise<TcpConn> {
    const { signal } = this.#dial;
    const connection = await deno().connect({ hostname, port, signal });
    if (this.destroyed) {
      connection.close();
      throw new Error("Cannot connect: it was given up");
    }
    this.#connection = connection;
    connection.setNoDelay(true);
    connection.setKeepAlive(true);
    this.setReferenced(this.#isReferenced);
    return connection;
  }

  override _read(): void {
    this.#isWanted = true;
    this.#readOn();
  }

  #readOn(): void {
    if (this.#isHeld || this.#isReading) return;
    this.#isReading = true;
    this.#isWanted = false;
    const piece = (this.#piece ??= new Uint8Array(PIECE_BYTES));
    const reading =
      this.#connection?.read(piece) ?? this.#connected.then((connection) => connection.read(piece));
    reading.then(
      (count) => {
        this.#isReading = false;
        // A copy, since the next read is into the same memory.
        this.push(count === null ? null : piece.slice(0, count));
      },
      (error: unknown) => this.#fail(error),
    );
  }

  override _write(
    chunk: Uint8Array,
    _encoding: unknown,
    done: (error?: Error | null) => void,
  ): void {
    this.#send(chunk, done);
  }

  #send(chunk: Uint8Array, done: (error?: Error | null) => void): void {
    const writing =
      this.#connection?.write(chunk) ??
      this.#connected.then((connection) => connection.write(chunk));
    writing.then((count) => {
      if (count < chunk.length) this.#send(chunk.subarray(count), done);
      else done();
    }, done);
  }

  override _final(done: () => void): void {
    this.#connected
      .then(async (connection) => await connection.closeWrite())
      .then(done, () => done()); // It is over in either case.
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    this.#dial.abort();
    try {
      this.#connection?.close();
    } catch {
      // It is closed already.
    }
    done(error);
  }

  #fail(error: unknown): void {
    this.destroy(error instanceof Error ? error : new Error(String(error)));
  }
}
