/**
 * One call to the API, and what makes it.
 *
 * @module
 */

import type { EventListener } from "../events.ts";
import type { Clock } from "../runtime.ts";
import type { FetchInit } from "../transport/request.ts";

/** How one call differs from the client's defaults. */
export interface CallOptions {
  /** What is added to the URL's query; `undefined` is left out. */
  query?: Readonly<Record<string, string | number | boolean | undefined>> | undefined;
  /** Headers beside `Accept`, `Content-Type`, `User-Agent` and `Authorization`, or in their place. */
  headers?: RequestInit["headers"];
  /** Ends the call at once, whatever it waits for. */
  signal?: AbortSignal | undefined;
  /** How long the response's headers may take, in milliseconds; the client's `timeoutMs` by default. */
  timeoutMs?: number | undefined;
}

/** One call: JSON there, and JSON back. */
export interface ResourceCall extends CallOptions {
  /** The HTTP method. */
  readonly method: string;
  /** The URL's path. */
  readonly path: string;
  /** What is sent, as JSON; nothing where it is `undefined`. */
  readonly body?: unknown;
  /** The body's type; `application/json` by default. */
  readonly contentType?: string | undefined;
}

/** What a resource needs of the client that it is bound to. */
export interface ResourceClient {
  /** The API server's URL. */
  readonly server: string;
  /** The namespace to work in, where none is said. */
  readonly namespace: string;
  /** Its time. */
  readonly clock: Clock;
  /** Whom it tells. */
  readonly onEvent: EventListener | undefined;
  /** Aborted when it is closed. */
  readonly closing: AbortSignal;
  /** Calls the API. Throws as the client's own verbs do. */
  call<T>(call: ResourceCall): Promise<T>;
  /** Sends a request, and hands its response over with its body unread. */
  fetch(path: string, init?: FetchInit): Promise<Response>;
}
