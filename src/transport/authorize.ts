/**
 * Sends a client's credentials, and newer ones if the server rejects them.
 *
 * @module
 */

import { type EventListener, notify } from "../events.ts";
import type { Clock } from "../runtime.ts";
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

  return async (request) => {
    if (request.authorized) return await send(request);
    const { signal } = request;
    const beganAt = clock.now();
    const token = tokens && (tokens.fresh?.() ?? (await tokens.current({ signal })));
    const cert = certs && (certs.fresh?.() ?? (await certs.current({ signal })));
    authorize(request, token);
    const response = await send(request);
    if (response.status !== 401 || !mayRetryUnauthorized(request)) return response;

    const latestToken = tokens && (await replaceRejected(tokens, { used: token, beganAt, signal }));
    const latestCert = certs && (await replaceRejected(certs, { used: cert, beganAt, signal }));
    if (latestToken === token && latestCert === cert) return response;
    await response.discard();
    const { method, url } = request;
    notify(onEvent, {
      type: "retry",
      reason: "unauthorized",
      method,
      path: url.pathname,
      delayMs: 0,
    });
    authorize(request, latestToken);
    return await send(request);
  };
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
