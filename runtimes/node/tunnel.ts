/**
 * A connection through a proxy: by HTTP `CONNECT` (RFC 9110 section 9.3.6) or by SOCKS5. The caller
 * adds TLS to the server on top of it.
 *
 * @module
 */

import { type ClientRequestArgs, request as httpRequest } from "node:http";
import type { Socket } from "node:net";
import type { TLSSocket } from "node:tls";
import type { PoolOptions } from "../../src/runtime.ts";
import { failureByCode } from "../_shared/node-error-codes.ts";
import {
  ProxyError,
  credentialsOf,
  proxyAddress,
  proxyAuthorization,
  refusedByProxy,
  unusableProxy,
} from "../_shared/proxy.ts";
import { identityOptions } from "../_shared/node-server-identity.ts";
import { handshake } from "./handshake.ts";
import { openSecureContext } from "./secure-context.ts";
import { connectBySocks } from "./socks-tunnel.ts";

/** Where a connection leads, and how. */
export interface TunnelOptions {
  readonly proxy: URL;
  readonly host: string;
  readonly port: number;
  /** Who may vouch for an https proxy, as for the server; `undefined` for Node's default store. */
  readonly ca: readonly string[] | undefined;
  readonly timeoutMs: number;
  /** Ends the attempt at once. */
  readonly signal: AbortSignal;
  /** See {@link PoolOptions.confirm}: called when an https proxy is verified, before it is sent anything. */
  readonly confirm: PoolOptions["confirm"];
}

/** Connects to a host and port by way of a proxy. */
export async function openTunnel(options: TunnelOptions): Promise<Socket> {
  const { proxy, timeoutMs, signal } = options;
  signal.throwIfAborted();
  const attempt = new AbortController();
  const onAbort = (): void => attempt.abort(signal.reason);
  signal.addEventListener("abort", onAbort);
  const late = new Error(`it took longer than ${timeoutMs} ms`);
  const timer = setTimeout(() => attempt.abort(late), timeoutMs);
  try {
    return await connect({ ...options, signal: attempt.signal });
  } catch (error) {
    signal.throwIfAborted();
    if (error instanceof ProxyError || failureByCode(error) === "late-handshake") throw error;
    throw unusableProxy(proxy, attempt.signal.aborted ? late : error);
  } finally {
    clearTimeout(timer);
    signal.removeEventListener("abort", onAbort);
  }
}

async function connect(options: TunnelOptions): Promise<Socket> {
  const { proxy, host, port, signal } = options;
  const { protocol } = proxy;
  const credentials = credentialsOf(proxy);
  const { host: proxyHost, port: proxyPort } = proxyAddress(proxy);
  if (protocol === "socks5:") {
    return await connectBySocks({ proxyHost, proxyPort, credentials, host, port, signal });
  }
  const secured =
    protocol === "https:" ? await connectSecurely(proxyHost, proxyPort, options) : undefined;
  const target = `${host.includes(":") ? `[${host}]` : host}:${port}`;
  const headers: Record<string, string> = { host: target };
  if (credentials !== undefined) headers["proxy-authorization"] = proxyAuthorization(credentials);
  const by: ClientRequestArgs = secured ? { createConnection: () => secured } : { agent: false };
  return await new Promise((resolve, reject) => {
    const connecting = httpRequest({
      ...by,
      method: "CONNECT",
      host: proxyHost,
      port: proxyPort,
      path: target,
      headers,
      signal,
    });
    connecting.once("error", reject);
    connecting.once("response", (response) => {
      response.destroy();
      reject(refusedByProxy(proxy, response.statusCode));
    });
    connecting.once("connect", (response, socket, head) => {
      // From here on the request's time limit is none of the socket's: Node has let go of it.
      if (response.statusCode !== 200) {
        socket.destroy();
        reject(refusedByProxy(proxy, response.statusCode));
        return;
      }
      if (head.length > 0) socket.unshift(head);
      resolve(socket);
    });
    connecting.end();
  });
}

/** Connects to an https proxy. It gets credentials, so it is always verified, even if the server is not. */
async function connectSecurely(
  host: string,
  port: number,
  { ca, timeoutMs, signal, confirm }: TunnelOptions,
): Promise<TLSSocket> {
  const socket = await handshake(
    {
      host,
      port,
      ...identityOptions(host),
      rejectUnauthorized: true,
      secureContext: openSecureContext(ca, undefined),
    },
    // A session is never resumed: resumption skips the verification.
    { timeoutMs, signal, onSession: () => {} },
  );
  // Nobody else listens before the request has it.
  socket.once("error", () => {});
  try {
    await confirm();
    return socket;
  } catch (error) {
    socket.destroy();
    throw error;
  }
}
