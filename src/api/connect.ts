/**
 * From options to a client.
 *
 * @module
 */

import { type ClusterConfig, checkClusterConfig } from "../config/cluster-config.ts";
import { inferConfig } from "../config/infer.ts";
import { ConfigError, ReanchorError } from "../errors.ts";
import { notify } from "../events.ts";
import { checkDuration, checkKnown, timeLimit } from "../options.ts";
import type { Runtime } from "../runtime.ts";
import { type SourceOptions, pickSourceOptions, sourceOptionNames } from "../sources/source.ts";
import { withToken } from "../transport/authorize.ts";
import { withRedirects } from "../transport/redirects.ts";
import type { Send } from "../transport/request.ts";
import { withRetryAfter } from "../transport/retry-after.ts";
import { withTimeout } from "../transport/timeout.ts";
import {
  type TransportSettings,
  openRotatingTransport,
  transportSettingNames,
} from "../transport/transport-settings.ts";
import { version } from "../version.ts";
import { type KubeClient, createClient } from "./client.ts";

/** How to connect. */
export interface ConnectOptions extends TransportSettings, SourceOptions {
  /**
   * Where to connect and as whom. Without it, what the pod knows of its cluster. The three options of
   * {@link SourceOptions} apply only without it: a config's sources have their own.
   */
  config?: ClusterConfig | undefined;
  /**
   * The longest that the waits of one request for `Retry-After` (429 and 503) may take together, in
   * milliseconds; 0 hands those answers back.
   *
   * @default 30_000
   */
  maxRetryAfterMs?: number | undefined;
  /**
   * What is put before `reanchor/<version>` in the `User-Agent` header.
   */
  userAgent?: string | undefined;
}

const optionNames: readonly string[] = [
  "config",
  "maxRetryAfterMs",
  "userAgent",
  ...sourceOptionNames,
  ...transportSettingNames,
];

/** How many times one request waits for `Retry-After` (client-go: 10). */
const MAX_RETRY_AFTER_COUNT = 10;

/** Connects on a runtime: reads the config and its first CA bundle and token, and opens no connection. */
export async function connectOn(runtime: Runtime, options: ConnectOptions): Promise<KubeClient> {
  checkKnown("connect", options, optionNames);
  const { clock } = runtime;
  const { onEvent } = options;
  const maxWaitMs = checkDuration("maxRetryAfterMs", options.maxRetryAfterMs, 30_000, {
    ...timeLimit,
    min: 0,
  });
  const own = `reanchor/${version} ${runtime.userAgent}`;
  const userAgent = options.userAgent === undefined ? own : `${options.userAgent} ${own}`;
  if (/[^\x20-\x7e]/.test(userAgent)) {
    throw new TypeError("Cannot use option userAgent: it holds what a header can't carry");
  }

  const config = options.config ?? (await inferConfig(runtime, pickSourceOptions(options)));
  if (options.config !== undefined) refuseIdleOptions(options);
  const { ca, token, namespace = "default" } = config;
  const server = checkClusterConfig(config);
  if (runtime.isDenied("net", server.host)) {
    throw new ConfigError(`Cannot connect to ${server.origin}: grant --allow-net=${server.host}`);
  }
  const { transport, timeoutMs, waiting, close } = openRotatingTransport(runtime, ca, options);
  try {
    await ca?.current();
    await token?.current();
  } catch (cause) {
    // It listens to the CA source, which may outlive this attempt.
    await close();
    throw cause instanceof ReanchorError ? new ConfigError(cause.message, { cause }) : cause;
  }

  const unsubscribe = token?.subscribe((event) => notify(onEvent, event));
  let send: Send = (request) => transport.send(request);
  if (token !== undefined) send = withToken(send, token, clock, onEvent);
  send = withRetryAfter(send, { maxWaitMs, maxCount: MAX_RETRY_AFTER_COUNT }, clock, onEvent);
  send = withTimeout(withRedirects(send), clock, waiting);

  let closed = false;
  return createClient({
    server,
    namespace,
    capabilities: runtime.capabilities,
    userAgent,
    timeoutMs,
    send,
    wallNow: () => clock.wallNow(),
    status() {
      const bundle = ca?.peek();
      return {
        closed,
        ca: ca && {
          ...ca.status,
          fingerprint: bundle?.fingerprint,
          anchors: bundle?.anchors ?? [],
        },
        token: token?.status,
        generations: transport.generations,
      };
    },
    async close() {
      closed = true;
      unsubscribe?.();
      await close();
    },
  });
}

/** A caller who sets an interval means it: one that would be ignored is refused. */
function refuseIdleOptions(options: ConnectOptions): void {
  for (const name of sourceOptionNames) {
    if (options[name] === undefined) continue;
    throw new TypeError(
      `Cannot use option ${name} with config: give it to the config's sources (or to inCluster)`,
    );
  }
}
