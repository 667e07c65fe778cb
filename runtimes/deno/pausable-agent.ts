/**
 * The pool of connections of one generation on Deno: an agent of `node:https` whose connections can be held.
 *
 * @module
 */

import { withoutBrackets } from "../../src/ip-address.ts";
import { Agent, type RequestOptions } from "node:https";
import type { Socket } from "node:net";
import { derOf } from "../../src/certificates/pem.ts";
import type { PoolOptions, TlsSnapshot } from "../../src/runtime.ts";
import { identityOptions } from "../_shared/node-server-identity.ts";
import { checkChain } from "./check-chain.ts";
import {
  type PausableSocket,
  type PausableSocketOptions,
  openPausableSocket,
} from "./pausable-socket.ts";
import type { Pausable } from "./web-stream.ts";

export class PausableAgent extends Agent {
  readonly #trust: TlsSnapshot;
  readonly #options: Pick<PoolOptions, "late" | "onChain">;
  /** DER. */
  readonly #anchors: readonly Uint8Array[] | undefined;
  readonly #sockets = new WeakMap<object, PausableSocket>();

  constructor(
    trust: TlsSnapshot,
    options: Pick<PoolOptions, "late" | "onChain">,
    keepAlive: boolean,
  ) {
    super({ keepAlive });
    this.#trust = trust;
    this.#options = options;
    this.#anchors = trust.ca?.map(derOf);
  }

  /** Connects. It is `node:https` that calls this, whatever its types say. */
  override createConnection(options: RequestOptions): Socket {
    const { late, onChain } = this.#options;
    const { ca, clientCert, insecureSkipTlsVerify } = this.#trust;
    const host = withoutBrackets(options.host ?? "");
    // Named outright: left to itself, it would go by a `Host` header.
    const identity = identityOptions(host, this.#trust);
    const target: PausableSocketOptions = {
      host,
      port: Number(options.port),
      servername: identity.servername,
      // Called once the chain is verified, before anything is sent.
      checkServerIdentity: (name, certificate) => {
        let chain: readonly Uint8Array[] = [];
        const refusal =
          late() ??
          checkChain(certificate, this.#anchors, (path) => (chain = path)) ??
          identity.checkServerIdentity(name, certificate);
        if (refusal === undefined) onChain?.(chain);
        return refusal;
      },
      rejectUnauthorized: !insecureSkipTlsVerify,
      ALPNProtocols: ["http/1.1"],
      ...(ca && { ca: [...ca] }),
      ...(clientCert && { cert: clientCert.certificate, key: clientCert.key }),
    };
    const opened = openPausableSocket(target);
    this.#sockets.set(opened.socket, opened);
    return opened.socket;
  }

  /** Returns what pauses and resumes a connection of this pool. */
  pausableOf(socket: object): Pausable {
    const source = this.#sockets.get(socket);
    if (source === undefined) throw new TypeError("Cannot hold a connection: it is another pool's");
    return source;
  }

  /** Closes idle connections now; those in use close as soon as they are free. */
  retire(): void {
    Object.assign(this, { keepAlive: false, maxFreeSockets: 0 });
    for (const sockets of Object.values(this.freeSockets)) {
      for (const socket of sockets ?? []) socket.destroy();
    }
  }
}
