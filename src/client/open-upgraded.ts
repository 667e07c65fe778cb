/**
 * Opens connections that change the protocol, as a client's other requests are sent.
 *
 * @module
 */

import type { UpgradeCall } from "../api/api-call.ts";
import type { ApiError } from "../api/api-error.ts";
import { checkDuration, timeLimit } from "../options.ts";
import type { Capabilities, TransportResponse, Upgraded } from "../runtime.ts";
import { Channel } from "../transport/channel.ts";
import type { OutgoingRequest } from "../transport/request.ts";
import type { ConfigFollower } from "./config-follower.ts";

/** What of a client opens a connection. */
export interface UpgradeParts {
  readonly capabilities: Capabilities;
  readonly connections: ConfigFollower;
  /** Says who asks. */
  readonly sign: (request: OutgoingRequest) => OutgoingRequest;
  /** The error of a server that rejects the call. */
  readonly toError: (
    call: { readonly method: string; readonly path: string },
    response: TransportResponse,
    body: string,
  ) => ApiError;
}

/**
 * Opens a connection of its own.
 *
 * @throws {ApiError} if the server rejects it.
 * @throws {ConfigError} if the runtime can't change the protocol of a connection.
 */
export async function openUpgraded(
  { path, headers, signal, ...others }: UpgradeCall,
  { capabilities, connections, sign, toError }: UpgradeParts,
): Promise<Upgraded> {
  const channel = new Channel(capabilities);
  const request = sign({
    method: "GET",
    url: connections.resolve(path),
    headers: new Map(Object.entries(headers)),
    headerLines: [],
    authorized: false,
    body: null,
    redirect: "manual",
    timeoutMs:
      checkDuration("timeoutMs", others.timeoutMs, timeLimit) ?? connections.peek().timeoutMs,
    signal,
    sendBy: channel.send,
  });
  const { response, text } = await connections.open(request, path);
  if (text !== undefined) throw toError({ method: "GET", path }, response, text);
  return await channel.take(response, request);
}
