/**
 * One call to the API, and what makes it.
 *
 * @module
 */

import type { EventListener } from "../events.ts";
import type { Clock, LocalSystem, Upgraded } from "../runtime.ts";
import type { FetchInit } from "../transport/request.ts";

/** How one call differs from the client's defaults. */
export interface CallOptions {
  /** What is added to the URL's query; `undefined` is left out. */
  query?: Readonly<Record<string, string | number | boolean | undefined>> | undefined;
  /** Headers beside `Accept`, `Content-Type`, `User-Agent` and `Authorization`, or in their place. */
  headers?: RequestInit["headers"];
  /** Ends the call at once, whatever it waits for. */
  signal?: AbortSignal | undefined;
  /**
   * How long the response's headers may take, and how long its body may then stall, in milliseconds; the
   * client's `timeoutMs` by default.
   */
  timeoutMs?: number | undefined;
  /**
   * The most bytes that the answer may have, after decompression; `Infinity` for no limit. The client's
   * `maxResponseBytes` by default.
   */
  maxResponseBytes?: number | undefined;
}

/** Names of {@link CallOptions}. */
export const callOptionNames: readonly (keyof CallOptions)[] = [
  "query",
  "headers",
  "signal",
  "timeoutMs",
  "maxResponseBytes",
];

/** One call: JSON there, and JSON back. */
export interface ResourceCall extends CallOptions {
  /** The HTTP method. */
  readonly method: string;
  /** The URL's path. */
  readonly path: string;
  /** What is sent, as JSON; nothing if it is `undefined`. */
  readonly body?: unknown;
  /** The body's type; `application/json` by default. */
  readonly contentType?: string | undefined;
}

/** How a connection is opened on which another protocol is spoken. */
export interface UpgradeCall {
  /** The URL's path, and its query. */
  readonly path: string;
  /** The headers of the protocol's handshake. */
  readonly headers: Readonly<Record<string, string>>;
  /** Ends the call, and then the connection for as long as it lives. */
  readonly signal?: AbortSignal | undefined;
  /** How long the response's headers may take, in milliseconds; the client's `timeoutMs` by default. */
  readonly timeoutMs?: number | undefined;
}

/** What a resource needs of the client that it is bound to. */
export interface ResourceClient {
  /** The API server's URL. */
  readonly server: string;
  /** The namespace to work in, where none is said. */
  readonly namespace: string;
  /** The field manager of writes that name none. */
  readonly fieldManager: string | undefined;
  /** Its time. */
  readonly clock: Clock;
  /** Receives its events. */
  readonly onEvent: EventListener | undefined;
  /** Aborted when it is closed. */
  readonly closing: AbortSignal;
  /** Calls the API. Throws as the client's own verbs do. */
  call<T>(call: ResourceCall): Promise<T>;
  /** Calls the API, and gives the answer as text, whatever it is. Throws as the client's own verbs do. */
  text(call: ResourceCall): Promise<string>;
  /** Sends a request, and returns its response with its body unread. */
  fetch(path: string, init?: FetchInit): Promise<Response>;
  /**
   * Sends a request whose answer is a stream, and returns its response with its body unread.
   *
   * @param verb What the error calls the request.
   * @throws {ApiError} if the status is an error, as far as its body comes in time. Beside that as
   * {@link ResourceClient.fetch}.
   */
  open(path: string, init?: FetchInit, verb?: string): Promise<Response>;
  /**
   * Opens a connection of its own and changes its protocol, with the client's credentials and trust. It is ended
   * by the client's close, and after a rotation by `drainTimeoutMs`.
   *
   * @throws {ApiError} if the server rejects it. Beside that as {@link ResourceClient.fetch}.
   */
  upgrade(call: UpgradeCall): Promise<Upgraded>;
  /**
   * What a new connection would be made under, after what has aged was read again: the same value as long as server,
   * trust and client certificate are the same.
   */
  generation(signal: AbortSignal | undefined): Promise<unknown>;
  /** This machine's folders and local ports; absent if there are none. */
  readonly local?: (() => Promise<LocalSystem>) | undefined;
}
