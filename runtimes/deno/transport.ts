/**
 * Connections on Deno: one `HttpClient` a generation.
 *
 * @module
 */

import type {
  TlsSnapshot,
  Transport,
  TransportOptions,
  TransportRequest,
} from "../../src/runtime.ts";
import { safeMethods } from "../../src/transport/request.ts";
import { fromResponse } from "../../src/transport/response.ts";
import { openExclusiveTransport } from "./exclusive-transport.ts";
import { deno } from "./shim.ts";

/**
 * Keeps a response for as long as its body: Deno lets go of the signal with the response, and then an abort
 * never reaches a body that is still read.
 */
const responses = new WeakMap<ReadableStream, Response>();

/** Opens a pool of connections. The CA bundle adds to Deno's default store, unless trust is exclusive. */
export function openTransport(trust: TlsSnapshot, options: TransportOptions): Transport {
  if (options.exclusiveTrust && trust.ca !== undefined) {
    return openExclusiveTransport(trust.ca);
  }
  const client = deno().createHttpClient(trust.ca === undefined ? {} : { caCerts: [...trust.ca] });
  const ended = new AbortController();
  return {
    async send(url, request) {
      const { method, headers, signal: own, onEnd } = request;
      const body = safeMethods.has(method) ? request.body : toStream(request.body);
      const signal = own === undefined ? ended.signal : AbortSignal.any([own, ended.signal]);
      const init = { client, method, headers, body, signal, redirect: "manual", duplex: "half" };
      const response = await fetch(url, init as RequestInit);
      if (response.body !== null) responses.set(response.body, response);
      return fromResponse(response, url, onEnd);
    },
    // Idle connections close now; what is in flight ends by itself, also where its headers are still to come.
    async retire() {
      client.close();
    },
    end: (reason) => ended.abort(reason),
  };
}

/**
 * Where a reused connection is lost, Deno's `fetch` sends the request a second time by itself, whatever its
 * method, though the server may have acted; not so one whose body is a stream
 * (https://github.com/denoland/deno/pull/32566).
 */
function toStream(body: TransportRequest["body"]): ReadableStream<Uint8Array> {
  if (body instanceof ReadableStream) return body;
  const bytes = typeof body === "string" ? new TextEncoder().encode(body) : body;
  return new ReadableStream<Uint8Array>({
    start(controller) {
      if (bytes !== null && bytes.byteLength > 0) controller.enqueue(bytes);
      controller.close();
    },
  });
}
