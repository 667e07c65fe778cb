/**
 * A WebSocket (RFC 6455) over an upgraded connection: the handshake's headers, messages both ways with
 * backpressure, and pings that find a server that is gone.
 *
 * @module
 */

import { cleanCause } from "../clean-cause.ts";
import { ConnectionError, isBranded } from "../errors.ts";
import type { Clock, MessageSocket, Upgraded, UpgradedConnection } from "../runtime.ts";
import { FrameReader, encodeClose, encodeFrame, opcodes } from "./web-socket-frames.ts";

/** API servers accept no more in a message (kubernetes `apiserver/pkg/util/httpstream/wsstream`). */
const MAX_MESSAGE_BYTES = 32 * 1024 * 1024;
/** How often the server is pinged while its answer is awaited (client-go `tools/remotecommand`). */
const PING_INTERVAL_MS = 5_000;
/** How long a silent server counts as alive. */
const DEAD_AFTER_MS = 20_000;
/** Appended to the key before it is hashed (RFC 6455, section 1.3). */
const GUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

const NORMAL = 1000;
const GOING_AWAY = 1001;
const PROTOCOL_ERROR = 1002;
const NO_STATUS = 1005;

/** The headers of a handshake, and how its answer is checked. */
export interface Handshake {
  readonly headers: Readonly<Record<string, string>>;
  /**
   * Checks the headers of the `101` response, as far as the platform has not done so.
   *
   * @returns The subprotocol that the server chose.
   * @throws {ConnectionError} if they are not those of a WebSocket with an offered subprotocol.
   */
  accept(connection: Upgraded): Promise<string>;
}

/** Prepares a handshake that offers subprotocols, the preferred one first. */
export function webSocketHandshake(protocols: readonly string[]): Handshake {
  const key = toBase64(crypto.getRandomValues(new Uint8Array(16)));
  return {
    headers: {
      connection: "Upgrade",
      upgrade: "websocket",
      "sec-websocket-version": "13",
      "sec-websocket-key": key,
      // In one line: some servers read only the first of several.
      "sec-websocket-protocol": protocols.join(", "),
    },
    async accept(connection) {
      const protocol = connection.header("sec-websocket-protocol") ?? "";
      const problem =
        ("read" in connection ? await handshakeProblem(connection, key) : undefined) ??
        protocolProblem(protocol, protocols);
      if (problem === undefined) return protocol;
      const error = new ConnectionError(`Cannot open a WebSocket: ${problem}`);
      connection.abort(error);
      throw error;
    },
  };
}

async function handshakeProblem(
  connection: UpgradedConnection,
  key: string,
): Promise<string | undefined> {
  const hash = await crypto.subtle.digest("SHA-1", new TextEncoder().encode(key + GUID));
  if (connection.header("upgrade")?.toLowerCase() !== "websocket") {
    return "the server upgraded to something else";
  }
  if (!/(?:^|,)\s*upgrade\s*(?:,|$)/i.test(connection.header("connection") ?? "")) {
    return "the server's Connection header does not say Upgrade";
  }
  if (connection.header("sec-websocket-accept") !== toBase64(new Uint8Array(hash))) {
    return "the server's Sec-WebSocket-Accept does not match";
  }
  if (connection.header("sec-websocket-extensions") !== null) {
    return "the server uses an extension that was not offered";
  }
  return undefined;
}

function protocolProblem(protocol: string, protocols: readonly string[]): string | undefined {
  if (protocols.includes(protocol)) return undefined;
  return `the server speaks none of the subprotocols ${protocols.join(", ")}`;
}

function toBase64(bytes: Uint8Array): string {
  return btoa(String.fromCharCode(...bytes));
}

/**
 * Checks the status with which a WebSocket was closed.
 *
 * @throws {ConnectionError} if it is not that of a normal end.
 */
export function checkClose(code: number): void {
  if ([NORMAL, GOING_AWAY, NO_STATUS].includes(code)) return;
  throw new ConnectionError(
    `Cannot read from the WebSocket: the server closed it with status ${code}`,
  );
}

/** Binary messages over an upgraded connection. */
export class WebSocketConnection implements MessageSocket {
  readonly #connection: UpgradedConnection;
  readonly #clock: Clock;
  readonly #signal: AbortSignal | undefined;
  readonly #frames = new FrameReader(MAX_MESSAGE_BYTES);
  readonly #received: Uint8Array<ArrayBuffer>[] = [];
  /** The last ping, as long as answers are being sent. */
  #lastPing: Uint8Array | undefined;
  #isClosed = false;
  /** Why it was closed at once, if it was. */
  #aborted: { readonly reason: unknown } | undefined;
  /** Whether no more may be written. */
  #isEnding = false;

  /** @param signal Ends the connection with its own reason. */
  constructor(connection: UpgradedConnection, clock: Clock, signal?: AbortSignal) {
    this.#connection = connection;
    this.#clock = clock;
    this.#signal = signal;
  }

