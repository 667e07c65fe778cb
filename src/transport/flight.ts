/**
 * A request from its start to the end of its response's body, as one object: of what closures and asynchronous
 * functions would cost in its place, a program that sends many requests would notice each.
 *
 * @module
 */

import { cleanCause } from "../clean-cause.ts";
import { ConnectionError, TimeoutError, UntrustedServerError } from "../errors.ts";
import type { TrustingRequest } from "../rotation/trust-renewal.ts";
import type { TrustWait } from "../rotation/trust-wait.ts";
import type { BodyLimit, Ending, TransportResponse } from "../runtime.ts";
import type { FreeList, Place } from "./free-list.ts";
import { BodyTooLargeError } from "./read-text.ts";
import { type OutgoingRequest, type Send, canSendAgain, describe } from "./request.ts";
import { type LimitedExchange, Progress, type Timekeeping } from "./time-limit.ts";

/** The most that is read of an error's body: what is beyond it would say no more. */
const MAX_ERROR_BYTES = 1024 * 1024;

/** A response and its body. */
export interface Answer {
  readonly response: TransportResponse;
  readonly text: string;
}

/** A response whose body is still to be read, or an error's that has been. */
export interface OpenedAnswer {
  readonly response: TransportResponse;
  readonly text: string | undefined;
}

/** Learns how requests go. It must not throw. */
export interface RequestObserver {
  /** Called when the headers of an answer are there. */
  answered(request: OutgoingRequest, status: number): void;
  /** Called with an error of a request that its caller did not end, also if the request then waits for trust. */
  failed(error: unknown): void;
}

/** What a client's close ends. */
export interface Closable {
  end(reason: Error): void;
}

/** What the flights of a client have in common. */
export interface FlightParts extends Timekeeping {
  /** Those that have not ended. */
  readonly flights: FreeList<Closable>;
  readonly observer: RequestObserver | undefined;
  /** Where requests wait whose server is not trusted for a while. */
  readonly trustWait: TrustWait<URL> | undefined;
}

/** A request on its way. Whatever ends it ends all that it waits for or still receives. */
export abstract class Flight<T> implements BodyLimit, Closable, Ending, LimitedExchange {
  /** The request as it is sent: its signal is aborted when this flight is ended. */
  readonly request: OutgoingRequest;
  /** What the caller waits for. */
  readonly result: Promise<T>;
  /** How much of the body is read as a whole; of an error's at first. */
  maxBytes: number = MAX_ERROR_BYTES;
  cutsRest: boolean = true;
  onEnd: (() => void) | undefined;
  readonly #parts: FlightParts;
  readonly #place: Place;
  readonly #own = new AbortController();
  readonly #callers: AbortSignal | undefined;
  readonly #onAbort: (() => void) | undefined;
  readonly #progress: Progress;
  #resolve!: (result: T) => void;
  #reject!: (error: unknown) => void;
  /** Set once its server was rejected. */
  #trusting: TrustingRequest | undefined;
  /** What is read before the caller gets it. */
  #reading: TransportResponse | undefined;

