/**
 * Sends the bearer token, and where the server refuses it, a newer one.
 *
 * @module
 */

import { type EventListener, notify } from "../events.ts";
import type { Clock } from "../runtime.ts";
import type { TokenSource } from "../sources/token-source.ts";
import { type OutgoingRequest, type Send, canSendAgain } from "./request.ts";

/**
 * A `proxy` subresource: there a 401 may be the service's own, after it acted (Kubernetes API reference,
 * `connect ... requests to proxy of` Node, Pod and Service).
 */
const proxySubresource = /\/(?:nodes|pods|services)\/[^/]+\/proxy(?:\/|$)/;

/** Adds the token's current value to each request whose caller set no `Authorization`. */
export function withToken(
  send: Send,
  tokens: TokenSource,
  clock: Clock,
  onEvent: EventListener | undefined,
): Send {
  return async (request) => {
    if (request.authorized) return await send(request);
    const { headers, signal } = request;
    const beganAt = clock.now();
    const token = await tokens.current({ signal });
    headers.set("authorization", `Bearer ${token}`);
    const response = await send(request);
    if (response.status !== 401 || !mayRepeat(request)) return response;

    let latest = tokens.peek();
    if (latest === token) {
      // What was read since the request began is as new as it gets.
      const age = tokens.status.ageMs;
      if (age !== undefined && age <= clock.now() - beganAt) return response;
      latest = await tokens.reload({ signal });
    }
    if (latest === token || latest === undefined) return response;
    await response.discard();
    const { method, url } = request;
    notify(onEvent, {
      type: "retry",
      reason: "unauthorized",
      method,
      path: url.pathname,
      delayMs: 0,
    });
    headers.set("authorization", `Bearer ${latest}`);
    return await send(request);
  };
}

function mayRepeat({ method, url, body }: OutgoingRequest): boolean {
  const acts = method !== "GET" && method !== "HEAD";
  return canSendAgain(body) && !(acts && proxySubresource.test(url.pathname));
}
