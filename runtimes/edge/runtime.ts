/**
 * An edge runtime, as the core sees it: no files, no environment, and trust that is the platform's.
 *
 * @module
 */

import {
  type Failure,
  type Runtime,
  type Transport,
  type TransportOptions,
  systemClock,
} from "../../src/runtime.ts";
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
      connectTimeout: false,
      files: false,
      sharedReads: false,
      resendsUntouchedStreams: false,
      recognisesUntrustedServers: false,
      clientCertificates: false,
      serverName: false,
      insecureSkipTlsVerify: false,
      proxies: [],
      followsProxyEnvironment: false,
      repeatedHeaders: false,
      programs: false,
    },
    triesEveryAnchor: true,
    clock: systemClock,
    files: undefined,
    programs: undefined,
    env: () => undefined,
    isDenied: () => false,
    openTransport: (_, options) => openTransport(send, options),
    explain,
  };
}

function openTransport(send: EdgeFetch, { closing }: TransportOptions): Transport {
  const ended = new AbortController();
  const ends = [ended.signal, closing];
  return {
    async send(url, { method, headers: given, body, signal: own, onEnd }) {
      const headers = [...given];
      const signal = AbortSignal.any(own === undefined ? ends : [own, ...ends]);
      const response = await send(url, { method, headers, body, signal, redirect: "manual" });
      return fromResponse(response, url, onEnd);
    },
    async retire() {},
    end: (reason) => ended.abort(reason),
  };
}

/** workerd says little: a refused certificate is an "internal error", like much else. */
function explain(error: unknown): Failure {
  const message = error instanceof Error ? error.message : "";
  return /Network connection lost/i.test(message) ? "lost" : "other";
}
