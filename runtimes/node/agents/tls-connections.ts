/**
 * TLS connections of the drop-ins, which follow the rotation of trust. If a server is rejected, they connect
 * again: nothing of a request has been sent by then, so any request may follow.
 *
 * @module
 */

import type { Socket } from "node:net";
import type { Duplex } from "node:stream";
import type { ConnectionOptions, PeerCertificate, SecureContext, TLSSocket } from "node:tls";
import { orAborted } from "../../../src/abort.ts";
import { expectedName, sniOf } from "../../../src/certificates/server-name.ts";
import { UntrustedServerError } from "../../../src/errors.ts";
import { type EventListener, notify } from "../../../src/events.ts";
import type { CaStatus } from "../../../src/rotation/anchor-use.ts";
import type { Generation, GenerationStatus } from "../../../src/rotation/generation.ts";
import {
  type Attempt as AttemptBy,
  LateHandshakeError,
  Rotation,
} from "../../../src/rotation/rotation.ts";
import type { TrustSettings } from "../../../src/rotation/trust-settings.ts";
import type {
  TrustRenewal,
  TrustWaitStatus,
  TrustingRequest,
} from "../../../src/rotation/trust-renewal.ts";
import { TrustWait } from "../../../src/rotation/trust-wait.ts";
import { isUntrusted } from "../../../src/rotation/untrusted-server.ts";
import { replaceRejected } from "../../../src/sources/replace-rejected.ts";
import type { SourceStatus } from "../../../src/sources/source.ts";
import { chainOf, checkIdentity } from "../../_shared/server-identity.ts";
import { explain } from "../undici-errors.ts";
import { nodeRuntime } from "../runtime.ts";
import { handshake, openWithin } from "../handshake.ts";
import { rejectTrustOverrides } from "./trust-overrides.ts";
import { TrustContext } from "./trust-context.ts";

/** How a drop-in is doing. */
export interface AgentStatus {
  /** The CA bundle; `undefined` if Node's own store is used. */
  readonly ca: CaStatus | undefined;
  /** The client certificate; `undefined` if there is none. */
  readonly clientCert: SourceStatus | undefined;
  /** The trust in use, and replaced ones that still have connections. */
  readonly generations: readonly GenerationStatus[];
  /** The servers that connections wait for, since they are not trusted for a while; see `trustWaitMs`. */
  readonly waitingForTrust: readonly TrustWaitStatus[];
}

/** What a TLS connection needs under one trust, to be spread into the options of `node:tls`. */
export interface TlsSettings {
  /** The anchors, and the client certificate with its key. */
  readonly secureContext: SecureContext;
  /** Whether a server that no anchor vouches for is rejected. */
  readonly rejectUnauthorized: boolean;
  /** Whether a certificate is for the host, or for the `serverName` of the options. */
  readonly checkServerIdentity: (host: string, certificate: PeerCertificate) => Error | undefined;
  /** What is asked for by SNI, where there is a `serverName`. */
  readonly servername?: string;
  /**
   * Empty, so that what keeps TLS sessions, as Node's and undici's agents do, resumes none: a server that resumes a
   * session is not verified, and the anchor that verified it may have been removed.
   */
  readonly session: Buffer;
}

/** No TLS session at all, also for what has one of its own. */
export const noSession: Buffer = Buffer.alloc(0);

/** What connections are made of. */
export interface ConnectionParts {
  readonly settings: TrustSettings;
  readonly connectTimeoutMs: number;
  readonly drainTimeoutMs: number;
  readonly trustWaitMs: number;
  readonly onEvent: EventListener | undefined;
  /** See {@link AgentOptions.warnBeforeExpiryMs}. */
  readonly warnBeforeExpiryMs: readonly number[] | undefined;
}

/** Opens what TLS is to be spoken over, for one attempt. Ends it when the signal is aborted. */
export type StreamOpener = (signal: AbortSignal) => Promise<Duplex>;

/** What bounds a connection, and what it stands on. */
export interface ConnectTerms {
  /** Ends the attempt. */
  readonly signal?: AbortSignal | undefined;
  /** @default a connection to the host and port, through the proxy if there is one */
  readonly openStream?: StreamOpener | undefined;
}

/** A generation of secure contexts. */
export type ContextGeneration = Generation<TrustContext>;

