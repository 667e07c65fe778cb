/**
 * What a resource needs of the client that it is bound to.
 *
 * @module
 */

import type { EventListener } from "../events.ts";
import type { Clock } from "../runtime.ts";
import type { FetchInit } from "../transport/request.ts";
import type { CallOptions } from "./client.ts";

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

/** See the module. */
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
