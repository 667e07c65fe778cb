/**
 * The requests of a client, each from its start to the end of its response's body. Whatever ends one of them,
 * its time limit, its caller or the client's close, ends all that it waits for or still receives.
 *
 * @module
 */

import { cleanCause } from "../clean-cause.ts";
import { ConnectionError, TimeoutError, UntrustedServerError } from "../errors.ts";
import type { WarnedDistances } from "../rotation/expiry-warnings.ts";
import type { TrustingRequest } from "../rotation/trust-renewal.ts";
import type { TrustWait } from "../rotation/trust-wait.ts";
import type { BodyLimit, Clock, TransportResponse } from "../runtime.ts";
import { Deadlines } from "./deadlines.ts";
import { FreeList } from "./free-list.ts";
import { Progress } from "./time-limit.ts";
import { BodyTooLargeError } from "./read-text.ts";
import { type OutgoingRequest, type Send, canSendAgain, describe } from "./request.ts";

/** The most that is read of an error's body: what is beyond it would say no more. */
const MAX_ERROR_BYTES = 1024 * 1024;

/** A response and its body. */
export interface Answer {
  readonly response: TransportResponse;
  readonly text: string;
}

/** A response whose body is still to be read, or an error's that has been. */
export type OpenedAnswer =
  | Answer
  | { readonly response: TransportResponse; readonly text: undefined };

/** A request that is under way. */
interface Exchange {
  readonly progress: Progress;
  /** Set once its server was rejected. */
  trusting: TrustingRequest | undefined;
  /** Called if it makes no progress. */
  onTimeout: (error: TimeoutError) => void;
  /** Ends it. */
  readonly own: AbortController;
}

/** Ends a request's wait. */
interface Settle<T> {
  resolve(result: T): void;
  reject(error: unknown): void;
}

/** Learns how requests go. It must not throw. */
export interface RequestObserver {
  /** Called when the headers of an answer are there. */
  answered(request: OutgoingRequest, status: number): void;
  /** Called with an error of a request that its caller did not end, also if the request then waits for trust. */
  failed(error: unknown): void;
}

/** What becomes of requests besides. */
export interface InFlightOptions {
  readonly observer?: RequestObserver | undefined;
  /** Where requests wait whose server is not trusted for a while; without it, those fail. */
  readonly trustWait?: TrustWait<URL> | undefined;
}

export class InFlight {
  /** What limits their time. */
  readonly #time: { readonly clock: Clock; readonly deadlines: Deadlines };
  readonly #observer: RequestObserver | undefined;
  /** Where requests wait whose server is not trusted for a while. */
  readonly trustWait: TrustWait<URL> | undefined;
  /** Which certificates the client has warned of, whatever its config is now. */
  readonly warned: WarnedDistances = new Map();
  /** What ends each of them. */
  readonly #ends = new FreeList<(reason: unknown) => void>();
  readonly #closing = new AbortController();
  /** Why no more are let in; here as well, since each request asks, and a signal costs more to ask. */
  #closed: Error | undefined;