/** A try at a server by one of the contexts. */
export type Attempt = AttemptBy<TrustContext>;

/** How a server is reached. */
interface ConnectTarget extends Pick<ConnectTerms, "openStream"> {
  readonly options: ConnectionOptions;
}

/** A connection whose server was rejected. */
export type TrustingConnection = TrustingRequest;

export class TlsConnections {
  readonly #parts: ConnectionParts;
  readonly #rotation: Rotation<TrustContext>;
  readonly #trustWait: TrustWait<ConnectTarget>;
  readonly #closing = new AbortController();

  constructor(parts: ConnectionParts) {
    this.#parts = parts;
    this.#rotation = new Rotation({
      ...parts,
      runtime: nodeRuntime,
      open: ({ ca, clientCert }) => new TrustContext(ca, clientCert),
      release: async () => {}, // Idle connections are closed by the agents, whose they are.
    });
    const renewal: TrustRenewal<ConnectTarget> = {
      hostOf: ({ options }) => nameOf(options),
      canChange: () => this.#rotation.canChange(),
      fingerprint: () => this.#rotation.fingerprint(),
      reload: async (signal) => await this.#rotation.reload(signal),
      probe: async ({ options, openStream }, signal) =>
        await this.#rotation.verifies(async (attempt) => {
          const socket = await this.#try(attempt, options, { signal, openStream });
          socket.on("error", () => {}).destroySoon();
        }),
    };
    this.#trustWait = new TrustWait({
      clock: nodeRuntime.clock,
      limitMs: parts.trustWaitMs,
      onEvent: parts.onEvent,
      renewal: () => renewal,
    });
  }

  get status(): AgentStatus {
    const { clientCert } = this.#parts.settings;
    return {
      ca: this.#rotation.caStatus,
      clientCert: clientCert?.status,
      generations: this.#rotation.generations,
      waitingForTrust: this.#trustWait.status,
    };
  }

  /** Why they are closed; `undefined` while they are not. */
  get closed(): Error | undefined {
    return this.#rotation.closed;
  }

  /** Calls back when a generation gets no more requests, to close its idle connections. */
  onRetired(listener: (retired: ContextGeneration) => void): void {
    this.#rotation.onRetired(listener);
  }

  /** Whether nothing has aged, so that {@link TlsConnections.refresh} would read nothing. */
  isFresh(): boolean {
    return this.#rotation.isFresh();
  }

  /** Reads again what has aged. */
  async refresh(): Promise<void> {
    const { signal } = this.#closing;
    signal.throwIfAborted();
    await this.#rotation.refresh(signal);
  }

  /** The generation that new requests belong to in this turn. */
  pick(): ContextGeneration {
    return this.#rotation.pick();
  }

  /** The first attempt at a server. */
  async first(): Promise<Attempt> {
    await this.refresh();
    return this.#rotation.begin();
  }

  /** The attempt after one that failed; `undefined` if another one would fail as well. */
  async next(failed: Attempt, error: unknown, server = ""): Promise<Attempt | undefined> {
    const failure = explain(error);
    if (failure === "late-handshake") return await this.first();
    const next = await this.#rotation.next(failed, failure, this.#closing.signal);
    if (next !== undefined && next.generation !== failed.generation) {
      this.#notifyRetry("untrusted-server", "CONNECT", server);
    }
    return next;
  }

  /**
   * The first attempt after a wait for trust, at a server whose address only the program knows.
   *
   * @returns `undefined` if there is nothing to wait for, or its time is up.
   */
  async nextTrusted(
    failed: Attempt,
    error: unknown,
    trusting: TrustingConnection,
  ): Promise<Attempt | undefined> {
    const { serverName = "a server" } = this.#parts.settings;
    const rejection = await this.#rejectionOf(error, failed, {
      server: serverName,
      host: serverName,
    });
    if (rejection === undefined) return undefined;
    try {
      await trusting.wait(rejection);
    } catch (reason) {
      if (reason instanceof UntrustedServerError) return undefined;
      throw reason;
    } finally {
      // What comes of its next connection, only the program knows.
      trusting.done();
    }
    return await this.first();
  }

  /**
   * The waits of one connection for trust.
   *
   * @param target Where its server is; `undefined` if only the program knows.
   */
  trusting(target: ConnectTarget | undefined, signal?: AbortSignal): TrustingConnection {
    const closing = this.#closing.signal;
    const either = signal === undefined ? closing : AbortSignal.any([closing, signal]);
    return this.#trustWait.request(target, either);
  }

  /** Whether servers go unverified. */
  get insecure(): boolean {
    return this.#parts.settings.insecureSkipTlsVerify;
  }

  /** Whom to trust, what to show, and through which proxy. */
  get trustSettings(): TrustSettings {
    return this.#parts.settings;
  }

  /** Notes that a server was verified whose address only the program knows. */
  noteTrusted(): void {
    this.#trustWait.verified("");
  }

  /** Notes a chain that was verified under a trust. */
  noteChain(trust: ContextGeneration["trust"], chain: readonly Uint8Array[]): void {
    this.#rotation.noteChain(trust, chain);
  }

  /** Reads the bundle again without waiting for it, and what else has aged. */
  reloadSoon(): void {
    const { ca, clientCert } = this.#parts.settings;
    const { signal } = this.#closing;
    if (signal.aborted) return;
    // The sources emit their failures.
    ca?.reload({ signal }).catch(() => {});
    clientCert?.current({ signal }).catch(() => {});
  }

  /**
   * Connects, under the trust of this moment or of the one after.
   *
   * @throws {ConfigError} if the options would give the connection a trust of its own.
   */
  async connect(options: ConnectionOptions, terms: ConnectTerms = {}): Promise<TLSSocket> {
    const { signal } = terms;
    const server = nameOf(options);
    let attempt = await orAborted(this.first(), signal);
    let trusting: TrustingConnection | undefined;
    try {
      for (;;) {
        try {
          return await this.#try(attempt, options, terms);
        } catch (error) {
          if (this.closed !== undefined) throw this.closed;
          signal?.throwIfAborted();
          const next = await orAborted(this.next(attempt, error, server), signal);
          if (next === undefined) {
            const rejection = await this.#rejectionOf(error, attempt, {
              server,
              host: hostOf(options),
            });
            // Any other failure is left as Node's, whose codes programs know.
            if (rejection === undefined) throw error;
            trusting ??= this.trusting({ options, openStream: terms.openStream }, signal);
            await trusting.wait(rejection);
          }
          attempt = next === undefined ? await this.first() : this.#rotation.begin(next);
        }
      }
    } finally {
      trusting?.done();
    }
  }

  /**
   * What an attempt takes of `node:tls`.
   *
   * @param onVerified Called when it has verified a server's chain.
   */
  settings(attempt: Attempt, onVerified?: () => void): TlsSettings {
    const { serverName, serverIdentity, insecureSkipTlsVerify } = this.#parts.settings;
    return {
      secureContext: attempt.body.secureContext,
      rejectUnauthorized: !insecureSkipTlsVerify,
      checkServerIdentity: (host, certificate) => {
        // Called once the chain is verified, by anchors that may have been removed during the handshake.
        if (this.#rotation.hasRemovedAnchorOf(attempt.generation.trust)) {
          return new LateHandshakeError();
        }
        this.#rotation.verified(attempt);
        onVerified?.();
        const refusal = checkIdentity(
          expectedName(host, serverName),
          certificate,
          serverIdentity?.check,
        );
        if (refusal !== undefined) return refusal;
        const chain = chainOf(certificate);
        attempt.body.note(chain);
        this.#rotation.noteChain(attempt.generation.trust, chain);
        return undefined;
      },
      session: noSession,
      ...(serverName !== undefined && { servername: sniOf(serverName) }),
    };
  }

  /** A connection to a server through the proxy; `undefined` if there is none to go through. */
  async tunnel(
    { host = "localhost", port = 443 }: ConnectionOptions,
    signal: AbortSignal = this.#closing.signal,
    { trust }: ContextGeneration = this.pick(),
  ): Promise<Socket | undefined> {
    const { settings, connectTimeoutMs: timeoutMs } = this.#parts;
    const { proxy } = settings;
    if (proxy === undefined) return undefined;
    // Loaded where there is a proxy.
    const { openTunnel } = await import("../tunnel.ts");
    const ca = trust.bundle?.certificates;
    const confirm = async (): Promise<void> => await this.#rotation.confirm(trust);
    return await openTunnel({ proxy, host, port, ca, timeoutMs, signal, confirm });
  }

  /** Counts a connection among those of a generation: by default, of the one in use. */
  track(socket: Socket, generation: ContextGeneration = this.pick()): void {
    const ended = generation.carry((reason) => {
      // Without a listener, as an idle one may be, an error would end the process.
      if (socket.listenerCount("error") === 0) socket.destroy();
      else socket.destroy(reason);
    });
    socket.once("close", ended);
  }

  /**
   * To be called when the server answered a request with 401, which it does for a client certificate that has
   * expired: reads the client certificate again.
   *
   * @param used The generation that the request was sent by.
   * @param beganAt When it began, by the monotonic clock.
   * @returns Whether there is another client certificate.
   */
  async reloadClientCert({ trust }: ContextGeneration, beganAt: number): Promise<boolean> {
    const { clientCert } = this.#parts.settings;
    if (clientCert === undefined) return false;
    const { signal } = this.#closing;
    const used = trust.clientCert;
    return (await replaceRejected(clientCert, { used, beganAt, signal })) !== used;
  }

  /** Emits that a request is sent again with another client certificate. */
  notifyUnauthorized(method: string, path: string): void {
    this.#notifyRetry("unauthorized", method, path);
  }

  /** Gets no more requests, since others have its place: what it carries ends by itself. */
  retire(): void {
    void this.#rotation.retire();
  }

  /** Ends every connection and every attempt at one. */
  close(reason?: Error): void {
    if (this.closed !== undefined) return;
    void this.#rotation.close(reason);
    this.#closing.abort(this.closed);
  }

  async #try(
    attempt: Attempt,
    options: ConnectionOptions,
    { signal: caller, openStream }: ConnectTerms,
  ): Promise<TLSSocket> {
    const { generation, body: context } = attempt;
    const { connectTimeoutMs: timeoutMs } = this.#parts;
    const closing = this.#closing.signal;
    const signal = caller === undefined ? closing : AbortSignal.any([closing, caller]);
    // Named outright: left to itself, Node would go by a `Host` header.
    const host = hostOf(options);
    const servername = sniOf(expectedName(host, this.#parts.settings.serverName));
    const hardening = rejectTrustOverrides(options, this.insecure);
    // A session carries on what was agreed on.
    const server = `${servername} ${nameOf(options)} ${JSON.stringify(hardening)}`;
    const session = context.session(server);
    const stream = await (openStream === undefined
      ? this.tunnel(options, signal, generation)
      : openWithin(openStream, { timeoutMs, signal, target: options }));
    let socket: TLSSocket;
    try {
      socket = await handshake(
        {
          ...options,
          ...this.settings(attempt),
          ...(hardening && { secureContext: context.hardened(hardening) }),
          servername,
          session,
          ...(stream && { socket: stream }),
        },
        { timeoutMs, signal, onSession: (fresh) => context.keep(server, fresh) },
      );
    } catch (error) {
      context.forget(server);
      stream?.destroy();
      throw error;
    }
    try {
      await this.#rotation.confirm(generation.trust);
    } catch (error) {
      socket.destroy();
      throw error;
    }
    this.#rotation.verified(attempt);
    this.#trustWait.verified(nameOf(options));
    this.track(socket, generation);
    return socket;
  }

  /** The error of a server that an attempt was rejected by; `undefined` if it failed by something else. */
  async #rejectionOf(
    error: unknown,
    attempt: Attempt,
    names: { readonly server: string; readonly host: string },
  ): Promise<UntrustedServerError | undefined> {
    const reason = explain(error);
    if (!isUntrusted(reason)) return undefined;
    return await this.#rotation.untrusted(attempt, { reason, ...names }, error);
  }

  #notifyRetry(reason: "untrusted-server" | "unauthorized", method: string, path: string): void {
    notify(this.#parts.onEvent, { type: "retry", reason, method, path, delayMs: 0 });
  }
}

function hostOf({ servername, host }: ConnectionOptions): string {
  return servername || host || "localhost";
}

function nameOf({ host = "localhost", port = 443 }: ConnectionOptions): string {
  return host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`;
}
