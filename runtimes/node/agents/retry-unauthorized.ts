/**
 * A second try for a request that was answered with 401, if there is another client certificate by then: the API
 * server answers so to one that has expired.
 *
 * @module
 */

import type { Dispatcher } from "undici";
import { mayRetryUnauthorized } from "../../../src/transport/authorize.ts";

type Controller = Dispatcher.DispatchController;
type Handler = Dispatcher.DispatchHandler;

/** What becomes of a request that was answered with 401. */
export interface UnauthorizedRetry {
  /** Reads the client certificate again, and resolves to whether it is another one. */
  reload(): Promise<boolean>;
  /** Sends the request again. */
  dispatch(handler: Handler): Promise<void>;
}

/** Whether the client certificate is all that a request shows: not so if it has an `Authorization` header. */
export function isByCertificate({ headers }: Dispatcher.DispatchOptions): boolean {
  const names = headers ? namesOf(headers) : [];
  return !names.some((name) => name.toLowerCase() === "authorization");
}

/** The names of headers in any of the forms that undici takes. */
function namesOf(headers: NonNullable<Dispatcher.DispatchOptions["headers"]>): string[] {
  if (!(Symbol.iterator in headers)) return Object.keys(headers);
  const entries = [...(headers as Iterable<string | [string, unknown]>)];
  // Either names and values in turn, or pairs of them.
  return entries.flatMap((entry, index) => {
    if (typeof entry !== "string") return entry[0];
    return index % 2 === 0 ? entry : [];
  });
}

/** Whether a request may go out twice. */
export function canRetry({ method, origin, path, body }: Dispatcher.DispatchOptions): boolean {
  const isInMemory =
    body === undefined || body === null || typeof body === "string" || body instanceof Uint8Array;
  const url = URL.parse(path, origin);
  return isInMemory && url !== null && mayRetryUnauthorized({ method, url, body: null });
}

/** Passes on to a handler what becomes of its request, but for a 401 that a retry takes the place of. */
export class UnauthorizedHandler implements Handler {
  readonly #handler: Handler;
  readonly #retry: UnauthorizedRetry;
  readonly #controller = new SteadyController();
  /** The answer that another try took the place of. */
  #replaced: Controller | undefined;
  #mayRetry = true;

  constructor(handler: Handler, retry: UnauthorizedRetry) {
    this.#handler = handler;
    this.#retry = retry;
  }

  onRequestStart(controller: Controller, context: unknown): void {
    const isFirst = this.#controller.target === undefined;
    this.#controller.target = controller;
    if (isFirst) this.#handler.onRequestStart?.(this.#controller, context);
  }

  onRequestUpgrade(_controller: Controller, ...details: UpgradeDetails): void {
    this.#handler.onRequestUpgrade?.(this.#controller, ...details);
  }

  onResponseStart(controller: Controller, ...details: StartDetails): void {
    if (details[0] !== 401 || !this.#mayRetry) {
      this.#handler.onResponseStart?.(this.#controller, ...details);
      return;
    }
    this.#mayRetry = false;
    controller.pause();
    this.#retry.reload().then(
      (isOther) => this.#decide(controller, isOther, details),
      () => this.#decide(controller, false, details),
    );
  }

  #decide(controller: Controller, isOther: boolean, details: StartDetails): void {
    if (controller.aborted) return; // The handler knows.
    if (isOther) {
      this.#replaced = controller;
      controller.abort(new Error("the request is sent again"));
      void this.#retry.dispatch(this);
      return;
    }
    try {
      this.#handler.onResponseStart?.(this.#controller, ...details);
    } catch (error) {
      controller.abort(error as Error); // As undici does.
    }
    if (!this.#controller.paused) controller.resume();
  }

  onResponseData(controller: Controller, chunk: Buffer): void {
    if (controller !== this.#replaced) {
      this.#handler.onResponseData?.(this.#controller, chunk);
    }
  }

  onResponseEnd(
    controller: Controller,
    trailers: Parameters<NonNullable<Handler["onResponseEnd"]>>[1],
  ): void {
    if (controller !== this.#replaced) {
      this.#handler.onResponseEnd?.(this.#controller, trailers);
    }
  }

  onResponseError(controller: Controller | null | undefined, error: Error): void {
    // undici has none for a request that never got a connection.
    if (controller && controller === this.#replaced) return;
    this.#handler.onResponseError?.(this.#controller, error);
  }
}

type Details<F> = F extends (controller: Controller, ...details: infer D) => void ? D : never;
type StartDetails = Details<NonNullable<Handler["onResponseStart"]>>;
type UpgradeDetails = Details<NonNullable<Handler["onRequestUpgrade"]>>;

/** A request's controller for as long as the request lasts, whichever connection it is on. */
class SteadyController implements Controller {
  #target: Controller | undefined;
  #reason: Error | null = null;
  #paused = false;

  get target(): Controller | undefined {
    return this.#target;
  }

  set target(target: Controller | undefined) {
    this.#target = target;
    if (this.#reason !== null) target?.abort(this.#reason);
  }

  get aborted(): boolean {
    return this.#reason !== null;
  }

  get reason(): Error | null {
    return this.#reason;
  }

  get paused(): boolean {
    return this.#paused;
  }

  get rawHeaders(): NonNullable<Controller["rawHeaders"]> | null {
    return this.#target?.rawHeaders ?? null;
  }

  get rawTrailers(): NonNullable<Controller["rawTrailers"]> | null {
    return this.#target?.rawTrailers ?? null;
  }

  abort(reason: Error): void {
    this.#reason ??= reason;
    this.#target?.abort(reason);
  }

  pause(): void {
    this.#paused = true;
    this.#target?.pause();
  }

  resume(): void {
    this.#paused = false;
    this.#target?.resume();
  }
}
