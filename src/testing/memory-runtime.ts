/**
 * A runtime whose requests reach a fake cluster without a connection. Trust is enforced all the same: a
 * client whose CA bundle lacks the cluster's CA gets no answer.
 *
 * @module
 */

import type { Clock, Failure, Runtime, Transport, TransportRequest } from "../runtime.ts";
import { fromResponse } from "../transport/response.ts";
import type { FakeFetch } from "./model/fake-fetch.ts";

/** The cluster behind it. */
export interface MemoryServer {
  readonly clock: Clock;
  readonly fetch: FakeFetch;
  /** The CA that signed its certificate, as PEM. */
  servingCa(): Promise<string>;
}

/** The connection was lost. */
export class MemoryConnectionError extends Error {
  override readonly name = "MemoryConnectionError";
}

/** The cluster's certificate was signed by a CA that is not in the bundle. */
class UntrustedCertificateError extends Error {
  override readonly name = "UntrustedCertificateError";
}

/**
 * Creates the runtime.
 *
 * @param base A runtime without files, programs and an environment.
 */
export function createMemoryRuntime(base: Runtime, server: MemoryServer): Runtime {
  return {
    ...base,
    userAgent: "fake",
    unsupportedHint: "a fake cluster has no connection",
    capabilities: {
      ...base.capabilities,
      customCa: "exclusive",
      exclusiveTrust: true,
      closesIdleConnections: true,
      sharedReads: true,
      recognisesUntrustedServers: true,
    },
    clock: server.clock,
    openTransport: ({ ca }) => openTransport(server, ca),
    explain,
  };
}

function openTransport(server: MemoryServer, anchors: readonly string[] | undefined): Transport {
  async function verify(): Promise<void> {
    const ca = await server.servingCa();
    if (anchors === undefined || anchors.some((anchor) => anchor.trim() === ca.trim())) return;
    throw new UntrustedCertificateError("the certificate is of a CA that is not in the bundle");
  }

  return {
    async send(url: string, { method, headers, body, signal }: TransportRequest) {
      await verify();
      const init = { method, headers: new Headers([...headers]), body, signal };
      return fromResponse(await server.fetch(url, init), url);
    },
    async probe() {
      await verify();
    },
    async retire() {},
  };
}

function explain(error: unknown): Failure {
  if (error instanceof UntrustedCertificateError) return "unknown-authority";
  return error instanceof MemoryConnectionError ? "lost" : "other";
}
