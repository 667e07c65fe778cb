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
import { dialUpgrade } from "../_shared/dial-upgrade.ts";
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
  { trust, options, secureContext }: NodePool,
  url: string,
  request: TransportRequest,
): Promise<UpgradedConnection | TransportResponse> {
  const dialler = {
    trust,
    options,
    openTcp,
    openTls,
    tls: (isProxy: boolean) => ({
      secureContext: isProxy ? openSecureContext(trust.ca, undefined) : secureContext,
    }),
  };
  return await dialUpgrade(dialler, url, request);
}
