/**
 * A request of `node:http` whose connection is still to come. Node does by the socket what the request's time limit and
 * its `destroy` ask for, and an agent that waits before it connects has none to give.
 *
 * @module
 */

import type { ClientRequest } from "node:http";

/** What Node's types leave out. */
interface Timed {
  /** Of the request's options. */
  readonly timeout?: number;
}

/** Such a request. */
export interface ConnectingRequest {
  /** Aborted when it is destroyed, for which Node emits nothing before there is a socket. */
  readonly gone: AbortSignal;
  /** To be called when its connection is begun: its time limit counts from now on. */
  begin(): void;
}

/**
 * Makes one: it emits `timeout` when its time limit has passed and it has no socket.
 *
 * @param defaultMs The time limit of a request that has none of its own; 0 for none.
 */
export function connectingRequest(request: ClientRequest, defaultMs: number): ConnectingRequest {
  const gone = new AbortController();
  let limitMs = (request as Timed).timeout ?? defaultMs;
  let timer: ReturnType<typeof setTimeout> | undefined;
  let isConnecting = false;

  function restart(): void {
    clearTimeout(timer);
    if (isConnecting && limitMs > 0) timer = setTimeout(() => request.emit("timeout"), limitMs);
  }
  function begin(): void {
    isConnecting = !request.destroyed;
    restart();
  }
  function stop(): void {
    isConnecting = false;
    clearTimeout(timer);
  }

  request.once("socket", stop).once("close", stop);
  const { destroy, setTimeout: setLimit } = request;
  request.setTimeout = (timeoutMs, callback) => {
    setLimit.call(request, timeoutMs, callback);
    limitMs = timeoutMs;
    restart();
    return request;
  };
  request.destroy = (error) => {
    stop();
    gone.abort(error ?? hangUp());
    return destroy.call(request, error);
  };
  return { gone: gone.signal, begin };
}

/** As Node says it. */
function hangUp(): Error {
  return Object.assign(new Error("socket hang up"), { code: "ECONNRESET" });
}
