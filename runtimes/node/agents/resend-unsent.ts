/**
 * Requests that wait in a pool for a connection to become free, while the trust changes: the connection may be to a
 * server whose anchor was removed.
 *
 * @module
 */

import type { Dispatcher } from "undici";

type Handler = Dispatcher.DispatchHandler;

/** What becomes of a request that must not be sent where it was to be. */
export interface Resending {
  /** Asked when undici is about to send the request. */
  isStale(): boolean;
  /** Sends it elsewhere. */
  resend(): void;
}

const names = [
  "onBodySent",
  "onRequestSent",
  "onRequestUpgrade",
  "onResponseStarted",
  "onResponseStart",
  "onResponseData",
  "onResponseEnd",
] as const;

/** Makes a handler that passes on to another one what becomes of a request, unless it is sent elsewhere. */
export function resendUnsent(handler: Handler, { isStale, resend }: Resending): Handler {
  const { onRequestStart, onResponseError } = handler;
  // undici rejects a handler without these.
  if (typeof onRequestStart !== "function" || typeof onResponseError !== "function") return handler;
  const given = handler as Record<(typeof names)[number], unknown>;
  const passed = names.flatMap((name) => {
    const method = given[name];
    return typeof method === "function" ? [[name, method.bind(handler) as unknown] as const] : [];
  });
  let unsent: Error | undefined;
  return {
    ...Object.fromEntries(passed),
    onRequestStart(controller, context) {
      if (!isStale()) return onRequestStart.call(handler, controller, context);
      // By this undici takes the request back, and leaves its body and what else the connection carries alone.
      unsent = new Error("the request is sent by another connection");
      throw unsent;
    },
    onResponseError(controller, error) {
      if (unsent !== undefined && error === unsent) resend();
      else onResponseError.call(handler, controller, error);
    },
  };
}
