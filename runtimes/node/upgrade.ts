/**
 * Connections of their own on Node.
 *
 * @module
 */

import type { SecureContext } from "node:tls";
import type {
  PoolOptions,
  TlsSnapshot,
  TransportRequest,
  TransportResponse,
  UpgradedConnection,
} from "../../src/runtime.ts";
import { type Dialler, dialProbe, dialUpgrade } from "../_shared/dial-upgrade.ts";
import { openTcp } from "../_shared/node-tcp.ts";
import { openTls } from "../_shared/tls-bytes.ts";
import { openSecureContext } from "./secure-context.ts";

/** The pool that a connection belongs to. */
export interface NodePool {
  readonly trust: TlsSnapshot;
  readonly options: PoolOptions;
  /** What its connections to the server trust and show. */
  readonly secureContext: SecureContext;
}

/** See {@link Transport.upgrade}. */
export async function upgradeOnNode(
  pool: NodePool,
  url: string,
  request: TransportRequest,
): Promise<UpgradedConnection | TransportResponse> {
  return await dialUpgrade(diallerOf(pool), url, request);
}

/** See {@link Transport.probe}. */
export async function probeOnNode(pool: NodePool, url: string, signal: AbortSignal): Promise<void> {
  await dialProbe(diallerOf(pool), url, signal);
}

function diallerOf({ trust, options, secureContext }: NodePool): Dialler {
  return {
    trust,
    options,
    openTcp,
    openTls,
    tls: (isProxy) => ({
      secureContext: isProxy ? openSecureContext(trust.ca, undefined) : secureContext,
    }),
  };
}
