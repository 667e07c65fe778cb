/**
 * Sends a client's credentials, and newer ones if the server rejects them.
 *
 * @module
 */

import { type EventListener, notify } from "../events.ts";
import type { Clock, TransportResponse } from "../runtime.ts";
import type { ClientCert } from "../sources/client-cert-source.ts";
import { replaceRejected } from "../sources/replace-rejected.ts";
import type { Source } from "../sources/source.ts";
import { type OutgoingRequest, type Send, canSendAgain } from "./request.ts";
import { AddedHeader } from "./shared-headers.ts";

/** What a client proves its identity with. */
export interface Credentials {
  /** A bearer token. */
  readonly token?: Source<string | undefined> | undefined;
  /** A user and a password, as the `Authorization` header has them. */
  readonly basic?: string | undefined;
  /** A certificate; the transport shows it, and an expired one is answered with 401 as well. */
  readonly clientCert?: Source<ClientCert | undefined> | undefined;
}

/** With what requests are authorized. */
export interface CredentialOptions extends Credentials {
  readonly clock: Clock;
  readonly onEvent?: EventListener | undefined;
}

/**
 * A `proxy` subresource: there a 401 may be the service's own, after it acted (Kubernetes API reference,
 * `connect ... requests to proxy of` Node, Pod and Service).
 */
const proxySubresource = /\/(?:nodes|pods|services)\/[^/]+\/proxy(?:\/|$)/;

/** Sends the present credentials with each request whose caller set no `Authorization`. */
export function withCredentials(
  send: Send,
  { token: tokens, basic, clientCert: certs, clock, onEvent }: CredentialOptions,
): Send {
  const header = new AddedHeader("authorization");
  let bearer: { readonly token: string; readonly value: string } | undefined;

  function authorize(request: OutgoingRequest, token: string | undefined): void {
    if (token !== undefined && token !== bearer?.token)
      bearer = { token, value: `Bearer ${token}` };
    const value = token === undefined ? basic : bearer?.value;
    request.headers = header.set(request.headers, value);
  }

  function sendBy(used: UsedCredentials, request: OutgoingRequest): Promise<TransportResponse> {
    authorize(request, used.token);
    return send(request).then((response) => {
      const isRejected = response.status === 401 && mayRetryUnauthorized(request);
      return isRejected ? sendByNewer(used, request, response) : response;
    });
  }

  async function sendByNewer(
    { token, cert, beganAt }: UsedCredentials,
    request: OutgoingRequest,
    response: TransportResponse,
  ): Promise<TransportResponse> {
    const { method, url, signal } = request;
    const latestToken = tokens && (await replaceRejected(tokens, { used: token, beganAt, signal }));
    const latestCert = certs && (await replaceRejected(certs, { used: cert, beganAt, signal }));
    if (latestToken === token && latestCert === cert) return response;
    await response.discard();
    notify(onEvent, {
      type: "retry",
      reason: "unauthorized",
      method,
      path: url.pathname,
      delayMs: 0,
    });
    authorize(request, latestToken);
    return await send(request);
  }

  async function sendOnceRead(
    used: UsedCredentials,
    request: OutgoingRequest,
  ): Promise<TransportResponse> {
    const { signal } = request;
    const token = used.token ?? (await tokens?.current({ signal }));
    const cert = used.cert ?? (await certs?.current({ signal }));
    return await sendBy({ ...used, token, cert }, request);
  }

  return (request) => {
    if (request.authorized) return send(request);
    const beganAt = clock.now();
    const token = tokens?.fresh?.();
    const cert = certs?.fresh?.();
    const used = { token, cert, beganAt };
    const mustRead = (tokens && token === undefined) || (certs && cert === undefined);
    return mustRead ? sendOnceRead(used, request) : sendBy(used, request);
  };
}

/** What a request was authorized with. */
interface UsedCredentials {
  readonly token: string | undefined;
  readonly cert: ClientCert | undefined;
  /** When that was looked up, by the monotonic clock. */
  readonly beganAt: number;
}

/** Whether a request that was answered with 401 may go out again. */
export function mayRetryUnauthorized({
  method,
  url,
  body,
}: Pick<OutgoingRequest, "method" | "url" | "body">): boolean {
  const acts = method !== "GET" && method !== "HEAD";
  return canSendAgain(body) && !(acts && isProxied(url));
}

/** Whether what answers a request may be a service behind the API server. */
export function isProxied({ pathname }: URL): boolean {
  return proxySubresource.test(pathname);
}
