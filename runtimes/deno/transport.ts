/**
 * Connections on Deno: one `HttpClient` a generation.
 *
 * @module
 */

import type { TlsSnapshot, Transport, TransportOptions } from "../../src/runtime.ts";
import { fromResponse } from "../../src/transport/response.ts";
import { openExclusiveTransport } from "./exclusive-transport.ts";
import { deno } from "./shim.ts";

/** Opens a pool of connections. The CA bundle adds to Deno's default store, unless trust is exclusive. */
export function openTransport(trust: TlsSnapshot, options: TransportOptions): Transport {
  if (options.exclusiveTrust && trust.ca !== undefined) {
    return openExclusiveTransport(trust.ca);
  }
  const client = deno().createHttpClient(trust.ca === undefined ? {} : { caCerts: [...trust.ca] });
  const ended = new AbortController();
  return {
    async send(url, { method, headers, body, signal: own, onEnd }) {
      const signal = own === undefined ? ended.signal : AbortSignal.any([own, ended.signal]);
      const init = { client, method, headers, body, signal, redirect: "manual", duplex: "half" };
      return fromResponse(await fetch(url, init as RequestInit), url, onEnd);
    },
    // Idle connections close now; what is in flight ends by itself, also where its headers are still to come.
    async retire() {
      client.close();
    },
    end: (reason) => ended.abort(reason),
  };
}