  constructor(clock: Clock, { observer, trustWait }: InFlightOptions = {}) {
    this.#time = { clock, deadlines: new Deadlines(clock) };
    this.#observer = observer;
    this.trustWait = trustWait;
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
    return this.#start<TransportResponse>(request, send, (response, _exchange, { resolve }) => {
      resolve(response);
    });
  }

  /**
   * Sends a request whose answer is a stream, as {@link InFlight.send} does; an error's body is read, as far as
   * it comes in time: its status says enough.
   */
  open(request: OutgoingRequest, send: Send): Promise<OpenedAnswer> {
    return this.#start<OpenedAnswer>(request, send, (response, exchange, { resolve }) => {
      if (!isError(response)) return resolve({ response, text: undefined });
      exchange.onTimeout = (error) => {
        resolve({ response, text: "" });
        exchange.own.abort(error);
      };
      response.text(limitOf(exchange, MAX_ERROR_BYTES, true)).then(
        (text) => resolve({ response, text }),
        () => resolve({ response, text: "" }),
      );
    });
  }

  /**
   * Sends a request and reads its whole answer, which may not stall, and whose size has a limit.
   *
   * @throws {TimeoutError} if the body makes no progress.
   * @throws {ConnectionError} if it breaks off, or has more than so many bytes. That of an error is cut off
   * instead.
   */
  read(request: OutgoingRequest, send: Send, maxResponseBytes: number): Promise<Answer> {
    return this.#start<Answer>(request, send, (response, exchange, { resolve, reject }) => {
      const limit = isError(response)
        ? limitOf(exchange, MAX_ERROR_BYTES, true)
        : limitOf(exchange, maxResponseBytes, false);
      response.text(limit).then(
        (text) => resolve({ response, text }),
        (cause: unknown) => reject(brokenAnswer(cause, request, maxResponseBytes)),
      );
    });
  }

  /** @param finish Called when the headers are there; settles the request when there is nothing more to wait for. */
  #start<T>(
    request: OutgoingRequest,
    send: Send,
    finish: (response: TransportResponse, exchange: Exchange, settle: Settle<T>) => void,
  ): Promise<T> {
    const { signal: callers, timeoutMs } = request;
    const observer = this.#observer;
    if (this.#closed !== undefined) return Promise.reject(this.#closed);
    if (callers?.aborted === true) return Promise.reject(callers.reason as Error);
    return new Promise((resolve, reject) => {
      const own = new AbortController();
      const end = (reason: unknown): void => {
        stopWaiting();
        leave();
        reject(reason);
        own.abort(reason);
      };
      const onAbort = (): void => end(callers?.reason);
      const onTimeout = (timeout: TimeoutError): void => {
        const error = exchange.trusting?.timedOut() ?? timeout;
        observer?.failed(error);
        end(error);
      };
      const progress = new Progress(this.#time, timeoutMs, (reason) => {
        exchange.onTimeout(new TimeoutError(`Cannot ${describe(request)}: ${reason}`));
      });
      const exchange: Exchange = { progress, trusting: undefined, onTimeout, own };
      const stopWaiting = (): void => {
        progress.stop();
        callers?.removeEventListener("abort", onAbort);
      };
      const leave = this.#ends.add(end);
      callers?.addEventListener("abort", onAbort);
      // By way of a third signal, since the caller's may live for long, and is to forget a body that is over.
      const signal = callers === undefined ? own.signal : AbortSignal.any([callers, own.signal]);
      const timed = { ...request, signal, end };
      const settle: Settle<T> = {
        resolve(result) {
          stopWaiting();
          resolve(result);
        },
        reject(error) {
          stopWaiting();
          leave();
          if (!own.signal.aborted) observer?.failed(error);
          reject(error);
        },
      };
      const onAnswer = (response: TransportResponse): void => {
        observer?.answered(request, response.status);
        progress.onHeaders(response.status);
        response.onEnd(leave);
        finish(response, exchange, settle);
      };
      send(timed)
        .then(onAnswer, async (error: unknown) => {
          onAnswer(await this.#sendOnceTrusted(error, timed, { send, exchange }));
        })
        .catch(settle.reject);
    });
  }

  /**
   * Sends a request again whose server was rejected, each time that the server may be trusted again.
   *
   * @throws What it failed with, if it is another failure, or its server is not trusted in time.
   */
  async #sendOnceTrusted(
    failure: unknown,
    request: OutgoingRequest,
    { send, exchange }: { readonly send: Send; readonly exchange: Exchange },
  ): Promise<TransportResponse> {
    const { url, body, signal } = request;
    try {
      for (let error = failure; ;) {
        const { trustWait } = this;
        if (!(error instanceof UntrustedServerError) || trustWait === undefined) throw error;
        if (!trustWait.mayWait(error, url) || !canSendAgain(body)) throw error;
        this.#observer?.failed(error);
        exchange.trusting ??= trustWait.request(url, signal);
        await exchange.trusting.wait(error);
        try {
          return await send(request);
        } catch (next) {
          error = next;
        }
      }
    } finally {
      exchange.trusting?.done();
    }
  }

  /** Ends all of them, and lets none in from now on. */
  close(reason: Error): void {
    this.#closed = reason;
    this.#closing.abort(reason);
    for (const end of this.#ends.members) end(reason);
    this.#time.deadlines.close();
  }
}

/** What a body's failure means to a caller. */
function brokenAnswer(cause: unknown, request: OutgoingRequest, maxResponseBytes: number): Error {
  const what = `Cannot ${describe(request)}`;
  if (!(cause instanceof BodyTooLargeError)) {
    return new ConnectionError(`${what}: the answer broke off`, { cause: cleanCause(cause) });
  }
  const most = `more than ${maxResponseBytes} bytes (maxResponseBytes)`;
  const advice = "raise that option, or list in pages by listAll()";
  return new ConnectionError(`${what}: the answer has ${most}; ${advice}`);
}

function isError({ status }: TransportResponse): boolean {
  return (status < 200 || status > 299) && status !== 101;
}

function limitOf({ progress, own }: Exchange, maxBytes: number, cutsRest: boolean): BodyLimit {
  const onPiece = (bytes: number): void => progress.onPiece(bytes);
  return { maxBytes, cutsRest, signal: own.signal, onPiece };
}
