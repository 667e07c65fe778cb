/**
 * TLS connections whose trust reloads. A refused server makes the bundle be read again at once, and the
 * connection be tried again: nothing of a request has been sent by then, so any request may follow.
 *
 * @module
 */

import type { Socket } from "node:net";
import type { ConnectionOptions, PeerCertificate, SecureContext, TLSSocket } from "node:tls";
import { orAborted } from "../../../src/abort.ts";
import { expectedName } from "../../../src/certificates/server-name.ts";
import { ClosedError, SourceError, UntrustedServerError } from "../../../src/errors.ts";
import { type EventListener, notify } from "../../../src/events.ts";
import type { SourceStatus } from "../../../src/sources/source.ts";
import {
  type GenerationStatus,
  type Trust,
  isSameTrust,
} from "../../../src/transport/generation.ts";
import type { Peers } from "../../../src/transport/peers.ts";
import { checkIdentity, identityOptions } from "../../_shared/node-identity.ts";
import { explain } from "../explain.ts";
import { ConnectionGeneration } from "./generation.ts";
import { handshake } from "./handshake.ts";
import { type TrustContext, openContexts } from "./trust-context.ts";

/** How a drop-in is doing. */
export interface AgentStatus {
  /** The CA bundle; `undefined` where Node's own store is used. */
  readonly ca: SourceStatus | undefined;
  /** The client certificate; `undefined` where there is none. */
  readonly clientCert: SourceStatus | undefined;
  /** The trust in use, and replaced ones that still have connections. */
  readonly generations: readonly GenerationStatus[];
}

/** What a TLS connection needs under one trust, to be spread into the options of `node:tls`. */
export interface TlsSettings {
  /** The anchors, and the client certificate with its key. */
  readonly secureContext: SecureContext;
  /** Whether a server that no anchor vouches for is refused. */
  readonly rejectUnauthorized: boolean;
  /** Whether a certificate is for the host, or for the `serverName` of the options. */
  readonly checkServerIdentity: (host: string, certificate: PeerCertificate) => Error | undefined;
  /** What is asked for by SNI, where there is a `serverName`. */
  readonly servername?: string;
}

/** What connections are made of. */
export interface ConnectionParts {
  readonly peers: Peers;
  readonly connectTimeoutMs: number;
  readonly drainTimeoutMs: number;
  readonly onEvent: EventListener | undefined;
  /** Aborted when they are closed. */
  readonly closing: AbortController;
}

/** An attempt at a server, and what was tried before it. */
export interface Attempt {
  readonly generation: ConnectionGeneration;
  readonly context: TrustContext;
  /** Contexts of the generation whose anchors did not vouch for the server. */
  readonly refused: readonly TrustContext[];
  /** Whether a bundle was tried that had come meanwhile. */
  readonly triedNewer: boolean;
  /** Whether the bundle was read again. */
  readonly triedReload: boolean;
  /** Which server, as far as that is known. */
  readonly server: string;
}

/** See the module. */
export class RotatingConnections {
  readonly #parts: ConnectionParts;
  readonly #unsubscribe: readonly (() => void)[];
  readonly #onRetired = new Set<(retired: ConnectionGeneration) => void>();
  readonly #generations = new Set<ConnectionGeneration>();
  #current: ConnectionGeneration | undefined;
  #opened = 0;
  /** A trust that OpenSSL could not use. */
  #unusable: Trust | undefined;
  #replaced = false;
  #closed: Error | undefined;