  /**
   * The next message, or `undefined` once the server has closed the WebSocket normally. One call at a time.
   *
   * @throws {ConnectionError} if the connection is lost, or the server breaks the protocol.
   */
  async receive(): Promise<Uint8Array<ArrayBuffer> | undefined> {
    for (;;) {
      // What has arrived is given up as well: an exit status among it would hide that the output is not whole.
      if (this.#aborted !== undefined) throw this.#aborted.reason;
      const message = this.#received.shift();
      if (message !== undefined) return message;
      if (this.#isClosed) return undefined;
      const bytes = await this.#readAlive();
      if (bytes === undefined) {
        throw new ConnectionError("Cannot read from the WebSocket: the connection was lost");
      }
      this.#take(bytes);
    }
  }

  /** Sends one message; settles when the connection takes more. */
  async send(...parts: Uint8Array[]): Promise<void> {
    if (this.#aborted !== undefined) throw this.#aborted.reason;
    if (this.#isEnding) throw new ConnectionError("Cannot write to the WebSocket: it is closed");
    try {
      await this.#connection.write(encodeFrame(opcodes.binary, ...parts));
    } catch (error) {
      throw this.#failure("write to", error);
    }
  }

  /** Says goodbye, and closes the connection once that is sent. */
  close(): void {
    this.#end(NORMAL);
  }

  /** Closes the connection at once; what is read or written fails with the reason. */
  abort(reason: unknown): void {
    this.#isEnding = true;
    this.#aborted ??= { reason };
    this.#received.length = 0;
    this.#connection.abort(reason);
  }

  #take(bytes: Uint8Array<ArrayBuffer>): void {
    let messages;
    try {
      messages = this.#frames.push(bytes);
    } catch (error) {
      this.#end(PROTOCOL_ERROR);
      throw error;
    }
    for (const message of messages) {
      switch (message.type) {
        case "binary":
        case "text":
          this.#received.push(message.data);
          break;
        case "ping":
          this.#pong(message.data);
          break;
        case "pong":
          break;
        case "close":
          this.#isClosed = true;
          this.#end(NORMAL);
          checkClose(message.code);
          break;
      }
    }
  }

  /** Reads, and pings while nothing comes. Only while somebody waits is a silent server a dead one. */
  async #readAlive(): Promise<Uint8Array<ArrayBuffer> | undefined> {
    const since = this.#clock.now();
    let cancel = (): void => {};
    const ping = (): void => {
      const silentMs = this.#clock.now() - since;
      if (silentMs >= DEAD_AFTER_MS) {
        const limit = `the server has been silent for ${DEAD_AFTER_MS} ms`;
        this.abort(new ConnectionError(`Cannot read from the WebSocket: ${limit}`));
        return;
      }
      this.#write(encodeFrame(opcodes.ping));
      cancel = this.#clock.setTimeout(ping, PING_INTERVAL_MS);
    };
    cancel = this.#clock.setTimeout(ping, PING_INTERVAL_MS);
    try {
      return await this.#connection.read();
    } catch (error) {
      throw this.#failure("read from", error);
    } finally {
      cancel();
    }
  }

  /** Reasons to end it stay what they are; what a runtime says of a lost connection becomes an error of ours. */
  #failure(verb: string, error: unknown): unknown {
    if (this.#aborted !== undefined) return this.#aborted.reason;
    if (this.#signal?.aborted === true) return this.#signal.reason;
    if (isBranded(error)) return error;
    const what = `Cannot ${verb} the WebSocket: the connection was lost`;
    return new ConnectionError(what, { cause: cleanCause(error) });
  }

  /**
   * Answers a ping. While an answer can't be sent, only the last ping counts (RFC 6455 section 5.5.3): a server that
   * pings and does not read fills no memory.
   */
  #pong(data: Uint8Array): void {
    const isSending = this.#lastPing !== undefined;
    this.#lastPing = data;
    if (!isSending) void this.#sendPongs();
  }

  async #sendPongs(): Promise<void> {
    let sent: Uint8Array | undefined;
    while (this.#lastPing !== sent && this.#lastPing !== undefined && !this.#isEnding) {
      sent = this.#lastPing;
      // Reading throws the reason.
      await this.#connection.write(encodeFrame(opcodes.pong, sent)).catch(() => {});
    }
    this.#lastPing = undefined;
  }

  /** Writes a control frame. If that fails, reading throws the reason. */
  #write(frame: Uint8Array<ArrayBuffer>): void {
    if (!this.#isEnding) this.#connection.write(frame).catch(() => {});
  }

  #end(code: number): void {
    if (this.#isEnding) return;
    this.#write(encodeClose(code));
    this.#isEnding = true;
    this.#connection.end();
  }
}
