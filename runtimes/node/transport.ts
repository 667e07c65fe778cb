/**
 * Connections on Node: one undici `Agent` and one secure context a generation, and so one TLS session
 * cache a generation.
 *
 * undici's own dispatcher is used, never the global `fetch` with a dispatcher of ours: that breaks where
 * Node's built-in undici is of another major version.
 *
 * @module
 */

import type { Socket } from "node:net";
import type { Readable } from "node:stream";
import { createSecureContext } from "node:tls";
import { Agent, type Dispatcher, buildConnector } from "undici";
import type {
  TlsSnapshot,
  Transport,
  TransportOptions,
  TransportRequest,
  TransportResponse,
} from "../../src/runtime.ts";
import { Dialling } from "./dialling.ts";
import { exchange } from "./exchange.ts";
import { checkIdentity } from "./identity.ts";

/** Opens a pool of connections. */
export function openTransport(trust: TlsSnapshot, options: TransportOptions): Transport {
  const dialling = new Dialling();
  const agent = new Agent({
    allowH2: false,
    // The time limit up to the headers is the core's; a body has none: watches live for hours.
    headersTimeout: 0,
    bodyTimeout: 0,
    connect: dialling.watched(connector(trust, options.connectTimeoutMs)),
  });
  return {
    send: (url, request) => send(agent, dialling, url, request),
    retire: () => agent.close(),
  };
}

/** How a pool connects: with one secure context and one TLS session cache, straight or by way of a proxy. */
function connector(
  { ca, clientCert, serverName, insecureSkipTlsVerify, proxy }: TlsSnapshot,
  timeoutMs: number,
): buildConnector.connector {
  const connect = buildConnector({
    secureContext: createSecureContext({
      ...(ca && { ca: [...ca] }),
      ...(clientCert && { cert: clientCert.certificate, key: clientCert.key }),
    }),
    ...(serverName !== undefined && { servername: serverName }),
    rejectUnauthorized: !insecureSkipTlsVerify,
    checkServerIdentity: checkIdentity,
    allowH2: false,
    timeout: timeoutMs,
  });
  if (proxy === undefined) return connect;
  return (target, callback) => {
    const host = target.hostname.replace(/^\[(.*)\]$/, "$1");
    const port = Number(target.port || (target.protocol === "http:" ? 80 : 443));
    // Loaded where there is a proxy.
    const tunnel = import("./tunnel.ts").then(({ openTunnel }) => {
      return openTunnel({ proxy, host, port, ca, timeoutMs });
    });
    tunnel.then(
      (socket: Socket) => {
        if (target.protocol === "http:") callback(null, socket);
        else connect({ ...target, httpSocket: socket }, callback);
      },
      (error: Error) => callback(error, null),
    );
  };
}

function send(
  agent: Agent,
  dialling: Dialling,
  url: string,
  { method, headers, headerLines, body, signal }: TransportRequest,
): Promise<TransportResponse> {
  // Without the fragment, which stays with the caller (RFC 9110 section 4.2.5).
  const fragmentAt = url.indexOf("#");
  const target = fragmentAt === -1 ? url : url.slice(0, fragmentAt);
  const pathAt = target.indexOf("/", target.indexOf("//") + 2);
  const outgoing: Dispatcher.DispatchOptions = {
    origin: target.slice(0, pathAt),
    path: target.slice(pathAt),
    method,
    headers: toLines(headers, headerLines),
    // Typed for Node's streams, but any async iterable is sent.
    body: body as Readable | string | Uint8Array | null,
  };
  return exchange(agent, outgoing, { url: target, method, signal, dialling });
}

/** Names and values in turn. */
function toLines(
  headers: TransportRequest["headers"],
  others: TransportRequest["headerLines"],
): string[] {
  const lines: string[] = [];
  for (const [name, value] of headers) lines.push(name, value);
  for (const [name, value] of others) lines.push(name, value);
  return lines;
}
