/**
 * A second try for what asks for no change, where its connection was lost before any byte of the response.
 *
 * client-node alone has a connection a request, and so none that the server may have closed since.
 *
 * @module
 */

import type { Dispatcher } from "undici";
import { safeMethods } from "../../../src/transport/request.ts";
import { explain } from "../undici-errors.ts";

/** A pool is given this long to notice what else was lost, lest the retry gets one of those. */
const PAUSE_MS = 50;

/** An interceptor, for undici's `compose`. */
export function retryLost(dispatch: Dispatcher["dispatch"]): Dispatcher["dispatch"] {
  return (options, handler) => {
    const canRepeat = safeMethods.has(options.method) && !options.body;
    return dispatch(options, canRepeat ? repeatOnce(dispatch, options, handler) : handler);
  };
}

function repeatOnce(
  dispatch: Dispatcher["dispatch"],
  options: Dispatcher.DispatchOptions,
  handler: Dispatcher.DispatchHandler,
): Dispatcher.DispatchHandler {
  let isFinal = false;
  return {
    onRequestStart: (controller, context) => handler.onRequestStart?.(controller, context),
    onRequestUpgrade: (...details) => handler.onRequestUpgrade?.(...details),
    onResponseStart(...details) {
      isFinal = true;
      handler.onResponseStart?.(...details);
    },
    onResponseData: (controller, chunk) => handler.onResponseData?.(controller, chunk),
    onResponseEnd: (controller, trailers) => handler.onResponseEnd?.(controller, trailers),
    onResponseError(controller, error) {
      if (isFinal || explain(error) !== "lost") return handler.onResponseError?.(controller, error);
      setTimeout(() => dispatch(options, handler), PAUSE_MS);
    },
  };
}
