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
import { Agent, type Dispatcher, Pool, buildConnector } from "undici";
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
  // An agent that is closing has let go of its pools: to end what they still carry, they are kept here.
  const pools = new Set<Pool>();
  const dialling = new Dialling();
  const agent = new Agent({
    allowH2: false,
    // The time limit up to the headers is the core's; a body has none: watches live for hours.
    headersTimeout: 0,
    bodyTimeout: 0,
    connect: dialling.watched(connector(trust, options.connectTimeoutMs)),
    factory(origin, poolOptions) {
      for (const pool of pools) if (pool.destroyed) pools.delete(pool);
      const pool = new Pool(origin, poolOptions);
      pools.add(pool);
      return pool;
    },
  });
  return {
    send: (url, request) => send(agent, dialling, url, request),
    retire: () => (agent.destroyed ? Promise.resolve() : agent.close()),
    end(reason) {
      // Their requests are told.
      agent.destroy(reason).catch(() => {});
      for (const pool of pools) pool.destroy(reason).catch(() => {});
    },
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

async function send(
  agent: Agent,
  dialling: Dialling,
  url: string,
  { method, headers, headerLines, body, signal, onEnd }: TransportRequest,
): Promise<TransportResponse> {
  // Without the fragment, which stays with the caller (RFC 9110 section 4.2.5).
  const [target = url] = url.split("#", 1);
  const pathAt = target.indexOf("/", target.indexOf("//") + 2);
  const origin = target.slice(0, pathAt);
  const path = target.slice(pathAt);
  const outgoing: Dispatcher.DispatchOptions = {
    origin,
    path,
    method,
    headers: toRecord(headers, headerLines),
    // Typed for Node's streams, but any async iterable is sent.
    body: body as Readable | string | Uint8Array | null,
  };
  return await exchange(agent, outgoing, { url: target, method, signal, onEnd, dialling });
}

function toRecord(
  headers: TransportRequest["headers"],
  lines: TransportRequest["headerLines"],
): Record<string, string | string[]> {
  const record: Record<string, string | string[]> = Object.fromEntries(headers);
  for (const [name, value] of lines) record[name] = [record[name] ?? [], value].flat();
  return record;
}
