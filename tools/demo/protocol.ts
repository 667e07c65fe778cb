/**
 * What a client's process says to the demo: one line of JSON each on its standard output. It begins
 * when its standard input says `go`, and ends when that ends.
 *
 * @module
 */

/** It has loaded, and waits. */
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

/** Everything that it says. */
export type Message = ReadyMessage | RequestMessage | ReadMessage;
