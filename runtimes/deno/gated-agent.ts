/**
 * The pool of connections of one generation on Deno: an agent of `node:https` whose connections can be held.
 *
 * @module
 */

import { withoutBrackets } from "../../src/host.ts";
import { Agent, type RequestOptions } from "node:https";
import type { Socket } from "node:net";
import { derOf } from "../../src/certificates/pem.ts";
import type { PoolOptions, TlsSnapshot } from "../../src/runtime.ts";
import { identityOptions } from "../_shared/node-identity.ts";
import { checkChain } from "./chain.ts";
import { type GatedSocket, type GatedSocketOptions, openGatedSocket } from "./gated-socket.ts";
import type { Gate } from "./web-stream.ts";

export class GatedAgent extends Agent {
  readonly #trust: TlsSnapshot;
  readonly #late: PoolOptions["late"];
  /** DER. */
  readonly #anchors: readonly Uint8Array[] | undefined;
  readonly #gates = new WeakMap<object, GatedSocket>();

  constructor(
    trust: TlsSnapshot,
    { late, keepAlive }: Pick<PoolOptions, "late"> & { keepAlive: boolean },
  ) {
    super({ keepAlive });
    this.#trust = trust;
    this.#late = late;
    this.#anchors = trust.ca?.map(derOf);
  }

  /** Connects. It is `node:https` that calls this, whatever its types say. */
  override createConnection(options: RequestOptions): Socket {
    const { ca, clientCert, serverName, insecureSkipTlsVerify } = this.#trust;
    const host = withoutBrackets(options.host ?? "");
    // Named outright: left to itself, it would go by a `Host` header.
    const identity = identityOptions(host, serverName);
    const target: GatedSocketOptions = {
      host,
      port: Number(options.port),
      servername: identity.servername,
      // Called once the chain is verified, before anything is sent.
      checkServerIdentity: (name, certificate) =>
        this.#late() ??
        checkChain(certificate, this.#anchors) ??
        identity.checkServerIdentity(name, certificate),
      rejectUnauthorized: !insecureSkipTlsVerify,
      ALPNProtocols: ["http/1.1"],
      ...(ca && { ca: [...ca] }),
      ...(clientCert && { cert: clientCert.certificate, key: clientCert.key }),
    };
    const gated = openGatedSocket(target);
    this.#gates.set(gated.socket, gated);
    return gated.socket;
  }

  /** What holds a connection of this pool. */
  gateOf(socket: object): Gate {
    const gate = this.#gates.get(socket);
    if (gate === undefined) throw new TypeError("Cannot hold a connection: it is another pool's");
    return gate;
  }

  /** Closes idle connections now; those in use close as soon as they are free. */
  retire(): void {
    Object.assign(this, { keepAlive: false, maxFreeSockets: 0 });
    for (const sockets of Object.values(this.freeSockets)) {
      for (const socket of sockets ?? []) socket.destroy();
    }
  }
}
