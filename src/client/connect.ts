/**
 * From options to a client.
 *
 * @module
 */

import type { ClusterConfig } from "../config/cluster-config.ts";
import { toUnsupportedError } from "../errors.ts";
import { checkFieldManager, checkKnown, checkMaxResponseBytes, checkObject } from "../options.ts";
import type { Runtime } from "../runtime.ts";
import {
  type Source,
  type SourceOptions,
  pickSourceOptions,
  sourceOptionNames,
} from "../sources/source.ts";
import {
  type TransportSettings,
  pickTransportSettings,
  transportSettingNames,
} from "../transport/transport-settings.ts";
import { chooseHttp } from "../transport/http-way.ts";
import { checkMaxRetryAfterMs } from "../transport/retry-after.ts";
import { version } from "../version.ts";
import { type KubeClient, createClient } from "./client.ts";
import type { ConnectionSettings } from "./cluster-connection.ts";
import { ConfigFollower } from "./config-follower.ts";

/** How to connect. */
export interface ConnectOptions extends TransportSettings, SourceOptions {
  /**
   * Where to connect and as whom: what `kubeconfig()` or `inCluster()` gives, or one's own. Without it, as
   * kubectl: `$KUBECONFIG`, `~/.kube/config`, otherwise what the pod knows of its cluster. The three options of
   * {@link SourceOptions} apply only without it: a config's sources have their own.
   */
  config?: ClusterConfig | Source<ClusterConfig> | undefined;
  /**
   * The longest that the waits of one request for `Retry-After` (429 and 503) may take together, in
   * milliseconds; 0 hands those answers back.
   *
   * @default 30_000
   */
  maxRetryAfterMs?: number | undefined;
  /**
   * The most bytes that one answer may have which is read as a whole, after decompression, as those of `get()`
   * and of every typed verb; `Infinity` for no limit. `fetch()`, watches and logs have none. A call can set its
   * own.
   *
   * @default 268_435_456 (256 MiB)
   */
  maxResponseBytes?: number | undefined;
  /**
   * What is put before `reanchor/<version>` in the `User-Agent` header.
   */
  userAgent?: string | undefined;
  /**
   * The field manager of writes that name none: this program's name, which other programs don't use. `apply()`
   * needs one, here or in its own options: it owns the fields that are applied, and a conflict with another
   * field manager is an error.
   */
  fieldManager?: string | undefined;
}

const MAX_RESPONSE_BYTES = 256 * 1024 * 1024;

const optionNames: readonly string[] = [
  "config",
  "fieldManager",
  "maxRetryAfterMs",
  "maxResponseBytes",
  "userAgent",
  ...sourceOptionNames,
  ...transportSettingNames,
];

/** What a runtime adds to `connect()`. */
export interface ConnectBinding {
  /** Finds the cluster if the caller passes no config; `undefined` if there is nowhere to look. */
  readonly infer?: (
    runtime: Runtime,
    options: SourceOptions,
  ) => Promise<ClusterConfig | Source<ClusterConfig>>;
  /** Names of more options. */
  readonly moreNames?: readonly string[];
}

/** Gives `connect()` its runtime. It reads the config and its first CA bundle and token, and opens no connection. */
export function bindConnect(
  runtime: Runtime,
  { infer = findNothing, moreNames = [] }: ConnectBinding = {},
): (options?: ConnectOptions) => Promise<KubeClient> {
  return async (options = {}) => {
    runtime.checkHost?.();
    checkObject("the options of connect", options, 'pass { config: { server: "https://..." } }');
    checkKnown("connect", options, [...optionNames, ...moreNames]);
    const maxRetryAfterMs = checkMaxRetryAfterMs(options.maxRetryAfterMs);
    const maxResponseBytes = checkMaxResponseBytes(options.maxResponseBytes) ?? MAX_RESPONSE_BYTES;
    const own = `reanchor/${version} ${runtime.userAgent}`;
    const userAgent = options.userAgent === undefined ? own : `${options.userAgent} ${own}`;
    if (/[^\x20-\x7e]/.test(userAgent)) {
      throw new TypeError("Cannot use option userAgent: it holds what a header can't carry");
    }

    const fieldManager = checkFieldManager(options.fieldManager);

    const { config = await infer(runtime, pickSourceOptions(options)) } = options;
    if (options.config !== undefined) refuseIdleOptions(options);
    checkConfig(config);
    const settings: ConnectionSettings = { ...pickTransportSettings(options), maxRetryAfterMs };
    const connections = await ConfigFollower.open({ runtime, config, settings });
    const { http, exclusiveTrust, serverIdentity, onEvent } = options;
    return createClient({
      runtime: chooseHttp(runtime, http, { exclusiveTrust, serverIdentity }).runtime,
      connections,
      userAgent,
      maxResponseBytes,
      fieldManager,
      onEvent,
    });
  };
}

async function findNothing(runtime: Runtime): Promise<never> {
  throw toUnsupportedError(
    runtime,
    `Cannot find a cluster: ${runtime.name} has no files and no environment to look at; pass the option "config" with a server and a token source`,
  );
}

function checkConfig(config: unknown): void {
  const hint = 'pass what kubeconfig() or inCluster() returns, or { server: "https://..." }';
  if (config instanceof Promise) {
    throw new TypeError("Cannot use option config of connect: it is a promise; await it first");
  }
  checkObject("option config of connect", config, hint);
}

/** A caller who sets an interval means it: one that would be ignored is rejected. */
function refuseIdleOptions(options: ConnectOptions): void {
  for (const name of sourceOptionNames) {
    if (options[name] === undefined) continue;
    throw new TypeError(
      `Cannot use option ${name} with config: give it to the config's sources (or to inCluster)`,
    );
  }
}
