/**
 * Connections on Bun: its `fetch` keys its pool by the content of `tls`, so a generation's bundle is its
 * pool. Bun can't be told to close the idle connections of an old one: those time out.
 *
 * @module
 */

import type { TlsSnapshot, Transport } from "../../src/runtime.ts";
import { fromResponse } from "../../src/transport/response.ts";

/** Opens a pool of connections. */
export function openTransport(trust: TlsSnapshot): Transport {
  const tls = trust.ca === undefined ? {} : { ca: [...trust.ca] };
  return {
    async send(url, { method, headers, body, signal, onEnd }) {
      // Without a time limit of Bun's own: the one up to the headers is the core's, and a body has none.
      const init = { tls, method, headers, body, signal, redirect: "manual", timeout: false };
      return fromResponse(await fetch(url, init as RequestInit), url, onEnd);
    },
    async retire() {},
  };
}
