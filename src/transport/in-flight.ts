/**
 * The requests of a client, each from its start to the end of its response's body. Whatever ends one of them,
 * its time limit, its caller or the client's close, ends all that it waits for or still receives.
 *
 * @module
 */

import type { WarnedDistances } from "../rotation/expiry-warnings.ts";
import type { TrustWait } from "../rotation/trust-wait.ts";
import type { Clock, TransportResponse } from "../runtime.ts";
import { Deadlines } from "./deadlines.ts";
import {
  type Answer,
  type Flight,
  type FlightParts,
  type OpenedAnswer,
  type RequestObserver,
  OpenedFlight,
  StreamFlight,
  WholeFlight,
} from "./flight.ts";
import { FreeList } from "./free-list.ts";
import type { OutgoingRequest, Send } from "./request.ts";

/** What becomes of requests besides. */
export interface InFlightOptions {
  readonly observer?: RequestObserver | undefined;
  /** Where requests wait whose server is not trusted for a while; without it, those fail. */
  readonly trustWait?: TrustWait<URL> | undefined;
}

export class InFlight {
  /** Where requests wait whose server is not trusted for a while. */
  readonly trustWait: TrustWait<URL> | undefined;
  /** Which certificates the client has warned of, whatever its config is now. */
  readonly warned: WarnedDistances = new Map();
  readonly #parts: FlightParts;
  readonly #closing = new AbortController();
  /** Why no more are let in; here as well, since each request asks, and a signal costs more to ask. */
  #closed: Error | undefined;

  constructor(clock: Clock, { observer, trustWait }: InFlightOptions = {}) {
    const deadlines = new Deadlines(clock);
    this.trustWait = trustWait;
    this.#parts = { clock, deadlines, flights: new FreeList(), observer, trustWait };
  }

  /** Aborted with the reason when the client is closed. */
  get closing(): AbortSignal {
    return this.#closing.signal;
  }

  /**
   * Sends a request that ends in time: its response's headers have a limit, a body has none, since watches
   * live for hours. Fails as soon as the request is ended, whatever it waits for.
   */
  send(request: OutgoingRequest, send: Send): Promise<TransportResponse> {
    return this.#rejection(request) ?? start(new StreamFlight(request, this.#parts), send);
  }

  /**
   * Sends a request whose answer is a stream, as {@link InFlight.send} does; an error's body is read, as far as
   * it comes in time: its status says enough.
   */
  open(request: OutgoingRequest, send: Send): Promise<OpenedAnswer> {
    return this.#rejection(request) ?? start(new OpenedFlight(request, this.#parts), send);
  }

  /**
   * Sends a request and reads its whole answer, which may not stall, and whose size has a limit.
   *
   * @throws {TimeoutError} if the body makes no progress.
   * @throws {ConnectionError} if it breaks off, or has more than so many bytes. That of an error is cut off
   * instead.
   */
  read(request: OutgoingRequest, send: Send, maxResponseBytes: number): Promise<Answer> {
    const rejection = this.#rejection(request);
    return rejection ?? start(new WholeFlight(request, this.#parts, maxResponseBytes), send);
  }

  /** Ends all of them, and lets none in from now on. */
  close(reason: Error): void {
    this.#closed = reason;
    this.#closing.abort(reason);
    for (const flight of this.#parts.flights.members) flight.end(reason);
    this.#parts.deadlines.close();
  }

  /** Why a request is not even sent. */
  #rejection({ signal }: OutgoingRequest): Promise<never> | undefined {
    if (this.#closed !== undefined) return Promise.reject(this.#closed);
    if (signal?.aborted === true) return Promise.reject(signal.reason as Error);
    return undefined;
  }
}

function start<T>(flight: Flight<T>, send: Send): Promise<T> {
  void flight.start(send);
  return flight.result;
}
