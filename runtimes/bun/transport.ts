/**
 * Connections on Bun: its `fetch` keys its pool by the content of `tls`, so a generation's bundle is its
 * pool. Bun can't be told to close the idle connections of an old one: those time out.
 *
 * @module
 */

import type { FixedTlsSettings, TlsSnapshot, Transport } from "../../src/runtime.ts";
import { fromResponse } from "../../src/transport/response.ts";

/**
 * Methods that Bun sends a second time by itself where a reused connection is lost, though the server may
 * have acted (https://github.com/oven-sh/bun/pull/28708). On a connection of their own it can't.
 */
const repeatedByBun = new Set(["PUT", "DELETE"]);

/** A URL whose host ends in a dot. Bun says it in SNI with that dot, which Go's servers reject (RFC 6066). */
const finalDot = /^https:\/\/([^/:?#]+)\.(?:[/:?#]|$)/;

/** See {@link Runtime.conflict}. */
export function conflict({
  proxy,
  hasClientCert,
  insecureSkipTlsVerify,
}: FixedTlsSettings): string | undefined {
  if (proxy?.protocol !== "https:") return undefined;
  if (insecureSkipTlsVerify) {
    return "an https proxy can't be had together with insecureSkipTlsVerify, by which Bun does not verify the proxy either";
  }
  if (!hasClientCert) return undefined;
  return "an https proxy can't be had together with a client certificate, which Bun shows to the proxy as well";
}

/** Opens a pool of connections. */
export function openTransport(trust: TlsSnapshot): Transport {
  const { ca, clientCert, serverName, insecureSkipTlsVerify, proxy } = trust;
  const tls = {
    ...(ca && { ca: [...ca] }),
    ...(clientCert && { cert: clientCert.certificate, key: clientCert.key }),
    ...(serverName !== undefined && { serverName }),
    // Always said: without it, NODE_TLS_REJECT_UNAUTHORIZED decides, for an https proxy as well.
    rejectUnauthorized: !insecureSkipTlsVerify,
  };
  return {
    async send(url, { method, headers: given, body, signal }) {
      const dotted = serverName === undefined ? finalDot.exec(url)?.[1] : undefined;
      const headers = Object.fromEntries(given); // A record is what Bun reads fastest.
      // Without a time limit of Bun's own: the one up to the headers is the core's, and a body has none.
      const init = {
        tls: dotted === undefined ? tls : { ...tls, serverName: dotted },
        method,
        headers,
        body,
        signal,
        redirect: "manual",
        timeout: false,
        keepalive: !repeatedByBun.has(method),
        // `false` where there is none: without it, Bun goes by the environment.
        proxy: proxy?.href ?? false,
        // Without it, BUN_CONFIG_VERBOSE_FETCH prints requests, their credentials included.
        verbose: false,
      };
      try {
        return fromResponse(await fetch(url, init as unknown as RequestInit), url, true);
      } catch (error) {
        throw withoutReasonPhrase(error);
      }
    },
    async retire() {},
  };
}

/**
 * Of a proxy's refusal, the status alone: its reason phrase is the proxy's own text, which may repeat the
 * credentials that it was sent.
 */
function withoutReasonPhrase(error: unknown): unknown {
  if (!(error instanceof Error && "code" in error) || error.code !== "ERR_PROXY_TUNNEL")
    return error;
  const [message = "Proxy refused to open a tunnel"] =
    /^[^:]*(?:: \d{3})?/.exec(error.message) ?? [];
  return Object.assign(new Error(message), { code: error.code });
}
