/**
 * What a client sends by, as long as its config stays the same.
 *
 * @module
 */

import {
  type ClusterConfig,
  basicAuthorization,
  checkClusterConfig,
} from "../config/cluster-config.ts";
import { environmentProxy } from "../config/environment-proxy.ts";
import { ConfigError, ReanchorError } from "../errors.ts";
import { notify } from "../events.ts";
import type { HeaderLine, Runtime } from "../runtime.ts";
import type { TrustRenewal } from "../rotation/trust-renewal.ts";
import { withCredentials } from "../transport/authorize.ts";
import { hasRepeats, withImpersonation } from "../transport/impersonation-headers.ts";
import { chooseHttp } from "../transport/http-way.ts";
import type { InFlight } from "../transport/in-flight.ts";
import { withRedirects } from "../transport/redirects.ts";
import { withRepeats } from "../transport/repeats.ts";
import type { Send } from "../transport/request.ts";
import { withRetryAfter } from "../transport/retry-after.ts";
import { AddedHeader } from "../transport/shared-headers.ts";
import { type TransportSettings, openRotatingTransport } from "../transport/transport-settings.ts";
import type { ClientStatus } from "./status.ts";

/** How a client sends, whatever its config. */
export interface ConnectionSettings extends TransportSettings {
  /** How long the waits of one request for `Retry-After` may take together, in milliseconds. */
  readonly maxRetryAfterMs: number;
}

/** How a connection is doing. */
export type ConnectionStatus = Omit<
  ClientStatus,
  "closed" | "healthy" | "kubeconfig" | "lastFailure" | "lastSuccessAt" | "waitingForTrust"
>;

/** A cluster that a client can reach. */
export interface ClusterConnection {
  readonly config: ClusterConfig;
  readonly server: URL;
  readonly namespace: string;
  readonly timeoutMs: number;
  /** Sends a request, which has a time limit already. */
  readonly send: Send;
  /** By which its server may be trusted again. */
  readonly trust: TrustRenewal<URL>;
  /** What a new connection would belong to, after what has aged was read again. */
  generation(signal: AbortSignal | undefined): Promise<unknown>;
  status(): ConnectionStatus;
  /** Takes no more requests; resolves when the last one has ended. */
  retire(): Promise<void>;
  /** Ends every connection. */
  close(): Promise<void>;
}

/** What a connection is opened with. */
export interface ConnectionParts {
  readonly runtime: Runtime;
  readonly config: ClusterConfig;
  readonly settings: ConnectionSettings;
  /** The requests of the client. */
  readonly inFlight: InFlight;
}

/**
 * Opens a connection: loads trust and identity, and connects to nothing yet.
 *
 * @throws {ConfigError} if something is missing or bad, or the runtime can't honour it.
 */
export async function openClusterConnection(parts: ConnectionParts): Promise<ClusterConnection> {
  const { config, settings, inFlight } = parts;
  const { onEvent } = settings;
  const server = checkServer(parts);
  const { ca, token, clientCert, serverName, insecureSkipTlsVerify } = config;
  const { namespace = "default" } = config;
  const { basicAuth } = config;
  const basic = basicAuth === undefined ? undefined : basicAuthorization(basicAuth);
  const lines = await impersonationOf(config);
  const repeatsHeaders = hasRepeats(lines);
  const { exclusiveTrust, serverIdentity } = settings;
  const { runtime, http } = chooseHttp(parts.runtime, settings.http, {
    exclusiveTrust,
    serverIdentity,
    serverName,
    insecureSkipTlsVerify,
    repeatsHeaders,
  });
  const proxy = await proxyOf(runtime, config, server);
  const { transport, timeoutMs, insecure } = openRotatingTransport(runtime, {
    ends: { ca, clientCert, serverName, insecureSkipTlsVerify, proxy },
    settings: { ...settings, http },
    repeatsHeaders,
    inFlight,
  });
  try {
    await loadSources(config);
  } catch (error) {
    // It listens to its sources, which may outlive this attempt.
    await transport.close();
    throw error;
  }
  if (insecure !== undefined) {
    notify(onEvent, { type: "insecure", server: server.origin, reason: insecure });
  }
  const unsubscribe = token?.subscribe((event) => notify(onEvent, event));
  return {
    config,
    server,
    namespace,
    timeoutMs,
    send: composeSend((request) => transport.send(request), { ...parts, basic, lines }),
    trust: transport,
    generation: async (signal) => await transport.generation(signal),
    status: () => ({
      server: server.href,
      namespace,
      insecure: insecure !== undefined,
      ca: transport.caStatus,
      ...credentialsStatus(config),
      generations: transport.generations,
    }),
    async retire() {
      unsubscribe?.();
      await transport.retire();
    },
    async close() {
      unsubscribe?.();
      await transport.close();
    },
  };
}

