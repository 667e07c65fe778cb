/**
 * The messages from a client's process to the demo: one line of JSON each, on standard output. The client
 * starts when it reads `go` on its standard input, and ends when its standard input ends.
 *
 * @module
 */

/** The client has loaded, and waits. */
export interface ReadyMessage {
  readonly type: "ready";
  /** The runtime and its version, as in `Node 24.1.0`. */
  readonly runtime: string;
}

/** A request has ended. Times are milliseconds since the epoch. */
export interface RequestMessage {
  readonly type: "request";
  readonly startedAt: number;
  readonly endedAt: number;
  readonly ok: boolean;
  readonly code?: string;
}

/** The CA bundle was read again. */
export interface ReadMessage {
  readonly type: "read";
  readonly changed: boolean;
}

/** All messages of a client. */
export type Message = ReadyMessage | RequestMessage | ReadMessage;