  constructor(parts: ConnectionParts) {
    this.#parts = parts;
    const { ca, clientCert } = parts.peers;
    this.#unsubscribe = [ca, clientCert].flatMap((source) => {
      if (source === undefined) return [];
      return source.subscribe((event) => {
        notify(parts.onEvent, event);
        // Without waiting for a request: what has lost its trust, or its identity, is closed now.
        if (this.#current !== undefined && this.#closed === undefined) this.pick();
      });
    });
  }

  get status(): AgentStatus {
    const { ca, clientCert } = this.#parts.peers;
    return {
      ca: ca?.status,
      clientCert: clientCert?.status,
      generations: Array.from(this.#generations, (generation) => generation.status),
    };
  }

  /** Why they are closed; `undefined` while they are not. */
  get closed(): Error | undefined {
    return this.#closed;
  }

  /** Calls back when a generation gets no more requests, to let go of its idle connections. */
  onRetired(listener: (retired: ConnectionGeneration) => void): void {
    this.#onRetired.add(listener);
  }

  /** Reads again what has aged. */
  async refresh(): Promise<void> {
    const { ca, clientCert } = this.#parts.peers;
    const { signal } = this.#parts.closing;
    signal.throwIfAborted();
    if (ca !== undefined) await ca.current({ signal });
    if (clientCert !== undefined) await clientCert.current({ signal });
  }

  /** The generation that new requests belong to in this turn. */
  pick(): ConnectionGeneration {
    if (this.#closed !== undefined) throw this.#closed;
    const { ca, clientCert } = this.#parts.peers;
    const trust: Trust = { bundle: ca?.peek(), clientCert: clientCert?.peek() };
    const current = this.#current;
    if (current !== undefined) {
      if (isSameTrust(current.trust, trust)) return current;
      if (this.#unusable !== undefined && isSameTrust(this.#unusable, trust)) return current;
    }
    return this.#open(trust, current);
  }

  /** Connects, under the trust of this moment or of the one after. */
  async connect(options: ConnectionOptions, signal?: AbortSignal): Promise<TLSSocket> {
    let attempt = await orAborted(this.first(nameOf(options)), signal);
    for (;;) {
      try {
        return await this.#try(attempt, options, signal);
      } catch (error) {
        if (this.#closed !== undefined) throw this.#closed;
        signal?.throwIfAborted();
        const next = await orAborted(this.next(attempt, error), signal);
        if (next === undefined) throw this.#explain(error, attempt);
        attempt = next;
      }
    }
  }

  /** The first attempt at a server. */
  async first(server = ""): Promise<Attempt> {
    await this.refresh();
    const generation = this.pick();
    const context = generation.preferred;
    return { generation, context, refused: [], triedNewer: false, triedReload: false, server };
  }

  /** The attempt after one that failed; `undefined` where another one would fail as well. */
  async next(failed: Attempt, error: unknown): Promise<Attempt | undefined> {
    const failure = explain(error);
    if (failure !== "unknown-authority" && failure !== "expired") return undefined;
    const { generation } = failed;
    const refused = [...failed.refused, failed.context];
    const context = generation.contexts.find((other) => !refused.includes(other));
    // Retired meanwhile means that there is a newer generation, whose turn it is.
    if (context !== undefined && !generation.retired) return { ...failed, context, refused };

    const { ca } = this.#parts.peers;
    const used = generation.trust.bundle?.fingerprint;
    let { triedNewer, triedReload } = failed;
    if (ca === undefined) return undefined;
    if (!triedNewer && ca.peek()?.fingerprint !== used) {
      triedNewer = true;
    } else {
      if (triedReload) return undefined;
      triedReload = true;
      const bundle = await ca.reload({ signal: this.#parts.closing.signal });
      if (bundle.fingerprint === used) return undefined;
    }
    notify(this.#parts.onEvent, {
      type: "retry",
      reason: "untrusted-server",
      method: "CONNECT",
      path: failed.server,
      delayMs: 0,
    });
    return { ...(await this.first(failed.server)), triedNewer, triedReload };
  }

  /** What an attempt takes of `node:tls`. */
  settings({ context }: Attempt): TlsSettings {
    const { serverName, insecureSkipTlsVerify } = this.#parts.peers;
    return {
      secureContext: context.secureContext,
      rejectUnauthorized: !insecureSkipTlsVerify,
      checkServerIdentity: (host, certificate) =>
        checkIdentity(expectedName(host, serverName), certificate),
      ...(serverName !== undefined && identityOptions(serverName, serverName)),
    };
  }

  /** A connection to a server through the proxy; `undefined` where there is none to go through. */
  async tunnel(
    { host = "localhost", port = 443 }: ConnectionOptions,
    signal: AbortSignal = this.#parts.closing.signal,
    { trust }: ConnectionGeneration = this.pick(),
  ): Promise<Socket | undefined> {
    const { peers, connectTimeoutMs: timeoutMs } = this.#parts;
    if (peers.proxy === undefined) return undefined;
    // Loaded where there is a proxy.
    const { openTunnel } = await import("../tunnel.ts");
    const { proxy } = peers;
    const ca = trust.bundle?.certificates;
    return await openTunnel({ proxy, host, port, ca, timeoutMs, signal });
  }

  /** Counts a connection among those of the trust in use, where it was not made here. */
  track(socket: Socket): void {
    this.#current?.track(socket);
  }

  /** Gets no more requests, since others have its place: what it carries ends by itself. */
  retire(): void {
    this.#replaced = true;
    for (const unsubscribe of this.#unsubscribe) unsubscribe();
    if (this.#current !== undefined) this.#retire(this.#current);
  }

  /** Ends every connection and every attempt at one. */
  close(reason: Error = new ClosedError()): void {
    if (this.#closed !== undefined) return;
    this.#closed = reason;
    for (const unsubscribe of this.#unsubscribe) unsubscribe();
    this.#parts.closing.abort(reason);
    for (const generation of this.#generations) {
      generation.end(reason);
      this.#retire(generation);
    }
  }

  #open(trust: Trust, previous: ConnectionGeneration | undefined): ConnectionGeneration {
    let contexts: ConnectionGeneration["contexts"];
    try {
      contexts = openContexts(trust);
    } catch (cause) {
      return this.#refuse(trust, previous, cause);
    }
    this.#opened++;
    const generation = new ConnectionGeneration(this.#opened, trust, contexts);
    this.#unusable = undefined;
    this.#current = generation;
    this.#generations.add(generation);
    notify(this.#parts.onEvent, {
      type: "generation-opened",
      generation: generation.number,
      fingerprint: trust.bundle?.fingerprint,
      clientCertFingerprint: trust.clientCert?.fingerprint,
    });
    if (previous !== undefined) this.#retire(previous);
    if (this.#replaced) this.#retire(generation);
    return generation;
  }

  /** Goes on with the trust that is there, and fails where there is none. */
  #refuse(
    trust: Trust,
    previous: ConnectionGeneration | undefined,
    cause: unknown,
  ): ConnectionGeneration {
    const { ca, clientCert } = this.#parts.peers;
    const isCert = trust.clientCert !== undefined && canOpen({ ...trust, clientCert: undefined });
    const source = isCert ? clientCert : ca;
    if (source === undefined) throw cause;
    const { status } = source;
    const what = isCert ? "client certificate" : "CA bundle";
    const reason = cause instanceof Error ? cause.message : String(cause);
    const error = new SourceError(
      `Cannot use ${what} from ${status.source}: node refuses it: ${reason}`,
      "invalid",
      { cause },
    );
    if (previous === undefined) throw error;
    this.#unusable = trust;
    notify(this.#parts.onEvent, {
      type: "reload-failed",
      kind: isCert ? "client-certificate" : "ca",
      source: status.source,
      error,
      failures: status.failures,
      retryInMs: Infinity, // Until it changes.
    });
    return previous;
  }

  #retire(generation: ConnectionGeneration): void {
    if (generation.retired) return;
    const { number, trust } = generation;
    notify(this.#parts.onEvent, {
      type: "generation-retired",
      generation: number,
      fingerprint: trust.bundle?.fingerprint,
      clientCertFingerprint: trust.clientCert?.fingerprint,
    });
    generation.retire(this.#parts.drainTimeoutMs, () => this.#generations.delete(generation));
    for (const listener of this.#onRetired) listener(generation);
  }

  async #try(
    attempt: Attempt,
    options: ConnectionOptions,
    caller: AbortSignal | undefined,
  ): Promise<TLSSocket> {
    const { generation, context } = attempt;
    const { connectTimeoutMs: timeoutMs, closing } = this.#parts;
    const signal =
      caller === undefined ? closing.signal : AbortSignal.any([closing.signal, caller]);
    // Named outright: left to itself, Node would go by a `Host` header.
    const identity = identityOptions(
      options.servername || options.host || "localhost",
      this.#parts.peers.serverName,
    );
    const server = `${identity.servername} ${attempt.server}`;
    const session = context.session(server);
    const tunnel = await this.tunnel(options, signal, generation);
    let socket: TLSSocket;
    try {
      socket = await handshake(
        {
          ...options,
          ...this.settings(attempt),
          ...identity,
          ...(session && { session }),
          ...(tunnel && { socket: tunnel }),
        },
        { timeoutMs, signal, onSession: (fresh) => context.keep(server, fresh) },
      );
    } catch (error) {
      context.forget(server);
      tunnel?.destroy();
      throw error;
    }
    if (this.#closed !== undefined) {
      socket.destroy();
      throw this.#closed;
    }
    generation.preferred = context;
    generation.track(socket);
    return socket;
  }

  /** Names a refusal; any other failure is left as Node's, whose codes programs know. */
  #explain(error: unknown, { generation, server }: Attempt): unknown {
    const reason = explain(error);
    if (reason !== "unknown-authority" && reason !== "expired" && reason !== "wrong-host") {
      return error;
    }
    const { bundle } = generation.trust;
    const status = this.#parts.peers.ca?.status;
    const details = {
      reason,
      server,
      caSource: status?.source,
      fingerprint: bundle?.fingerprint,
    };
    const subjects = bundle?.anchors.map(({ subject }) => subject).join(" and ");
    const trusted =
      bundle === undefined || status === undefined
        ? "Node's default store was used"
        : `the anchors were ${subjects} from ${status.source}, read ${Math.round(status.ageMs ?? 0)} ms ago`;
    const message = `Cannot trust ${server} (${reason}): ${trusted}; ${advice[reason]}`;
    return new UntrustedServerError(message, details, { cause: error });
  }
}

const advice = {
  "unknown-authority":
    "check that this is where the CA arrives that signs the server's certificate now",
  expired:
    "its certificate, or the anchor that signed it, has expired; renew it, and check this machine's clock",
  "wrong-host": "its certificate is valid for other names; connect by a name that it carries",
} as const;

function canOpen(trust: Trust): boolean {
  try {
    openContexts(trust);
    return true;
  } catch {
    return false;
  }
}

function nameOf({ host = "localhost", port = 443 }: ConnectionOptions): string {
  return host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`;
}
