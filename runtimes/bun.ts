/**
 * The client on Bun.
 *
 * @example
 * ```ts
 * import { connect } from "@reanchor/reanchor/bun";
 *
 * const kube = await connect();
 * try {
 *   console.log(await kube.get("/version"));
 * } finally {
 *   await kube.close();
 * }
 * ```
 *
 * @module
 */

import type { KubeClient } from "../src/api/client.ts";
import { type ConnectOptions, connectOn } from "../src/api/connect.ts";
import type { ClusterConfig } from "../src/config/cluster-config.ts";
import { type InClusterOptions, loadInCluster } from "../src/config/in-cluster.ts";
import type { Runtime } from "../src/runtime.ts";
import {
  type CaFunction,
  type CaSource,
  createFileCaSource,
  createFunctionCaSource,
} from "../src/sources/ca-source.ts";
import type { SourceOptions } from "../src/sources/source.ts";
import {
  type TokenFunction,
  type TokenSource,
  createFileTokenSource,
  createFunctionTokenSource,
} from "../src/sources/token-source.ts";
import {
  type CreateFetchOptions,
  type RotatingFetch,
  createFetchFor,
} from "../src/transport/create-fetch.ts";
import { bunRuntime } from "./bun/runtime.ts";

export {
  ApiError,
  ClosedError,
  ConfigError,
  ConnectionError,
  isReanchorError,
  ReanchorError,
  SourceError,
  staticCaSource,
  staticTokenSource,
  TimeoutError,
  UntrustedServerError,
} from "../src/index.ts";
export type {
  ApiErrorDetails,
  CaBundle,
  CaFunction,
  CallOptions,
  Capabilities,
  CaReloadedEvent,
  CaSource,
  CaStatus,
  CaUnchangedEvent,
  ClientStatus,
  Clock,
  ClusterConfig,
  ConnectOptions,
  CreateFetchOptions,
  EventListener,
  Failure,
  FetchInit,
  FetchStatus,
  Files,
  GenerationOpenedEvent,
  GenerationRetiredEvent,
  GenerationStatus,
  InClusterOptions,
  KubeClient,
  PatchOptions,
  PatchType,
  ReanchorErrorCode,
  ReanchorEvent,
  ReloadFailedEvent,
  RetryEvent,
  RotatingFetch,
  Runtime,
  Source,
  SourceErrorReason,
  SourceKind,
  SourceOptions,
  SourceStatus,
  SourceWaitOptions,
  StaleEvent,
  Status,
  StatusCause,
  StatusDetails,
  TlsSnapshot,
  TokenFunction,
  TokenReloadedEvent,
  TokenSource,
  Transport,
  TransportOptions,
  TransportRequest,
  TransportResponse,
  TransportSettings,
  TrustAnchor,
  UntrustedReason,
  UntrustedServerDetails,
} from "../src/index.ts";

/** This runtime: its name and what it can do. */
export const runtime: Runtime = bunRuntime;

/**
 * Connects to a cluster: the given one, or the one whose pod this is. Reads the CA bundle and the token,
 * and opens no connection yet.
 *
 * @param options Where to connect, and how; see {@link ConnectOptions}.
 * @returns A client, to be closed.
 * @throws {ConfigError} where something is missing or bad; the message names each variable and file.
 * @throws {TypeError | RangeError} where an option is none.
 *
 * @example
 * ```ts
 * import { connect } from "@reanchor/reanchor/bun";
 *
 * const kube = await connect({ onEvent: (event) => console.log(event.type) });
 * const pods = await kube.get("/api/v1/pods", { query: { limit: 500 } });
 * await kube.close();
 * ```
 */
export async function connect(options: ConnectOptions = {}): Promise<KubeClient> {
  return await connectOn(runtime, options);
}

/**
 * Makes a `fetch` whose CA bundle reloads, for any internal service: the trust layer alone.
 *
 * @param options Whom to trust, and how connections behave; see {@link CreateFetchOptions}.
 * @returns A `fetch`, to be closed.
 * @throws {ConfigError} where this runtime can't honour an option.
 *
 * @example
 * ```ts
 * import { createFetch, fileCaSource } from "@reanchor/reanchor/bun";
 *
 * const fetch = createFetch({ ca: fileCaSource("/etc/internal-ca/ca.crt") });
 * // const response = await fetch("https://metrics.internal/healthz");
 * console.log(fetch.status().generations.length); // 0: the first request opens one.
 * await fetch.close();
 * ```
 */
export function createFetch(options: CreateFetchOptions = {}): RotatingFetch {
  return createFetchFor(runtime, options);
}

/**
 * Reads the config of the pod that this runs in, to connect by it explicitly or with another root.
 *
 * @param options Where the service account is mounted, and how often it is read.
 * @returns A config for {@link connect}.
 * @throws {ConfigError} naming every variable and file that is missing or bad.
 */
export async function inCluster(options: InClusterOptions = {}): Promise<ClusterConfig> {
  return await loadInCluster(runtime, options);
}

/**
 * A CA bundle from a file that is read again as it ages and when a server is refused.
 *
 * @param path The file. It may be swapped, renamed over or written in place at any time.
 * @param options How often it is read.
 */
export function fileCaSource(path: string, options?: SourceOptions): CaSource {
  return createFileCaSource(runtime, path, options);
}

/**
 * A CA bundle from a function, which is called as the bundle ages and when a server is refused.
 *
 * @param read Gives the bundle as PEM.
 * @param options How often it is called.
 */
export function functionCaSource(read: CaFunction, options?: SourceOptions): CaSource {
  return createFunctionCaSource(runtime, read, options);
}

/**
 * A bearer token from a file that is read again as it ages, before it expires, and on a 401.
 *
 * @param path The file.
 * @param options How often it is read.
 */
export function fileTokenSource(path: string, options?: SourceOptions): TokenSource {
  return createFileTokenSource(runtime, path, options);
}

/**
 * A bearer token from a function, which is called as the token ages, before it expires, and on a 401.
 *
 * @param read Gives the token, without `Bearer`.
 * @param options How often it is called.
 */
export function functionTokenSource(read: TokenFunction, options?: SourceOptions): TokenSource {
  return createFunctionTokenSource(runtime, read, options);
}
