/**
 * Connections on Node by undici: one `Agent` and one secure context a generation, and so one TLS session
 * cache a generation.
 *
 * undici's own dispatcher is used, never the global `fetch` with a dispatcher of ours: that breaks where
 * Node's built-in undici is of another major version.
 *
 * @module
 */

import type { Socket } from "node:net";
import type { Readable } from "node:stream";
import type { SecureContext } from "node:tls";
import { Agent, type Dispatcher, buildConnector } from "undici";
import { expectedName, sniOf } from "../../src/certificates/server-name.ts";
import type {
  PoolOptions,
  TlsSnapshot,
  Transport,
  TransportRequest,
  TransportResponse,
} from "../../src/runtime.ts";
import { chainOf, checkIdentity } from "../_shared/server-identity.ts";
import { rejectLateHandshakes } from "./reject-late-handshakes.ts";
import { type Dial, ConnectionAttempts } from "./connection-attempts.ts";
import { exchange } from "./undici-exchange.ts";
import { VerifiedDates } from "./verified-dates.ts";
import type { NodePool } from "./dialler.ts";

/** Opens a pool of connections. */
export function openUndici({ trust, options, secureContext }: NodePool): UndiciTransport {
  const attempts = new ConnectionAttempts();
  const agent: Agent = new Agent({
    allowH2: false,
    // The time limit up to the headers is the core's; a body has none: watches live for hours.
    headersTimeout: 0,
    bodyTimeout: 0,
    connect: attempts.connector(
      rejectLateHandshakes(dialWith(trust, secureContext, options), options.confirm),
    ),
  });
  const by: Sender = { agent, attempts };
  return {
    send: (url, request) => send(by, url, request),
    retire: () => agent.close(),
  };
}

type UndiciTransport = Omit<Transport, "upgrade">;

/** How a pool connects: with one secure context and one TLS session cache, straight or by way of a proxy. */
function dialWith(
  { ca, serverName, serverIdentity, insecureSkipTlsVerify, proxy }: TlsSnapshot,
  secureContext: SecureContext,
  { connectTimeoutMs: timeoutMs, confirm, onChain }: PoolOptions,
): Dial {
  const verified = new VerifiedDates();
  let connect = openConnector();

  /** Makes undici's connector, which has a session cache of its own. */
  function openConnector(): buildConnector.connector {
    return buildConnector({
      secureContext,
      rejectUnauthorized: !insecureSkipTlsVerify,
      // The host is the name that SNI says, or the URL's.
      checkServerIdentity: (host, certificate) => {
        const refusal = checkIdentity(expectedName(host, serverName), certificate, serverIdentity);
        if (refusal !== undefined) return refusal;
        const chain = chainOf(certificate);
        verified.note(chain);
        onChain?.(chain);
        return undefined;
      },
      allowH2: false,
      timeout: timeoutMs,
    });
  }

  function dial(
    { hostname, protocol, port }: buildConnector.Options,
    signal: AbortSignal,
    httpSocket?: Socket,
  ): Promise<Socket> {
    return new Promise((resolve, reject) => {
      signal.throwIfAborted();
      if (verified.haveExpired()) connect = openConnector();
      // Named here: undici would take the name from a `Host` header.
      const servername = sniOf(expectedName(hostname, serverName));
      const options = { hostname, protocol, port, servername, ...(httpSocket && { httpSocket }) };
      const socket = connect(options, (error, connected) => {
        if (error === null) resolve(connected);
        else reject(error);
      }) as unknown as Socket; // Typed as nothing, but undici's own connectors return it.
      signal.addEventListener("abort", () => socket.destroy(signal.reason as Error));
    });
  }

  if (proxy === undefined) return dial;
  return async (target, signal) => {
    // Loaded where there is a proxy.
    const { openTunnel } = await import("./tunnel.ts");
    const { hostname: host, protocol } = target;
    const port = Number(target.port || (protocol === "http:" ? 80 : 443));
    const tunnel = await openTunnel({ proxy, host, port, ca, timeoutMs, signal, confirm });
    if (protocol === "http:") return tunnel;
    try {
      return await dial(target, signal, tunnel);
    } catch (error) {
      tunnel.destroy();
      throw error;
    }
  };
}

/** What requests are sent by. */
interface Sender {
  readonly agent: Agent;
  readonly attempts: ConnectionAttempts;
}

function send(
  { agent, attempts }: Sender,
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
  return exchange(agent, outgoing, { url: target, method, signal, attempts });
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
