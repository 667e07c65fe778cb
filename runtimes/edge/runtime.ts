/**
 * An edge runtime, as the core sees it: no files, no environment, and trust that is the platform's.
 *
 * @module
 */

import { type Failure, type Runtime, type Transport, systemClock } from "../../src/runtime.ts";
import { fromResponse } from "../../src/transport/response.ts";

/** What the platform's `fetch`, or a bound service's, is called with. */
export type EdgeFetch = (url: string, init: RequestInit) => Promise<Response>;

/** What a connection is opened by: the platform's `connect`, or a bound service's. */
export type EdgeConnect = (
  address: { hostname: string; port: number },
  options: { secureTransport: "on" | "off"; allowHalfOpen: boolean },
) => EdgeSocket;

/** A TCP connection, and TLS on it if it was asked for. */
export interface EdgeSocket {
  /** What arrives. */
  readonly readable: ReadableStream<Uint8Array>;
  /** What is sent. */
  readonly writable: WritableStream<Uint8Array>;
  /** Closes it. */
  close(): Promise<unknown>;
}

/** For those who got this build without having asked for it: bundlers pick it if nothing says what a program runs on. */
const BUILD_HINT =
  'this is the build of reanchor for edge runtimes; if the program runs on Node, Deno or Bun, import reanchor/node, reanchor/deno or reanchor/bun, or have your bundler pick the export condition "node" (esbuild: --platform=node)';

/** What an edge runtime is made of. */
export interface EdgeBinding {
  /** What sends requests. */
  readonly send: EdgeFetch;
  /** Whether it is a bound service's, which opens WebSockets too. */
  readonly isBound?: boolean;
  /** What opens other connections, if there is such. */
  readonly connect?: EdgeConnect | undefined;
}

/** Makes the runtime. */
export function createEdgeRuntime(binding: EdgeBinding): Runtime {
  const { isBound = false, connect } = binding;
  return {
    name: "edge",
    userAgent: "edge",
    unsupportedHint: BUILD_HINT,
    capabilities: {
      customCa: "none",
      exclusiveTrust: false,
      closesIdleConnections: false,
      rejectsLateHandshakes: false,
      connectTimeout: false,
      files: false,
      sharedReads: false,
      resendsUntouchedStreams: false,
      recognisesUntrustedServers: false,
      revealsChains: false,
      laxChains: [],
      clientCertificates: false,
      serverName: false,
      serverIdentity: false,
      insecureSkipTlsVerify: false,
      proxies: [],
      followsProxyEnvironment: false,
      repeatedHeaders: false,
      programs: false,
      sockets: false,
      http2: false,
      upgrades: connect !== undefined ? "streams" : isBound ? "messages" : "none",
    },
    triesEveryAnchor: true,
    clock: systemClock,
    files: undefined,
    programs: undefined,
    env: () => undefined,
    isDenied: () => false,
    openTransport: () => openTransport(binding),
    explain,
  };
}

function openTransport(binding: EdgeBinding): Transport {
  const { send, isBound, connect } = binding;
  // Loaded where it is used: few programs stream into pods.
  const upgrade: Transport["upgrade"] = async (url, request) => {
    const { upgradeOnEdge } = await import("./upgrade.ts");
    return await upgradeOnEdge(binding, url, request);
  };
  return {
    ...((connect || isBound) && { upgrade }),
    async send(url, { method, headers, body, signal }) {
      const init: RequestInit = { method, headers: [...headers], body, redirect: "manual" };
      if (signal !== undefined) init.signal = signal;
      return fromResponse(await send(url, init), url);
    },
    async retire() {},
  };
}

/** workerd says little: a rejected certificate is an "internal error", like much else. */
function explain(error: unknown): Failure {
  if (error instanceof Error && "code" in error && error.code === "ECONNRESET") return "lost";
  const message = error instanceof Error ? error.message : "";
  return /Network connection lost/i.test(message) ? "lost" : "other";
}
