/**
 * A second try for a request that was answered with 401, if the file has another token by then.
 *
 * @module
 */

import type { RequestContext } from "@kubernetes/client-node";
import type { Dispatcher } from "undici";
import { replaceRejected } from "../../../src/sources/replace-rejected.ts";
import type { TokenSource } from "../../../src/sources/token-source.ts";
import { UnauthorizedHandler, canRetry } from "../agents/retry-unauthorized.ts";
import { systemClock } from "../../../src/runtime.ts";

type Dispatch = Dispatcher["dispatch"];

/**
 * Makes an interceptor, for undici's `compose`.
 *
 * @param source The token that the request has been given.
 * @param context The request: what undici is given of its body can be read but once.
 */
export function retryStaleToken(
  source: TokenSource,
  context: RequestContext,
): (dispatch: Dispatch) => Dispatch {
  return (dispatch) => (options, handler) => {
    const headers = options.headers as Record<string, string>;
    const name = Object.keys(headers).find((other) => other.toLowerCase() === "authorization");
    const used = name === undefined ? "" : (/^Bearer (.*)$/.exec(headers[name] ?? "")?.[1] ?? "");
    if (name === undefined || used !== source.peek()) return dispatch(options, handler);
    const beganAt = systemClock.now();
    let token: string | undefined = used;
    const retrying = new UnauthorizedHandler(handler, {
      async reload() {
        token = await replaceRejected(source, { used, beganAt, signal: undefined });
        return token !== undefined && token !== used && canRetry(again());
      },
      dispatch: async (retry) => void dispatch(again(), retry),
    });
    return dispatch(options, retrying);

    function again(): Dispatcher.DispatchOptions {
      const text: unknown = context.getBody();
      const body = options.body && typeof text === "string" ? text : (options.body ?? null);
      return { ...options, body, headers: { ...headers, [name ?? ""]: `Bearer ${token}` } };
    }
  };
}
