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
  TransportOptions,
  TransportRequest,
} from "../../src/runtime.ts";
import { safeMethods } from "../../src/transport/request.ts";
import { fromResponse } from "../../src/transport/response.ts";
import { CurrentClient, openHttpClient } from "./http-client.ts";
import { openExclusiveTransport } from "./exclusive-transport.ts";
import { deno } from "./shim.ts";

/** Opens a pool of connections. The CA bundle adds to Deno's default store, unless trust is exclusive. */
export function openTransport(trust: TlsSnapshot, options: PoolOptions): Transport {
  const isExclusive = byNodeHttps(trust, options);
  const transport = isExclusive
    ? openExclusiveTransport(trust, options)
    : openFetchTransport(trust);
  const pool = { trust, options, sendsByFetch: !isExclusive };
  return {
    ...transport,
    async upgrade(url, request) {
      // Loaded where it is used: few programs stream into pods.
      const { upgradeOnDeno } = await import("./upgrade.ts");
      return await upgradeOnDeno(pool, url, request);
    },
    async probe(url, signal) {
      const { probeOnDeno } = await import("./upgrade.ts");
      await probeOnDeno(pool, url, signal);
    },
  };
}

function openFetchTransport(trust: TlsSnapshot): Transport {
  const client = openClient(trust);
  return {
    async send(url, request) {
      const { method, signal } = request;
      const headers = [...request.headers];
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
      return fromResponse(await fetch(url, init as RequestInit), url, true);
    },
    // Idle connections close now; what is in flight ends by itself, also where its headers are still to come.
    async retire() {
      client.close();
    },
  };
}

/** What only Deno's `node:https` can do. */
function byNodeHttps(
  trust: Pick<TlsSnapshot, "serverName" | "serverIdentity" | "insecureSkipTlsVerify">,
  options: TransportOptions,
): boolean {
  return (
    options.exclusiveTrust ||
    options.repeatsHeaders ||
    trust.serverName !== undefined ||
    trust.serverIdentity !== undefined ||
    trust.insecureSkipTlsVerify
  );
}

/** See {@link Runtime.conflict}. */
export function conflict(trust: FixedTlsSettings, options: TransportOptions): string | undefined {
  if (trust.proxy === undefined) return undefined;
  if (trust.proxy.protocol !== "socks5:" && trust.proxy.username !== "") {
    return "an http or https proxy can't be given credentials, since Deno sends them to the server as well; use a socks5 proxy, or one without";
  }
  if (trust.proxy.protocol === "https:" && trust.hasClientCert) {
    return "an https proxy can't be had together with a client certificate, which Deno shows to the proxy as well";
  }
  // It knows no proxies.
  if (!byNodeHttps(trust, options)) return undefined;
  return "a proxy can't be had together with exclusiveTrust, a server name, serverIdentity, insecureSkipTlsVerify or an impersonation of several groups";
}

/** What is no certificate. */
const NO_CERTIFICATE = "-----BEGIN CERTIFICATE-----\n!\n-----END CERTIFICATE-----\n";

/**
 * Whether `--unsafely-ignore-certificate-errors` may leave this transport's servers unverified. Deno reports that to nobody
 * of the flag, but with it `createHttpClient` does not look at `caCerts` at all (`create_client_config` in its
 * `ext/tls/lib.rs`). Its `node:tls` verifies all the same.
 */
export function ignoresCertificateErrors(
  trust: FixedTlsSettings,
  options: TransportOptions,
): boolean {
  if (byNodeHttps(trust, options)) return false;
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
