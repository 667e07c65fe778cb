/**
 * Connections on Bun: one `Bun.FetchSession` a generation. It is a pool of its own, whose idle connections can be
 * closed, and the only one that keeps connections alive whose server was checked by a callback.
 *
 * @module
 */

import { expectedName } from "../../src/certificates/server-name.ts";
import type { FixedTlsSettings, PoolOptions, TlsSnapshot, Transport } from "../../src/runtime.ts";
import { openLazily } from "../../src/transport/lazy-transport.ts";
import { readText } from "../../src/transport/read-text.ts";
import { fromResponse } from "../../src/transport/response.ts";
import { rememberLast } from "../../src/transport/shared-headers.ts";
import { anchorsForOpenSsl } from "../_shared/openssl-anchors.ts";
import { type PresentedCertificate, checkIdentity } from "../_shared/server-identity.ts";
import { type FetchSession, bun } from "./shim.ts";

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
  serverIdentity,
}: FixedTlsSettings): string | undefined {
  if (bun().FetchSession === undefined) {
    return "Bun 1.4.3 or later is needed, the first with a FetchSession; upgrade it";
  }
  if (proxy?.protocol !== "https:") return undefined;
  if (insecureSkipTlsVerify) {
    return "an https proxy can't be had together with insecureSkipTlsVerify, by which Bun does not verify the proxy either";
  }
  if (serverIdentity !== undefined) {
    return "an https proxy can't be had together with serverIdentity, by which Bun would check the proxy as well";
  }
  if (!hasClientCert) return undefined;
  return "an https proxy can't be had together with a client certificate, which Bun shows to the proxy as well";
}

/** Opens a pool of connections that HTTP/1.1 of the core's own uses. */
export function openSocketTransport(trust: TlsSnapshot, options: PoolOptions): Transport {
  // Now, so that what can't be used is no failure of a request.
  if (trust.ca !== undefined) anchorsForOpenSsl(trust.ca);
  return {
    ...openLazily(async () => (await import("./sockets.ts")).openSockets(trust, options)),
    ...ownConnections(trust, options),
  };
}

/** Connections that belong to no pool. Their code is loaded where it is used: few programs stream into pods. */
function ownConnections(
  trust: TlsSnapshot,
  options: PoolOptions,
): Required<Pick<Transport, "prepareProbe" | "probe" | "upgrade">> {
  return {
    async upgrade(url, request) {
      const { upgradeOnBun } = await import("./upgrade.ts");
      return await upgradeOnBun({ trust, options }, url, request);
    },
    async probe(url, signal) {
      const { probeOnBun } = await import("./upgrade.ts");
      await probeOnBun({ trust, options }, url, signal);
    },
    prepareProbe: () => import("./upgrade.ts"),
  };
}

/** Opens a pool of connections that Bun's `fetch` uses. */
export function openTransport(trust: TlsSnapshot, options: PoolOptions): Transport {
  const { late } = options;
  const { ca, clientCert, serverName, serverIdentity, insecureSkipTlsVerify, proxy } = trust;
  const tls = {
    // As Go, a certificate that the bundle holds is an anchor, also if its own issuer is not there.
    ...(ca && { ca: anchorsForOpenSsl(ca), allowPartialTrustChain: true }),
    ...(clientCert && { cert: clientCert.certificate, key: clientCert.key }),
    ...(serverName !== undefined && { serverName }),
    // Always said: without it, NODE_TLS_REJECT_UNAUTHORIZED decides, for an https proxy as well.
    rejectUnauthorized: !insecureSkipTlsVerify,
    ...(!insecureSkipTlsVerify && {
      // Called once the chain is verified, before anything is sent.
      checkServerIdentity: (host: string, certificate: PresentedCertificate) =>
        late() ?? checkIdentity(expectedName(host, serverName), certificate, serverIdentity),
    }),
  };
  const sessions = new Map<string | undefined, FetchSession>();
  // A record is what Bun reads fastest.
  const recordOf = rememberLast((headers) => Object.fromEntries(headers));

  function sessionFor(name: string | undefined): FetchSession {
    let session = sessions.get(name);
    if (session === undefined) {
      const { FetchSession: Session } = bun();
      if (Session === undefined) throw new Error("Bun.FetchSession is missing");
      session = new Session({ tls: name === undefined ? tls : { ...tls, serverName: name } });
      sessions.set(name, session);
    }
    return session;
  }

  return {
    send(url, { method, headers: given, body, signal }) {
      const dotted = serverName === undefined ? finalDot.exec(url)?.[1] : undefined;
      const headers = recordOf(given);
      // Without a time limit of Bun's own: the one up to the headers is the core's, and a body has none.
      const init = {
        session: sessionFor(dotted),
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
      return fetch(url, init as RequestInit).then(
        (response) => fromResponse(response, url, readText),
        (error: unknown) => {
          throw withoutReasonPhrase(error);
        },
      );
    },
    // Idle connections close now; what is in flight ends by itself.
    async retire() {
      for (const session of sessions.values()) session.close();
    },
    ...ownConnections(trust, options),
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
