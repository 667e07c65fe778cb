/**
 * Connections of our own on Node, for upgrades and for `http: "sockets"`.
 *
 * @module
 */

import type { SecureContext } from "node:tls";
import type { PoolOptions, TlsSnapshot } from "../../src/runtime.ts";
import type { Dialler } from "../_shared/dial.ts";
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

/** How the connections of a pool are made. */
export function nodeDialler({ trust, options, secureContext }: NodePool): Dialler {
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
