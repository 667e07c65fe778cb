/**
 * A WebSocket (RFC 6455) over an upgraded connection: the handshake's headers, messages both ways with
 * backpressure, and pings that find a server that is gone.
 *
 * @module
 */

import { ConnectionError } from "../errors.ts";
import type { Clock, UpgradedConnection } from "../runtime.ts";
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
   * Checks the headers of the `101` response.
   *
   * @returns The subprotocol that the server chose.
   * @throws {ConnectionError} if they are not those of a WebSocket with an offered subprotocol.
   */
  accept(connection: UpgradedConnection): Promise<string>;
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
      const hash = await crypto.subtle.digest("SHA-1", new TextEncoder().encode(key + GUID));
      const protocol = connection.header("sec-websocket-protocol") ?? "";
      const problem = refusal(connection, toBase64(new Uint8Array(hash)), protocol, protocols);
      if (problem === undefined) return protocol;
      const error = new ConnectionError(`Cannot open a WebSocket: ${problem}`);
      connection.abort(error);
      throw error;
    },
  };
}

function refusal(
  connection: UpgradedConnection,
  wanted: string,
  protocol: string,
  protocols: readonly string[],
): string | undefined {
  if (connection.header("upgrade")?.toLowerCase() !== "websocket") {
    return "the server upgraded to something else";
  }
  if (connection.header("sec-websocket-accept") !== wanted) {
    return "the server's Sec-WebSocket-Accept does not match";
  }
  if (connection.header("sec-websocket-extensions") !== null) {
    return "the server uses an extension that was not offered";
  }
  if (!protocols.includes(protocol)) {
    return `the server speaks none of the subprotocols ${protocols.join(", ")}`;
  }
  return undefined;
}

function toBase64(bytes: Uint8Array): string {
  return btoa(String.fromCharCode(...bytes));
}

/** Binary messages over an upgraded connection. */
export class WebSocketConnection {
  readonly #connection: UpgradedConnection;
  readonly #clock: Clock;
  readonly #frames = new FrameReader(MAX_MESSAGE_BYTES);
  readonly #received: Uint8Array<ArrayBuffer>[] = [];
  #isClosed = false;
  /** Whether no more may be written. */
  #isEnding = false;

  constructor(connection: UpgradedConnection, clock: Clock) {
    this.#connection = connection;
    this.#clock = clock;
  }

  /**
   * The next message, or `undefined` once the server has closed the WebSocket normally. One call at a time.
   *
   * @throws {ConnectionError} if the connection is lost, or the server breaks the protocol.
   */
  async receive(): Promise<Uint8Array<ArrayBuffer> | undefined> {
    for (;;) {
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
    if (this.#isEnding) throw new ConnectionError("Cannot write to the WebSocket: it is closed");
    await this.#connection.write(encodeFrame(opcodes.binary, ...parts));
  }

  /** Says goodbye, and closes the connection once that is sent. */
  close(): void {
    this.#end(NORMAL);
  }

  /** Closes the connection at once; what is read or written fails with the reason. */
  abort(reason: unknown): void {
    this.#isEnding = true;
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
          this.#write(encodeFrame(opcodes.pong, message.data));
          break;
        case "pong":
          break;
        case "close":
          this.#isClosed = true;
          this.#end(NORMAL);
          if ([NORMAL, GOING_AWAY, NO_STATUS].includes(message.code)) break;
          throw new ConnectionError(
            `Cannot read from the WebSocket: the server closed it with status ${message.code}`,
          );
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
    } finally {
      cancel();
    }
  }

  /** Writes a control frame. If that fails, reading tells why. */
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