  constructor(request: OutgoingRequest, parts: FlightParts) {
    this.result = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
    this.#parts = parts;
    this.#progress = new Progress(parts, request.timeoutMs, this);
    const callers = request.signal;
    this.#callers = callers;
    if (callers !== undefined) {
      this.#onAbort = () => this.end(callers.reason);
      callers.addEventListener("abort", this.#onAbort);
    }
    // By way of a third signal, since the caller's may live for long, and is to forget a body that is over.
    const signal = callers === undefined ? this.signal : AbortSignal.any([callers, this.signal]);
    const ending = callers === undefined ? this : undefined;
    this.request = { ...request, signal, ending, flight: this };
    this.#place = parts.flights.add(this);
  }

  /** What the caller gets. */
  protected abstract toResult(response: TransportResponse, text: string | undefined): T;

  /** Reads the body of a response that is not its caller's to read. */
  protected read?(response: TransportResponse): Promise<string> | undefined;

  /** Called if a body breaks off that is read. */
  protected onBroken(_: TransportResponse, cause: unknown): void {
    this.fail(cause);
  }

  /** Aborted when the body is no longer wanted. */
  get signal(): AbortSignal {
    return this.#own.signal;
  }

  /** Sends the request. It never rejects: the result does. */
  async start(send: Send): Promise<void> {
    try {
      let response: TransportResponse;
      try {
        response = await send(this.request);
      } catch (error) {
        response = await this.#sendOnceTrusted(error, send);
      }
      this.#parts.observer?.answered(this.request, response.status);
      this.#progress.onHeaders(response.status);
      const text = this.read?.(response);
      if (text === undefined) return this.#handOver(response);
      this.#reading = response;
      this.succeed(this.toResult(response, await text));
    } catch (error) {
      if (this.#reading === undefined) this.fail(error);
      else this.onBroken(this.#reading, error);
    }
  }

  onPiece(bytes: number): void {
    this.#progress.onPiece(bytes);
  }

  onLate(reason: string): void {
    const timeout = new TimeoutError(`Cannot ${describe(this.request)}: ${reason}`);
    this.onTimeout(timeout, this.#reading);
  }

  /** Called if it makes no progress. */
  protected onTimeout(timeout: TimeoutError, _reading?: TransportResponse): void {
    const error = this.#trusting?.timedOut() ?? timeout;
    this.#parts.observer?.failed(error);
    this.end(error);
  }

  /** Ends it for a reason that its caller gets. */
  end(reason: unknown): void {
    this.#settle();
    this.#reject(reason);
    this.#abort(reason);
  }

  /** The caller gets the result, and there is nothing left to end. */
  protected succeed(result: T): void {
    this.#settle();
    this.#resolve(result);
  }

  protected fail(error: unknown): void {
    this.#settle();
    if (!this.signal.aborted) this.#parts.observer?.failed(error);
    this.#reject(error);
  }

  #abort(reason: unknown): void {
    this.#own.abort(reason);
    this.onEnd?.();
  }

  /** The caller gets a response whose body is still to come, and has no time limit. */
  #handOver(response: TransportResponse): void {
    this.#stopWaiting();
    // Without a reference to this: a response may live long after its end.
    const { flights } = this.#parts;
    const place = this.#place;
    response.onEnd(() => flights.remove(place));
    this.#resolve(this.toResult(response, undefined));
  }

  #settle(): void {
    this.#stopWaiting();
    this.#parts.flights.remove(this.#place);
  }

  #stopWaiting(): void {
    this.#progress.stop();
    if (this.#onAbort !== undefined) this.#callers?.removeEventListener("abort", this.#onAbort);
  }

  /**
   * Sends the request again after its server was rejected, each time that the server may be trusted again.
   *
   * @throws What it failed with, if it is another failure, or its server is not trusted in time.
   */
  async #sendOnceTrusted(failure: unknown, send: Send): Promise<TransportResponse> {
    const { trustWait, observer } = this.#parts;
    const { url, body, signal } = this.request;
    try {
      for (let error = failure; ;) {
        if (!(error instanceof UntrustedServerError) || trustWait === undefined) throw error;
        if (!trustWait.mayWait(error, url) || !canSendAgain(body)) throw error;
        observer?.failed(error);
        this.#trusting ??= trustWait.request(url, signal);
        await this.#trusting.wait(error);
        try {
          return await send(this.request);
        } catch (next) {
          error = next;
        }
      }
    } finally {
      this.#trusting?.done();
    }
  }
}

/** A request whose caller reads the response. */
export class StreamFlight extends Flight<TransportResponse> {
  protected override toResult(response: TransportResponse): TransportResponse {
    return response;
  }
}

/** A request whose caller reads the response, unless that is an error: its body is read as far as it comes in time. */
export class OpenedFlight extends Flight<OpenedAnswer> {
  protected override read(response: TransportResponse): Promise<string> | undefined {
    return isError(response) ? response.text(this) : undefined;
  }

  protected override toResult(response: TransportResponse, text: string | undefined): OpenedAnswer {
    return { response, text };
  }

  // The status says enough.
  protected override onBroken(response: TransportResponse): void {
    this.succeed({ response, text: "" });
  }

  protected override onTimeout(timeout: TimeoutError, reading?: TransportResponse): void {
    if (reading === undefined) return super.onTimeout(timeout);
    this.onBroken(reading);
    this.end(timeout); // The rest of the body, that is: the caller has its result.
  }
}

/** A request whose whole answer is read. It may not stall, and its size has a limit. */
export class WholeFlight extends Flight<Answer> {
  readonly #maxResponseBytes: number;

  constructor(request: OutgoingRequest, parts: FlightParts, maxResponseBytes: number) {
    super(request, parts);
    this.#maxResponseBytes = maxResponseBytes;
  }

  protected override read(response: TransportResponse): Promise<string> {
    if (!isError(response)) {
      this.maxBytes = this.#maxResponseBytes;
      this.cutsRest = false;
    }
    return response.text(this);
  }

  protected override toResult(response: TransportResponse, text: string): Answer {
    return { response, text };
  }

  protected override onBroken(_: TransportResponse, cause: unknown): void {
    const what = `Cannot ${describe(this.request)}`;
    if (!(cause instanceof BodyTooLargeError)) {
      const error = new ConnectionError(`${what}: the answer broke off`, {
        cause: cleanCause(cause),
      });
      return this.fail(error);
    }
    const most = `more than ${this.maxBytes} bytes (maxResponseBytes)`;
    const advice = "raise that option, or list in pages by listAll()";
    this.fail(new ConnectionError(`${what}: the answer has ${most}; ${advice}`));
  }
}

function isError({ status }: TransportResponse): boolean {
  return (status < 200 || status > 299) && status !== 101;
}