function checkServer({ runtime, config }: ConnectionParts): URL {
  const server = checkClusterConfig(config);
  if (runtime.isDenied("net", server.host)) {
    throw new ConfigError(`Cannot connect to ${server.origin}: grant --allow-net=${server.host}`);
  }
  return server;
}

/** The config's proxy, otherwise the environment's, unless the runtime looks there by itself. */
async function proxyOf(
  runtime: Runtime,
  config: ClusterConfig,
  server: URL,
): Promise<ClusterConfig["proxy"]> {
  if (config.proxy !== undefined) return config.proxy;
  const { followsProxyEnvironment, proxies } = runtime.capabilities;
  if (followsProxyEnvironment || proxies.length === 0) return undefined;
  return await environmentProxy(runtime, server);
}

/** Loads trust and identity for the first time. */
async function loadSources({ ca, clientCert, token }: ClusterConfig): Promise<void> {
  try {
    await ca?.current();
    await clientCert?.current();
    await token?.current();
  } catch (cause) {
    throw cause instanceof ReanchorError ? new ConfigError(cause.message, { cause }) : cause;
  }
}

interface SendParts extends ConnectionParts {
  /** The `Authorization` header of a user and a password. */
  readonly basic: string | undefined;
  /** The header lines of an impersonation. */
  readonly lines: readonly HeaderLine[];
}

/** Adds to a transport what requests to a cluster need. What is added last acts first. */
function composeSend(
  transport: Send,
  { runtime: { clock }, config, settings, basic, lines }: SendParts,
): Send {
  const { token, clientCert } = config;
  const { onEvent, maxRetryAfterMs: maxWaitMs } = settings;
  let send = transport;
  if (config.disableCompression === true) send = withoutCompression(send);
  if (token ?? basic ?? clientCert) {
    send = withCredentials(send, { token, basic, clientCert, clock, onEvent });
  }
  if (lines.length > 0) send = withImpersonation(send, lines);
  const limits = { maxWaitMs, clock, onEvent };
  return withRepeats(send, (again) => withRedirects(withRetryAfter(again, limits)));
}

/** How trust and identity are doing. */
function credentialsStatus({
  token,
  clientCert,
}: ClusterConfig): Pick<ConnectionStatus, "clientCert" | "token"> {
  const cert = clientCert?.peek();
  return {
    token: token?.status,
    clientCert: clientCert && {
      ...clientCert.status,
      fingerprint: cert?.fingerprint,
      subject: cert?.subject,
      notAfter: cert?.notAfter,
    },
  };
}

function withoutCompression(send: Send): Send {
  const header = new AddedHeader("accept-encoding");
  return (request) => {
    request.headers = header.setDefault(request.headers, "identity");
    return send(request);
  };
}

/** The header lines of a config's impersonation, whose rules are loaded where there is one. */
async function impersonationOf({ impersonate }: ClusterConfig): Promise<readonly HeaderLine[]> {
  if (impersonate === undefined) return [];
  const { impersonationLines } = await import("../config/impersonation.ts");
  return impersonationLines(impersonate);
}
