/**
 * Connections on Deno: one `HttpClient` a generation.
 *
 * @module
 */

import type {
  FixedTlsSettings,
  PoolOptions,
  TlsSnapshot,
  Transport,
  TransportRequest,
} from "../../src/runtime.ts";
import { openLazily } from "../../src/transport/lazy-transport.ts";
import { safeMethods } from "../../src/transport/request.ts";
import { fillText } from "./fill-text.ts";
import { fromResponse } from "../../src/transport/response.ts";
import { rememberLast } from "../../src/transport/shared-headers.ts";
import { CurrentClient, anchorsForNodeTls, openHttpClient } from "./http-client.ts";
import { deno } from "./shim.ts";
import type { DenoPool } from "./upgrade.ts";

/** Opens a pool of connections that `fetch` uses. The CA bundle adds to Deno's default store. */
export function openTransport(trust: TlsSnapshot, options: PoolOptions): Transport {
  return {
    ...openFetchTransport(trust),
    ...ownConnections({ trust, options, sendsByFetch: true }),
  };
}

/** Opens a pool of connections that HTTP/1.1 of the core's own uses. Nothing but the CA bundle is trusted. */
export function openSocketTransport(trust: TlsSnapshot, options: PoolOptions): Transport {
  // Now, so that what can't be used is no failure of a request.
  if (trust.ca !== undefined) anchorsForNodeTls(trust.ca);
  return {
    ...openLazily(async () => (await import("./sockets.ts")).openSockets(trust, options)),
    ...ownConnections({ trust, options, sendsByFetch: false }),
  };
}

/** Connections that belong to no pool. Their code is loaded where it is used: few programs stream into pods. */
function ownConnections(
  pool: DenoPool,
): Required<Pick<Transport, "prepareProbe" | "probe" | "upgrade">> {
  return {
    async upgrade(url, request) {
      const { upgradeOnDeno } = await import("./upgrade.ts");
      return await upgradeOnDeno(pool, url, request);
    },
    async probe(url, signal) {
      const { probeOnDeno } = await import("./upgrade.ts");
      await probeOnDeno(pool, url, signal);
    },
    prepareProbe: () => import("./upgrade.ts"),
  };
}

function openFetchTransport(trust: TlsSnapshot): Transport {
  const client = openClient(trust);
  const pairsOf = rememberLast((headers) => [...headers]);
  return {
    send(url, request) {
      const { method, signal } = request;
      const headers = pairsOf(request.headers);
      const body = safeMethods.has(method) ? request.body : toStream(request.body);
      const init = {
        client: client.get(),
        method,
        headers,
        body,
        signal,
        redirect: "manual",
        duplex: "half",
      };
      return fetch(url, init as RequestInit).then((response) =>
        fromResponse(response, url, fillText),
      );
    },
    // Idle connections close now; what is in flight ends by itself, also where its headers are still to come.
    async retire() {
      client.close();
    },
  };
}

/** See {@link Runtime.conflict}. */
export function conflict(trust: FixedTlsSettings): string | undefined {
  if (trust.proxy === undefined) return undefined;
  if (trust.proxy.protocol !== "socks5:" && trust.proxy.username !== "") {
    return 'an http or https proxy can\'t be given credentials, since Deno sends them to the server as well; use a socks5 proxy, one without, or http: "sockets"';
  }
  if (trust.proxy.protocol === "https:" && trust.hasClientCert) {
    return 'an https proxy can\'t be had together with a client certificate, which Deno shows to the proxy as well; set http to "sockets"';
  }
  return undefined;
}

/** What is no certificate. */
const NO_CERTIFICATE = "-----BEGIN CERTIFICATE-----\n!\n-----END CERTIFICATE-----\n";

/**
 * Whether `--unsafely-ignore-certificate-errors` may leave this transport's servers unverified. Deno reports that to nobody
 * of the flag, but with it `createHttpClient` does not look at `caCerts` at all (`create_client_config` in its
 * `ext/tls/lib.rs`). Its `node:tls` verifies all the same.
 */
export function ignoresCertificateErrors(): boolean {
  try {
    deno()
      .createHttpClient({ caCerts: [NO_CERTIFICATE] })
      .close();
    return true;
  } catch {
    return false;
  }
}

function openClient({ ca, clientCert, proxy }: TlsSnapshot): Pick<CurrentClient, "get" | "close"> {
  const settings = {
    ...(clientCert && { cert: clientCert.certificate, key: clientCert.key }),
    ...(proxy && { proxy: { url: proxy.href } }),
  };
  const current = ca && new CurrentClient(ca, settings);
  if (current !== undefined) return current;
  const client = openHttpClient(settings);
  return { get: () => client, close: () => client.close() };
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
