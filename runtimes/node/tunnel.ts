/**
 * A connection through a proxy: by HTTP `CONNECT` (RFC 9110 section 9.3.6) or by SOCKS5. TLS to the server is
 * put on top of it by whoever asked.
 *
 * @module
 */

import { type ClientRequestArgs, type IncomingMessage, request as httpRequest } from "node:http";
import { request as httpsRequest } from "node:https";
import type { Socket } from "node:net";
import { messageOf } from "../../src/callback.ts";
import { cleanCause, cleanForeignMessage } from "../../src/clean-cause.ts";
import { PROXY_UNTRUSTED, isUntrusted } from "../../src/rotation/untrusted.ts";
import { failureByCode } from "../_shared/error-codes.ts";
import { identityOptions } from "../_shared/node-identity.ts";
import { openSecureContext } from "./secure-context.ts";
import { type ProxyCredentials, connectBySocks } from "./socks.ts";

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
}

/** The proxy did not let the connection through. Nothing was sent to the server. */
class ProxyError extends Error {
  override readonly name = "ProxyError";
  readonly code: string;

  constructor(message: string, code = "ERR_PROXY", cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.code = code;
  }
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
    if (error instanceof ProxyError) throw error;
    throw unusable(proxy, attempt.signal.aborted ? late : error);
  } finally {
    clearTimeout(timer);
    signal.removeEventListener("abort", onAbort);
  }
}

function connect({ proxy, host, port, ca, signal }: TunnelOptions): Promise<Socket> {
  const credentials = credentialsOf(proxy);
  const proxyHost = proxy.hostname.replace(/^\[(.*)\]$/, "$1");
  if (proxy.protocol === "socks5:") {
    const proxyPort = Number(proxy.port || 1080);
    return connectBySocks({ proxyHost, proxyPort, credentials, host, port, signal });
  }
  const target = `${host.includes(":") ? `[${host}]` : host}:${port}`;
  const headers: Record<string, string> = { host: target };
  if (credentials !== undefined) {
    const encoded = Buffer.from(`${credentials.name}:${credentials.password}`).toString("base64");
    headers["proxy-authorization"] = `Basic ${encoded}`;
  }
  const isSecure = proxy.protocol === "https:";
  const options: ClientRequestArgs = {
    method: "CONNECT",
    host: proxyHost,
    port: proxy.port || (isSecure ? 443 : 80),
    path: target,
    headers,
    agent: false,
    signal,
  };
  // It gets the proxy's credentials, so it is always verified, even if the server is not.
  const tls = isSecure && {
    ...identityOptions(proxyHost, undefined),
    rejectUnauthorized: true,
    secureContext: openSecureContext(ca, undefined),
  };
  return new Promise((resolve, reject) => {
    const connecting = tls ? httpsRequest({ ...options, ...tls }) : httpRequest(options);
    connecting.once("error", reject);
    connecting.once("response", (response) => {
      response.destroy();
      reject(refusal(proxy, response));
    });
    connecting.once("connect", (response, socket, head) => {
      // From here on the request's time limit is none of the socket's: Node has let go of it.
      if (response.statusCode !== 200) {
        socket.destroy();
        reject(refusal(proxy, response));
        return;
      }
      if (head.length > 0) socket.unshift(head);
      resolve(socket);
    });
    connecting.end();
  });
}

function credentialsOf({ username, password }: URL): ProxyCredentials | undefined {
  if (username === "" && password === "") return undefined;
  return { name: decodeURIComponent(username), password: decodeURIComponent(password) };
}

/** Says that the proxy can't be used, and why: what Node throws may have the credentials in it. */
function unusable(proxy: URL, error: unknown): ProxyError {
  const reason = reasonOf(error);
  const cause = cleanCause(error);
  const isRefusal = isUntrusted(failureByCode(cause) ?? "other");
  return new ProxyError(
    `the proxy ${originOf(proxy)} can't be used: ${reason}`,
    isRefusal ? PROXY_UNTRUSTED : "ERR_PROXY",
    cause,
  );
}

/** Of several addresses that were all tried in vain, the first one's. */
function reasonOf(error: unknown): string {
  const first: unknown = error instanceof AggregateError ? error.errors[0] : error;
  return cleanForeignMessage(messageOf(first)) || "it failed without a reason";
}

function refusal(proxy: URL, { statusCode = 0 }: IncomingMessage): ProxyError {
  const advice = statusCode === 407 ? "; put a user and a password into its URL" : "";
  return new ProxyError(
    `the proxy ${originOf(proxy)} answered CONNECT with ${statusCode}${advice}`,
  );
}

/** Without the credentials. */
function originOf({ protocol, host }: URL): string {
  return `${protocol}//${host}`;
}
