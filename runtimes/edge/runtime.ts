/**
 * An edge runtime, as the core sees it: no files, no environment, and trust that is the platform's.
 *
 * @module
 */

import { type Failure, type Runtime, type Transport, systemClock } from "../../src/runtime.ts";
import { fromResponse } from "../../src/transport/response.ts";

/** What the platform's `fetch`, or a bound service's, is called with. */
export type EdgeFetch = (url: string, init: RequestInit) => Promise<Response>;

/** Makes the runtime for one `fetch`. */
export function createEdgeRuntime(send: EdgeFetch): Runtime {
  return {
    name: "edge",
    userAgent: "edge",
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
      laxChains: [],
      clientCertificates: false,
      serverName: false,
      insecureSkipTlsVerify: false,
      proxies: [],
      followsProxyEnvironment: false,
      repeatedHeaders: false,
      programs: false,
      http2: false,
    },
    triesEveryAnchor: true,
    clock: systemClock,
    files: undefined,
    programs: undefined,
    env: () => undefined,
    isDenied: () => false,
    openTransport: () => openTransport(send),
    explain,
  };
}

function openTransport(send: EdgeFetch): Transport {
  return {
    async send(url, { method, headers, body, signal }) {
      const init: RequestInit = { method, headers: [...headers], body, redirect: "manual" };
      if (signal !== undefined) init.signal = signal;
      return fromResponse(await send(url, init), url);
    },
    async retire() {},
  };
}

/** workerd says little: a refused certificate is an "internal error", like much else. */
function explain(error: unknown): Failure {
  const message = error instanceof Error ? error.message : "";
  return /Network connection lost/i.test(message) ? "lost" : "other";
}
