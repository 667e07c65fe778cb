/**
 * The rotation of a server: its certificate, its key and the CAs of its clients, looked at with every new connection.
 *
 * @module
 */

import { createHash } from "node:crypto";
import type { EventEmitter } from "node:events";
import type { IncomingMessage, ServerResponse } from "node:http";
import type { Http2Session } from "node:http2";
import { Server as HttpsServer } from "node:https";
import type { Duplex } from "node:stream";
import {
  type SecureContextOptions,
  type Server,
  type TLSSocket,
  createSecureContext,
} from "node:tls";
import { messageOf } from "../../src/callback.ts";
import { ClosedError, SourceError } from "../../src/errors.ts";
import { type EventListener, notify } from "../../src/events.ts";
import { ExpiryWarnings } from "../../src/rotation/expiry-warnings.ts";
import { Generation } from "../../src/rotation/generation.ts";
import { type Trust, isSameTrust, removesAnchor } from "../../src/rotation/trust.ts";
import type { Clock } from "../../src/runtime.ts";
import type { CaSource } from "../../src/sources/ca-source.ts";
import type { ServerCert, ServerCertSource } from "../../src/sources/server-cert-source.ts";
import { type ClientAnchors, allowPartialChains, selectClientAnchors } from "./client-anchors.ts";
import { isVerified, isVouchedFor, provesClient } from "./client-identity.ts";
import { HeldConnections } from "./held-connections.ts";
import { keepOwnerOut, maySkipVerification, readOwnerOptions } from "./owner-options.ts";
import type { RotatingServer, RotatingServerStatus } from "./rotating-server.ts";
import { ServedConnection, type ServerGeneration } from "./served-connection.ts";
import { TlsGate } from "./tls-gate.ts";
import { process } from "../_shared/process.ts";

/** What a server's rotation is made of. */
export interface ServerRotationParts {
  readonly server: Server;
  readonly cert: ServerCertSource;
  readonly clientCa: CaSource | undefined;
  readonly drainTimeoutMs: number;
  readonly holdTimeoutMs: number;
  readonly maxHeldConnections: number;
  readonly warnBeforeExpiryMs: readonly number[] | undefined;
  readonly onEvent: EventListener | undefined;
  readonly clock: Clock;
}

/** What a server shows, and whom it trusts. */
interface ServerTrust extends Trust {
  readonly clientCert: ServerCert;
}

/** As much as OpenSSL takes. */
const SESSION_ID_CONTEXT_BYTES = 32;

export class ServerRotation implements RotatingServer {
  readonly #parts: ServerRotationParts;
  readonly #options: SecureContextOptions;
  readonly #gate: TlsGate;
  readonly #held: HeldConnections;
  readonly #warnings: ExpiryWarnings;
  readonly #setSecureContext: Server["setSecureContext"];
  readonly #setTicketKeys: Server["setTicketKeys"];
  readonly #unsubscribe: (() => void)[] = [];
  /** What gives the server back as it was, the latest first. */
  readonly #undo: (() => void)[] = [];
  readonly #connections = new Set<ServedConnection>();
  readonly #bySocket = new WeakMap<object, ServedConnection>();
  #applied: ServerTrust | undefined;
  #anchors: ClientAnchors | undefined;
  /** What the runtime's TLS can't use, and why. */
  #unusable: { readonly trust: Trust; readonly error: SourceError } | undefined;
  #generation: ServerGeneration | undefined;
  #opened = 0;
  /** Those that have connections left of clients that are trusted no more. */
  readonly #draining = new Set<ServerGeneration>();
  #reading: Promise<void> | undefined;
  /** The connection that the server is given at this moment. */
  #admitted: ServedConnection | undefined;
  #closed = false;

