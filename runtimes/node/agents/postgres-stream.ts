/**
 * The connection that `pg` is given in place of a socket of its own: encrypted by the time that it says it is
 * connected, by the trust of this moment, and tried again if the server is rejected.
 *
 * `pg` itself asks the server for TLS once it is connected, and can't connect again after a rejection.
 *
 * @module
 */

import { Buffer } from "node:buffer";
import { once } from "node:events";
import { type Socket, connect } from "node:net";
import { Duplex } from "node:stream";
import type { PeerCertificate, TLSSocket } from "node:tls";
import { ConfigError, ConnectionError } from "../../../src/errors.ts";
import type { SecureContextSource } from "./secure-context-source.ts";

/** PostgreSQL's protocol, "SSLRequest": its length, and a number in place of the protocol's version. */
const SSL_REQUEST = Buffer.from([0, 0, 0, 8, 4, 210, 22, 47]);
/** "S", the answer of a server that speaks TLS. */
const ACCEPTED = 83;

/** A connection to PostgreSQL, of those methods of a socket that `pg` calls. */
class PostgresStream extends Duplex {
  readonly #source: SecureContextSource;
  readonly #gone = new AbortController();
  #socket: TLSSocket | undefined;
  #isRef = true;
  #keepAlive: readonly [enable?: boolean, initialDelay?: number] | undefined;

  constructor(source: SecureContextSource) {
    super({ allowHalfOpen: false });
    this.#source = source;
  }

  /** Connects, and emits `connect` when the server is verified. */
  connect(port: number | string, host = "localhost"): this {
    const target = { host, port: Number(port) };
    if (!Number.isInteger(target.port)) {
      const reason = "it is a path, and PostgreSQL speaks no TLS over Unix domain sockets";
      this.destroy(
        new ConfigError(`Cannot connect to ${port}: ${reason}; connect without a stream`),
      );
      return this;
    }
    const openStream = async (signal: AbortSignal): Promise<Socket> =>
      await openForTls(target, signal);
    this.#source.connect({ ...target, openStream, signal: this.#gone.signal }).then(
      (socket) => this.#carry(socket),
      (error: unknown) => this.destroy(error as Error),
    );
    return this;
  }

  #carry(socket: TLSSocket): void {
    if (this.destroyed) return void socket.destroy();
    this.#socket = socket.setNoDelay(true);
    if (this.#keepAlive !== undefined) socket.setKeepAlive(...this.#keepAlive);
    if (!this.#isRef) socket.unref();
    socket.on("data", (chunk: Buffer) => {
      if (!this.push(chunk)) socket.pause();
    });
    socket.once("end", () => this.push(null));
    socket.once("error", (error) => this.destroy(error));
    socket.once("close", () => this.destroy());
    this.emit("connect");
  }

  setNoDelay(): this {
    return this;
  }

  setKeepAlive(...settings: [enable?: boolean, initialDelay?: number]): this {
    this.#keepAlive = settings;
    this.#socket?.setKeepAlive(...settings);
    return this;
  }

  ref(): this {
    this.#isRef = true;
    this.#socket?.ref();
    return this;
  }

  unref(): this {
    this.#isRef = false;
    this.#socket?.unref();
    return this;
  }

  /** For SCRAM with channel binding. */
  getPeerCertificate(): PeerCertificate | undefined {
    return this.#socket?.getPeerCertificate();
  }

  override _read(): void {
    this.#socket?.resume();
  }

  override _write(chunk: Buffer, _encoding: unknown, done: (error?: Error | null) => void): void {
    const socket = this.#socket;
    if (socket === undefined) return done(new ConnectionError("Cannot write: not connected yet"));
    if (!SSL_REQUEST.equals(chunk)) return void socket.write(chunk, done);
    const advice = 'pass "ssl: false", and no "sslmode" in a connection string';
    done(new ConfigError(`Cannot ask for TLS: the stream is encrypted already; ${advice}`));
  }

  override _final(done: (error?: Error | null) => void): void {
    if (this.#socket === undefined) done();
    else this.#socket.end(done);
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    this.#gone.abort(error ?? undefined);
    this.#socket?.destroy();
    done(error);
  }
}

/** Connects to a server, and asks it for TLS. */
async function openForTls(
  target: { host: string; port: number },
  signal: AbortSignal,
): Promise<Socket> {
  const socket = connect(target);
  const onAbort = (): void => void socket.destroy(signal.reason as Error);
  signal.addEventListener("abort", onAbort);
  try {
    await once(socket, "connect");
    socket.setNoDelay(true).write(SSL_REQUEST);
    const answer = await readByte(socket);
    if (answer === ACCEPTED) return socket;
    const reason = answer === undefined ? "it closed the connection" : "it speaks no TLS";
    throw new ConnectionError(
      `Cannot connect to PostgreSQL at ${target.host}:${target.port}: ${reason}; check option ssl of the server`,
    );
  } catch (error) {
    socket.destroy();
    throw error;
  } finally {
    signal.removeEventListener("abort", onAbort);
  }
}

/** Reads one byte and no more: what follows belongs to TLS. */
async function readByte(socket: Socket): Promise<number | undefined> {
  for (;;) {
    const byte = socket.read(1) as Buffer | null;
    if (byte !== null) return byte[0];
    if (socket.readableEnded || socket.destroyed) return undefined;
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const settle = (): void => resolve();
    socket.on("readable", settle).on("end", settle).on("close", settle).on("error", reject);
    try {
      await promise;
    } finally {
      socket.off("readable", settle).off("end", settle).off("close", settle).off("error", reject);
    }
  }
}

/**
 * Makes option `stream` of `pg` (node-postgres): each connection has the trust of its moment, and is tried again if
 * the server is rejected, before anything is sent to it.
 *
 * Pass `ssl: false` beside it: the stream is encrypted already.
 *
 * @param source Whom to trust, as `createSecureContextSource` made it.
 * @returns A function that `pg` calls for each connection.
 *
 * @example
 * ```ts
 * import { createPostgresStream, createSecureContextSource } from "@reanchor/reanchor/agents";
 * import { fileCaSource } from "@reanchor/reanchor/node";
 *
 * const trust = createSecureContextSource({ ca: fileCaSource("/etc/internal-ca/ca.crt") });
 * const options = { host: "db.internal", ssl: false, stream: createPostgresStream(trust) };
 * // const pool = new pg.Pool(options);
 * console.log(typeof options.stream); // function
 * trust.close();
 * ```
 */
export function createPostgresStream(source: SecureContextSource): () => Duplex {
  return () => new PostgresStream(source);
}
