/**
 * A connection through a proxy: by HTTP `CONNECT` (RFC 9110 section 9.3.6) or by SOCKS5 (RFC 1928). TLS to
 * the server is put on top of it by whoever asked.
 *
 * @module
 */

import { request as httpRequest } from "node:http";
import { request as httpsRequest } from "node:https";
import { type Socket, isIP } from "node:net";

/** Where a connection leads, and how. */
export interface TunnelOptions {
  readonly proxy: URL;
  readonly host: string;
  readonly port: number;
  /** Who may vouch for an https proxy; `undefined` for Node's default store. */
  readonly ca: readonly string[] | undefined;
  readonly timeoutMs: number;
}

/** The proxy did not let the connection through. Nothing was sent to the server. */
class ProxyError extends Error {
  override readonly name = "ProxyError";
  readonly code = "ERR_PROXY";
}

/** Connects to a host and port by way of a proxy. */
export async function openTunnel(options: TunnelOptions): Promise<Socket> {
  const { proxy, timeoutMs } = options;
  try {
    return await (proxy.protocol === "socks5:" ? connectBySocks(options) : connectByHttp(options));
  } catch (cause) {
    if (cause instanceof ProxyError) throw cause;
    const late = cause instanceof Error && cause.name === "TimeoutError";
    const reason = late ? `it took longer than ${timeoutMs} ms` : messageOf(cause);
    throw new ProxyError(`the proxy ${proxy.protocol}//${proxy.host} can't be used: ${reason}`, {
      cause,
    });
  }
}

function connectByHttp({ proxy, host, port, ca, timeoutMs }: TunnelOptions): Promise<Socket> {
  const target = `${host.includes(":") ? `[${host}]` : host}:${port}`;
  const headers: Record<string, string> = { host: target };
  const credentials = credentialsOf(proxy);
  if (credentials !== undefined) {
    const encoded = Buffer.from(`${credentials.name}:${credentials.password}`).toString("base64");
    headers["proxy-authorization"] = `Basic ${encoded}`;
  }
  const isSecure = proxy.protocol === "https:";
  const proxyHost = bareHost(proxy);
  return new Promise((resolve, reject) => {
    const connecting = (isSecure ? httpsRequest : httpRequest)({
      method: "CONNECT",
      host: proxyHost,
      // Node would take it from the Host header, which names the server.
      servername: isIP(proxyHost) === 0 ? proxyHost : "",
      port: proxy.port || (isSecure ? 443 : 80),
      path: target,
      headers,
      agent: false,
      signal: AbortSignal.timeout(timeoutMs),
      ...(isSecure && ca !== undefined && { ca: [...ca] }),
    });
    connecting.once("error", reject);
    connecting.once("response", (response) => {
      response.destroy();
      reject(refusal(proxy, response.statusCode));
    });
    connecting.once("connect", (response, socket, head) => {
      // From here on the request's time limit is none of the socket's: Node has let go of it.
      if (response.statusCode !== 200) {
        socket.destroy();
        reject(refusal(proxy, response.statusCode));
        return;
      }
      if (head.length > 0) socket.unshift(head);
      resolve(socket);
    });
    connecting.end();
  });
}

async function connectBySocks({ proxy, host, port, timeoutMs }: TunnelOptions): Promise<Socket> {
  const { SocksClient } = await import("socks");
  const credentials = credentialsOf(proxy);
  const { socket } = await SocksClient.createConnection({
    command: "connect",
    destination: { host, port },
    proxy: {
      type: 5,
      host: bareHost(proxy),
      port: Number(proxy.port || 1080),
      ...(credentials && { userId: credentials.name, password: credentials.password }),
    },
    timeout: timeoutMs,
  });
  return socket;
}

function bareHost({ hostname }: URL): string {
  return hostname.replace(/^\[(.*)\]$/, "$1");
}

function credentialsOf(proxy: URL): { name: string; password: string } | undefined {
  if (proxy.username === "") return undefined;
  return {
    name: decodeURIComponent(proxy.username),
    password: decodeURIComponent(proxy.password),
  };
}

function refusal(proxy: URL, status: number | undefined): ProxyError {
  const advice = status === 407 ? "; put a user and a password into its URL" : "";
  return new ProxyError(
    `the proxy ${proxy.protocol}//${proxy.host} answered CONNECT with ${status ?? "nothing"}${advice}`,
  );
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message || error.name : String(error);
}