  /** @throws {ConfigError} if the server can't rotate. */
  constructor(parts: ServerRotationParts) {
    const { server, clientCa } = parts;
    const hasClientCa = clientCa !== undefined;
    this.#parts = parts;
    this.#held = new HeldConnections(parts.maxHeldConnections);
    this.#warnings = new ExpiryWarnings({
      settings: { ca: clientCa, clientCert: parts.cert },
      clock: parts.clock,
      onEvent: parts.onEvent,
      warnBeforeExpiryMs: parts.warnBeforeExpiryMs,
      anchorUse: undefined,
      certEvent: "server-cert-expiring",
    });
    this.#gate = new TlsGate(server, (connection) => this.#accept(connection));
    this.#undo.unshift(() => this.#gate.remove());
    try {
      this.#options = readOwnerOptions(server, hasClientCa);
    } catch (error) {
      this.#giveBack();
      throw error;
    }
    this.#setSecureContext = server.setSecureContext.bind(server);
    this.#setTicketKeys = server.setTicketKeys.bind(server);
    this.#undo.unshift(keepOwnerOut(server, hasClientCa));
    this.#follow();
    this.#observe();
  }

  /**
   * Reads everything for the first time.
   *
   * @throws {SourceError} if something can't be read or used; the server is then as it was before.
   */
  async start(): Promise<this> {
    const read = this.#refresh();
    // Connections that come meanwhile wait for it.
    this.#reading = this.#open(read);
    try {
      await read;
      this.#apply();
      if (this.#unusable !== undefined) throw this.#unusable.error;
      return this;
    } catch (error) {
      this.#closed = true;
      for (const unsubscribe of this.#unsubscribe) unsubscribe();
      this.#dropHeld();
      this.#giveBack();
      throw error;
    }
  }

  status(): RotatingServerStatus {
    const { cert, clientCa, clock } = this.#parts;
    const applied = this.#applied;
    const { subject, notBefore, notAfter, fingerprint } = applied?.clientCert ?? {};
    const now = clock.wallNow();
    const isValid =
      notBefore !== undefined && notAfter !== undefined && notBefore <= now && now <= notAfter;
    const isStale = cert.status.stale || clientCa?.status.stale === true;
    const draining = [...this.#connections].filter(({ isRetired }) => isRetired).length;
    return {
      healthy: !this.#closed && isValid && !isStale && this.#unusable === undefined,
      closed: this.#closed,
      cert: { ...cert.status, subject, notBefore, notAfter, fingerprint },
      clientCa: clientCa && {
        ...clientCa.status,
        fingerprint: applied?.bundle?.fingerprint,
        anchors: applied?.bundle?.anchors ?? [],
      },
      unusable: this.#unusable?.error.message,
      connections: this.#connections.size - draining,
      draining,
      held: this.#held.size,
    };
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    for (const unsubscribe of this.#unsubscribe) unsubscribe();
    for (const connection of this.#held.release()) connection.destroy();
    for (const generation of this.#draining) generation.end(new ClosedError());
  }

  [Symbol.dispose](): void {
    this.close();
  }

  #follow(): void {
    const { cert, clientCa, onEvent } = this.#parts;
    for (const source of [cert, clientCa]) {
      if (source === undefined) continue;
      const unsubscribe = source.subscribe((event) => {
        notify(onEvent, event);
        // Without waiting for a connection: what is trusted no more is closed now.
        if (this.#applied !== undefined && !this.#closed) this.#apply();
      });
      this.#unsubscribe.push(unsubscribe);
    }
  }

  /** Sees requests, to know what a connection carries, and to read what has aged under long-lived ones. */
  #observe(): void {
    const server: EventEmitter = this.#parts.server;
    const onRequest = (request: IncomingMessage, response: ServerResponse): void => {
      this.#bySocket.get(request.socket)?.serve(request, response);
      this.#look();
    };
    const onSession = (session: Http2Session): void => {
      this.#admitted?.speak(session);
      session.on("stream", () => this.#look());
    };
    // A server of `node:http2` would begin to serve by requests where its owner serves streams.
    if (server instanceof HttpsServer) server.prependListener("request", onRequest);
    server.prependListener("session", onSession);
    this.#undo.unshift(() => {
      server.off("request", onRequest);
      server.off("session", onSession);
    });
  }

  #giveBack(): void {
    for (const undo of this.#undo.splice(0)) undo();
  }

  /** Takes a new connection, ahead of its handshake. */
  #accept(connection: Duplex): void {
    if (this.#closed) connection.destroy();
    else if (this.#isFresh()) this.#begin(connection);
    else {
      this.#held.add(connection);
      this.#reading ??= this.#open(this.#refresh());
    }
  }

  /** Reads what has aged, if anything has. */
  #look(): void {
    if (!this.#closed && !this.#isFresh()) this.#reading ??= this.#open(this.#refresh());
  }

  #isFresh(): boolean {
    const { cert, clientCa } = this.#parts;
    return (
      this.#applied !== undefined &&
      cert.fresh?.() !== undefined &&
      (clientCa === undefined || clientCa.fresh?.() !== undefined)
    );
  }

  async #refresh(): Promise<void> {
    const { cert, clientCa } = this.#parts;
    await Promise.all([cert.current(), clientCa?.current()]);
  }

  /** Lets connections wait for a read, at most for the time limit. Never fails. */
  async #open(read: Promise<void>): Promise<void> {
    const { clock, holdTimeoutMs } = this.#parts;
    const { promise, resolve } = Promise.withResolvers<void>();
    const cancel = clock.setTimeout(resolve, holdTimeoutMs);
    // A read that fails leaves the last good values.
    read.then(resolve, () => resolve());
    await promise;
    cancel();
    this.#reading = undefined;
    if (this.#closed) return;
    this.#apply();
    const tooMany = this.#held.takeDropped();
    if (tooMany > 0) this.#notifyDropped("too-many", tooMany);
    if (this.#applied === undefined) this.#dropHeld();
    else for (const connection of this.#held.release()) this.#begin(connection);
  }

  #dropHeld(): void {
    const held = this.#held.release();
    for (const connection of held) connection.destroy();
    if (held.length > 0) this.#notifyDropped("no-certificate", held.length);
  }

  #notifyDropped(reason: "too-many" | "no-certificate", connections: number): void {
    notify(this.#parts.onEvent, { type: "connections-dropped", reason, connections });
  }

  /** Starts the handshake of a connection under the values of this moment. */
  #begin(raw: Duplex): void {
    this.#apply();
    const generation = this.#generation;
    if (generation === undefined || this.#anchors?.pem.length === 0) raw.destroy();
    if (generation === undefined || raw.destroyed) return;
    const connection = new ServedConnection(raw, generation);
    this.#connections.add(connection);
    raw.once("close", () => this.#connections.delete(connection));
    this.#gate.start(raw, (socket, admit) => this.#confirm(connection, socket, admit));
  }

  /**
   * Judges a connection whose handshake has ended: it was begun under values that may have been replaced since. An
   * attacker who delays a handshake must not gain a connection that only a removed anchor trusts.
   */
  #confirm(connection: ServedConnection, socket: TLSSocket, admit: () => void): void {
    const judge = (): void => {
      if (!this.#isTrusted(connection, socket)) {
        connection.destroy();
        return;
      }
      this.#bySocket.set(socket, connection);
      this.#admitted = connection;
      try {
        admit();
      } finally {
        this.#admitted = undefined;
      }
    };
    if (this.#parts.clientCa === undefined || this.#isFresh()) judge();
    else {
      this.#look();
      // Outside of the promise, in which an error that a listener throws would be lost.
      void this.#reading?.then(() => process.nextTick(judge));
    }
  }

  #isTrusted(connection: ServedConnection, socket: TLSSocket): boolean {
    if (this.#closed || socket.destroyed) return false;
    this.#apply();
    const { server, clock } = this.#parts;
    const { bundle } = this.#applied ?? {};
    const begunUnder = connection.trust;
    if (this.#applied !== undefined) connection.trust = this.#applied;
    connection.socket = socket;
    if (bundle === undefined) return true;
    // The owner may want to decide by itself about clients that nobody vouches for.
    if (!isVerified(socket)) return maySkipVerification(server);
    const now = clock.wallNow();
    if (socket.isSessionReused() && !provesClient(socket, bundle, now)) return false;
    return !removesAnchor(begunUnder, connection.trust) || isVouchedFor(socket, bundle, now);
  }

  /** Uses what the sources have, if that is something else, and warns of what expires. */
  #apply(): void {
    this.#useLatest();
    if (this.#applied !== undefined) this.#warnings.check(this.#applied);
  }

  #useLatest(): void {
    const { cert, clientCa, clock } = this.#parts;
    const clientCert = cert.peek();
    const bundle = clientCa?.peek();
    if (clientCert === undefined || (clientCa !== undefined && bundle === undefined)) return;
    const trust = { bundle, clientCert };
    const now = clock.wallNow();
    const areInForce =
      this.#anchors === undefined || (this.#anchors.from < now && now <= this.#anchors.until);
    const isSame = this.#applied !== undefined && isSameTrust(this.#applied, trust);
    if (isSame) this.#unusable = undefined;
    if (isSame && areInForce) return;
    if (this.#unusable !== undefined && isSameTrust(this.#unusable.trust, trust)) return;
    try {
      this.#use(trust, now);
    } catch (cause) {
      this.#reject(trust, cause);
      return;
    }
    this.#unusable = undefined;
    if (!isSame) this.#replaceGeneration(trust);
  }

  /** Gives the server a secure context, which new connections get. */
  #use({ bundle, clientCert }: ServerTrust, now: number): void {
    const { server, clientCa } = this.#parts;
    const anchors = bundle && selectClientAnchors(bundle, now);
    const keepsSessions =
      clientCa === undefined || bundle?.fingerprint === this.#applied?.bundle?.fingerprint;
    const ticketKeys = keepsSessions ? server.getTicketKeys() : undefined;
    const { certificate: cert, key } = clientCert;
    if (anchors?.pem.length !== 0) {
      this.#setSecureContext({
        ...this.#options,
        cert,
        key,
        ...(bundle && anchors && { ca: [...anchors.pem] }),
        // Sessions that a store of the owner's has kept carry it too: by another one, they are not resumed.
        ...(bundle && { sessionIdContext: this.#sessionIdContext(bundle.fingerprint) }),
      });
      allowPartialChains(server);
      if (ticketKeys !== undefined) this.#setTicketKeys(ticketKeys);
    }
    this.#anchors = anchors;
  }

  #sessionIdContext(fingerprint: string): string {
    return createHash("sha256")
      .update(`${this.#options.sessionIdContext ?? ""} ${fingerprint}`)
      .digest("hex")
      .slice(0, SESSION_ID_CONTEXT_BYTES);
  }

  /** Keeps what is in use. */
  #reject(trust: ServerTrust, cause: unknown): void {
    const { cert, clientCa, onEvent } = this.#parts;
    const isCert = clientCa === undefined || !isUsable(trust.clientCert);
    const { status } = isCert ? cert : clientCa;
    const what = isCert ? "server certificate" : "client CA bundle";
    const message = `Cannot use ${what} from ${status.source}: TLS rejects it: ${messageOf(cause)}`;
    const error = new SourceError(message, "invalid", { cause });
    this.#unusable = { trust, error };
    if (this.#applied === undefined) return;
    notify(onEvent, {
      type: "reload-failed",
      kind: isCert ? "server-certificate" : "ca",
      source: status.source,
      error,
      failures: status.failures,
      retryInMs: Number.POSITIVE_INFINITY, // Until it changes.
    });
  }

  /** Lets connections continue, except those of clients that are trusted no more. */
  #replaceGeneration(trust: ServerTrust): void {
    const { clock, clientCa, drainTimeoutMs, onEvent } = this.#parts;
    const previous = this.#generation;
    const number = ++this.#opened;
    const generation: ServerGeneration = new Generation({
      number,
      trust,
      bodies: [undefined],
      clock,
    });
    this.#applied = trust;
    this.#generation = generation;
    if (previous === undefined) return;
    const { bundle } = trust;
    const now = clock.wallNow();
    const isChecked = bundle !== undefined && removesAnchor(previous.trust, trust);
    const untrusted: ServedConnection[] = [];
    for (const connection of this.#connections) {
      if (connection.isRetired) continue;
      const { socket } = connection;
      // One whose handshake has not ended is judged when it has.
      if (isChecked && socket && isVerified(socket) && !isVouchedFor(socket, bundle, now)) {
        untrusted.push(connection);
      } else {
        connection.moveTo(generation);
        if (socket !== undefined) connection.trust = trust;
      }
    }
    this.#draining.add(previous);
    void previous.retire(drainTimeoutMs).then(() => this.#draining.delete(previous));
    if (bundle === undefined || clientCa === undefined || untrusted.length === 0) return;
    for (const connection of untrusted) connection.retire();
    notify(onEvent, {
      type: "clients-retired",
      source: clientCa.status.source,
      fingerprint: bundle.fingerprint,
      connections: untrusted.length,
      drainTimeoutMs,
    });
  }
}

function isUsable({ certificate: cert, key }: ServerCert): boolean {
  try {
    createSecureContext({ cert, key });
    return true;
  } catch {
    return false;
  }
}
