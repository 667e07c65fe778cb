/**
 * A connection through a proxy: by HTTP `CONNECT` (RFC 9110 section 9.3.6) or by SOCKS5. TLS to the server is
 * put on top of it by whoever asked.
 *
 * @module
 */

import { withoutBrackets } from "../../src/host.ts";
import { type ClientRequestArgs, type IncomingMessage, request as httpRequest } from "node:http";
import type { Socket } from "node:net";
import type { TLSSocket } from "node:tls";
import { messageOf } from "../../src/callback.ts";
import { cleanCause, cleanForeignMessage } from "../../src/clean-cause.ts";
import type { PoolOptions } from "../../src/runtime.ts";
import { PROXY_UNTRUSTED, isUntrusted } from "../../src/rotation/untrusted.ts";
import { failureByCode } from "../_shared/error-codes.ts";
import { identityOptions } from "../_shared/node-identity.ts";
import { handshake } from "./handshake.ts";
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
  /** See {@link PoolOptions.confirm}: called when an https proxy is verified, before it is sent anything. */
  readonly confirm: PoolOptions["confirm"];
}

const defaultPorts: Readonly<Record<string, number>> = {
  "http:": 80,
  "https:": 443,
  "socks5:": 1080,
};

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
    if (error instanceof ProxyError || failureByCode(error) === "late-handshake") throw error;
    throw unusable(proxy, attempt.signal.aborted ? late : error);
  } finally {
    clearTimeout(timer);
    signal.removeEventListener("abort", onAbort);
  }
}

async function connect(options: TunnelOptions): Promise<Socket> {
  const { proxy, host, port, signal } = options;
  const { protocol } = proxy;
  const credentials = credentialsOf(proxy);
  const proxyHost = withoutBrackets(proxy.hostname);
  const proxyPort = Number(proxy.port || defaultPorts[protocol]);
  if (protocol === "socks5:") {
    return await connectBySocks({ proxyHost, proxyPort, credentials, host, port, signal });
  }
  const secured =
    protocol === "https:" ? await connectSecurely(proxyHost, proxyPort, options) : undefined;
  const target = `${host.includes(":") ? `[${host}]` : host}:${port}`;
  const headers: Record<string, string> = { host: target };
  if (credentials !== undefined) {
    const encoded = Buffer.from(`${credentials.name}:${credentials.password}`).toString("base64");
    headers["proxy-authorization"] = `Basic ${encoded}`;
  }
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
      ...identityOptions(host, undefined),
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
