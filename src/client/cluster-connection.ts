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
import { withCredentials } from "../transport/authorize.ts";
import { hasRepeats, withImpersonation } from "../transport/impersonation-headers.ts";
import type { InFlight } from "../transport/in-flight.ts";
import { withRedirects } from "../transport/redirects.ts";
import type { Send } from "../transport/request.ts";
import { withRetryAfter } from "../transport/retry-after.ts";
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
  "closed" | "healthy" | "kubeconfig" | "lastFailure" | "lastSuccessAt"
>;

/** A cluster that a client can reach. */
export interface ClusterConnection {
  readonly config: ClusterConfig;
  readonly server: URL;
  readonly namespace: string;
  readonly timeoutMs: number;
  /** Sends a request, which has a time limit already. */
  readonly send: Send;
  status(): ConnectionStatus;
  /** Takes no more requests; resolves when the last one has ended. */
  retire(): Promise<void>;
  /** Ends every connection. */
  close(): Promise<void>;
}

/** How many times one request waits for `Retry-After` (client-go: 10). */
const MAX_RETRY_AFTER_COUNT = 10;

/**
 * Opens a connection: loads trust and identity, and connects to nothing yet.
 *
 * @throws {ConfigError} if something is missing or bad, or the runtime can't honour it.
 */
export async function openClusterConnection(
  runtime: Runtime,
  config: ClusterConfig,
  settings: ConnectionSettings,
  inFlight: InFlight,
): Promise<ClusterConnection> {
  const { clock, capabilities } = runtime;
  const { onEvent } = settings;
  const server = checkClusterConfig(config);
  const {
    ca,
    token,
    clientCert,
    serverName,
    insecureSkipTlsVerify,
    namespace = "default",
  } = config;
  if (runtime.isDenied("net", server.host)) {
    throw new ConfigError(`Cannot connect to ${server.origin}: grant --allow-net=${server.host}`);
  }
  const goesByItself = capabilities.followsProxyEnvironment || capabilities.proxies.length === 0;
  const proxy =
    config.proxy ?? (goesByItself ? undefined : await environmentProxy(runtime, server));
  const lines = await impersonationOf(config);
  const basic = config.basicAuth === undefined ? undefined : basicAuthorization(config.basicAuth);
  const { transport, timeoutMs, insecure } = openRotatingTransport(
    runtime,
    { ca, clientCert, serverName, insecureSkipTlsVerify, proxy },
    settings,
    { repeatsHeaders: hasRepeats(lines), inFlight },
  );
  try {
    await ca?.current();
    await clientCert?.current();
    await token?.current();
  } catch (cause) {
    // It listens to its sources, which may outlive this attempt.
    await transport.close();
    throw cause instanceof ReanchorError ? new ConfigError(cause.message, { cause }) : cause;
  }
  if (insecure !== undefined) {
    notify(onEvent, { type: "insecure", server: server.origin, reason: insecure });
  }

  const unsubscribe = token?.subscribe((event) => notify(onEvent, event));
  let send: Send = (request) => transport.send(request);
  if (config.disableCompression === true) send = withoutCompression(send);
  if (token ?? basic ?? clientCert) {
    send = withCredentials(send, { token, basic, clientCert }, clock, onEvent);
  }
  if (lines.length > 0) send = withImpersonation(send, lines);
  const waits = { maxWaitMs: settings.maxRetryAfterMs, maxCount: MAX_RETRY_AFTER_COUNT };
  send = withRetryAfter(send, waits, clock, onEvent);
  send = withRedirects(send);

  return {
    config,
    server,
    namespace,
    timeoutMs,
    send,
    status() {
      const bundle = ca?.peek();
      const cert = clientCert?.peek();
      return {
        server: server.href,
        namespace,
        insecure: insecure !== undefined,
        ca: ca && {
          ...ca.status,
          fingerprint: bundle?.fingerprint,
          anchors: bundle?.anchors ?? [],
        },
        token: token?.status,
        clientCert: clientCert && {
          ...clientCert.status,
          fingerprint: cert?.fingerprint,
          subject: cert?.subject,
          notAfter: cert?.notAfter,
        },
        generations: transport.generations,
      };
    },
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

function withoutCompression(send: Send): Send {
  return async (request) => {
    if (!request.headers.has("accept-encoding")) request.headers.set("accept-encoding", "identity");
    return await send(request);
  };
}

/** The header lines of a config's impersonation, whose rules are loaded where there is one. */
async function impersonationOf({ impersonate }: ClusterConfig): Promise<readonly HeaderLine[]> {
  if (impersonate === undefined) return [];
  const { impersonationLines } = await import("../config/impersonation.ts");
  return impersonationLines(impersonate);
}
