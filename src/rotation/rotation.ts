/**
 * The rotation of trust: one generation for each state of it, whatever a generation is made of.
 *
 * When the trust changes, new requests go to a new generation and the old one is retired. When a server is
 * rejected, the anchors that were not tried yet are tried, and then the bundle is read again at once: nothing of
 * the request has been sent by then. Requests and the drop-ins for Node rotate by this one engine.
 *
 * @module
 */

import { messageOf } from "../callback.ts";
import {
  ClosedError,
  SourceError,
  type UntrustedReason,
  type UntrustedServerError,
} from "../errors.ts";
import { type EventListener, notify } from "../events.ts";
import type { Failure, Runtime, TlsSnapshot } from "../runtime.ts";
import { checkEach } from "../certificates/anchors.ts";
import { anchorGroups } from "./anchor-groups.ts";
import { AnchorUse, type CaStatus } from "./anchor-use.ts";
import { ExpiryWarnings, type WarnedDistances } from "./expiry-warnings.ts";
import { Generation, type GenerationStatus } from "./generation.ts";
import { type Trust, isSameTrust, removesAnchor } from "./trust.ts";
import type { TrustSettings } from "./trust-settings.ts";
import { isProxyRejection } from "./untrusted-server.ts";

/**
 * How many newer generations a server is tried with. Each must differ from the one that rejected it, so there is
 * a second only if the trust has changed again meanwhile.
 */
const MAX_NEWER_GENERATIONS = 6;

/** What a rotation is made of. */
export interface RotationParts<Body> {
  readonly settings: TrustSettings;
  readonly runtime: Pick<
    Runtime,
    "name" | "clock" | "triesEveryAnchor" | "checkCertificate" | "explain"
  >;
  /** How long what a retired generation carries may continue; `Infinity` for as long as it takes. */
  readonly drainTimeoutMs: number;
  readonly onEvent: EventListener | undefined;
  /** How long before a certificate expires its warnings are emitted, in milliseconds; see {@link ExpiryWarnings}. */
  readonly warnBeforeExpiryMs?: readonly number[] | undefined;
  /** What was warned of already. */
  readonly warned?: WarnedDistances | undefined;
  /** Opens what connects under some anchors. Throws if the runtime can't use a certificate. */
  open(snapshot: TlsSnapshot, trust: Trust): Body;
  /** Closes its idle connections, and resolves when the last connection is gone. */
  release(body: Body): Promise<void>;
}

/** A try at a server, and what was tried before it. */
export interface Attempt<Body> {
  readonly generation: Generation<Body>;
  /** The one of the generation's bodies to connect by. */
  readonly body: Body;
  /** The bodies whose anchors did not verify the server. */
  readonly rejectedBy: readonly Body[];
  /** How many newer generations were tried since the first attempt. */
  readonly newer: number;
}

/** A certificate was verified by anchors that have been replaced since. Nothing was sent. */
export class LateHandshakeError extends Error {
  override readonly name = "LateHandshakeError";
  readonly code = "ERR_REANCHOR_LATE_HANDSHAKE";

  constructor() {
    super("the trust changed before the handshake ended; connect again");
  }
}

const nothing: readonly never[] = [];

export class Rotation<Body> {
  readonly settings: TrustSettings;
  readonly #parts: RotationParts<Body>;
  readonly #unsubscribe: readonly (() => void)[];
  readonly #generations = new Set<Generation<Body>>();
  readonly #retiring = new Set<Promise<void>>();
  readonly #anchorUse = new AnchorUse();
  readonly #expiry: ExpiryWarnings;
  readonly #onRetired = new Set<(retired: Generation<Body>) => void>();
  #current: Generation<Body> | undefined;
  #opened = 0;
  /** A trust that the runtime can't use. */
  #unusable: Trust | undefined;
  #retired = false;
  #closed: Error | undefined;

  constructor(parts: RotationParts<Body>) {
    this.#parts = parts;
    this.settings = parts.settings;
    const { settings, onEvent, warnBeforeExpiryMs, warned, runtime } = parts;
    const anchorUse = this.#anchorUse;
    const { clock } = runtime;
    const expiry = { settings, clock, onEvent, warnBeforeExpiryMs, warned, anchorUse };
    this.#expiry = new ExpiryWarnings(expiry);
    const { ca, clientCert } = parts.settings;
    this.#unsubscribe = [ca, clientCert].flatMap((source) => {
      if (source === undefined) return [];
      return source.subscribe((event) => {
        notify(parts.onEvent, event);
        // Without waiting for a request: what has lost its trust, or its identity, is closed now.
        if (this.#current !== undefined && this.#closed === undefined) this.pick();
      });
    });
  }

  /** The open generations, the newest last. */
  get generations(): GenerationStatus[] {
    return Array.from(this.#generations, (generation) => generation.status);
  }

  /** How the CA bundle is doing; `undefined` for the runtime's own store. */
  get caStatus(): CaStatus | undefined {
    const { ca } = this.settings;
    if (ca === undefined) return undefined;
    const bundle = ca.peek();
    const anchors = this.#anchorUse.statusOf(bundle);
    return { ...ca.status, fingerprint: bundle?.fingerprint, anchors };
  }

  /** Notes the chain of a server that was verified under a trust, in DER, if the runtime reveals it. */
  noteChain({ bundle }: Trust, chain: readonly Uint8Array[]): void {
    if (bundle !== undefined)
      this.#anchorUse.note(bundle, chain, this.#parts.runtime.clock.wallNow());
  }

  /** Why it is closed; `undefined` before. */
  get closed(): Error | undefined {
    return this.#closed;
  }

  /** Whether another rotation has its place. */
  get retired(): boolean {
    return this.#retired;
  }

  /** Calls back when a generation is retired, to close idle connections that only the listener knows. */
  onRetired(listener: (retired: Generation<Body>) => void): void {
    this.#onRetired.add(listener);
  }

  /** Whether nothing has aged, so that {@link Rotation.refresh} would read nothing. */
  isFresh(): boolean {
    const { ca, clientCert, serverIdentity } = this.settings;
    return (
      serverIdentity?.isLoaded !== false &&
      (ca === undefined || ca.fresh?.() !== undefined) &&
      (clientCert === undefined || clientCert.fresh?.() !== undefined)
    );
  }

  /** Reads again what has aged. */
  async refresh(signal: AbortSignal | undefined): Promise<void> {
    const { ca, clientCert, serverIdentity } = this.settings;
    await serverIdentity?.load();
    if (ca !== undefined) await ca.current({ signal });
    if (clientCert !== undefined) await clientCert.current({ signal });
  }

  /** The generation that new requests belong to. To be used in the same turn: the next may retire it. */
  pick(): Generation<Body> {
    if (this.#closed !== undefined) throw this.#closed;
    const trust = this.#trust();
    const current = this.#current;
    const generation =
      current !== undefined && this.#serves(current, trust) ? current : this.#open(trust, current);
    this.#expiry.check(generation.trust);
    return generation;
  }

  /**
   * The first attempt at a server, or an earlier one brought up to date. To be used in the same turn.
   *
   * @param earlier An attempt that did not fail, or that {@link Rotation.next} returned.
   */
  begin(earlier?: Attempt<Body>): Attempt<Body> {
    const generation = this.pick();
    if (earlier?.generation === generation) return earlier;
    const { rejectedBy = nothing, newer = 0 } = earlier ?? {};
    return { generation, body: generation.preferred, rejectedBy, newer };
  }

  /**
   * The attempt after one that failed: by other anchors of the bundle, by a generation that has come since, or by
   * one that a reload brings.
   *
   * @returns `undefined` if every other attempt would fail as well.
   */
  async next(
    failed: Attempt<Body>,
    failure: Failure,
    signal: AbortSignal | undefined,
  ): Promise<Attempt<Body> | undefined> {
    if (failure !== "unknown-authority" && failure !== "expired") return undefined;
    const tried = { ...failed, rejectedBy: [...failed.rejectedBy, failed.body] };
    const untried = this.#untried(tried);
    if (untried !== undefined) return untried;
    const { ca } = this.settings;
    if (ca === undefined || failed.newer === MAX_NEWER_GENERATIONS) return undefined;
    await ca.reload({ signal });
    return this.#untried(tried);
  }

  /** To be called when the server's certificate was verified by an attempt. */
  verified({ generation, body, rejectedBy }: Attempt<Body>): void {
    if (rejectedBy.length > 0) generation.preferred = body;
  }

  /**
   * Whether the present trust verifies a server: `probe` connects by an attempt, and rejects if it does not.
   *
   * @returns `undefined` if an anchor vouches for the server, but as for another host.
   */
  async verifies(
    probe: (attempt: Attempt<Body>) => Promise<unknown>,
  ): Promise<boolean | undefined> {
    const { generation } = this.begin();
    for (const body of new Set([generation.preferred, ...generation.bodies])) {
      try {
        await probe({ generation, body, rejectedBy: nothing, newer: 0 });
        generation.preferred = body;
        return true;
      } catch (error) {
        // Other anchors may verify it, but not its name.
        if (this.#parts.runtime.explain(error) === "wrong-host") return undefined;
      }
    }
    return false;
  }

  /** The fingerprint of the bundle that new connections trust; `undefined` if there is none. */
  fingerprint(): string | undefined {
    try {
      return this.pick().trust.bundle?.fingerprint;
    } catch {
      return undefined;
    }
  }

  /** Whether it can ever trust others. */
  canChange(): boolean {
    const { ca } = this.settings;
    return ca !== undefined && ca.isFixed !== true;
  }

  /** Reads the bundle again, once the cooldown has passed. */
  async reload(signal: AbortSignal): Promise<void> {
    await this.settings.ca?.reload({ signal });
  }

  /**
   * Checks that a handshake did not end too late. Call it after the handshake, before anything is sent: an attacker
   * who delays a handshake must not gain a connection that only a removed anchor trusts.
   *
   * @param trust What the handshake was begun under.
   * @throws {LateHandshakeError} if the trust has changed since.
   */
  async confirm(trust: Trust): Promise<void> {
    if (!this.isFresh()) await this.refresh(undefined);
    const late = this.late(trust);
    if (late !== undefined) throw late;
  }

  /** What {@link Rotation.confirm} throws, without reading what has aged. */
  late(trust: Trust): Error | undefined {
    if (this.#closed !== undefined) return this.#closed;
    return isSameTrust(this.pick().trust, trust) ? undefined : new LateHandshakeError();
  }

  /** Whether an anchor of an earlier trust has been removed since. */
  hasRemovedAnchorOf(trust: Trust): boolean {
    return this.#current !== undefined && removesAnchor(trust, this.#current.trust);
  }

  /** The error for a server that an attempt was rejected by. */
  async untrusted(
    attempt: Attempt<Body>,
    rejection: { reason: UntrustedReason; server: string; host: string; advice?: string },
    cause: unknown,
  ): Promise<UntrustedServerError> {
    const { untrustedServerError } = await import("./once-rejected.ts");
    const { ca, serverName, proxy } = this.settings;
    const { bundle } = attempt.generation.trust;
    const rejected =
      proxy !== undefined && isProxyRejection(cause)
        ? { server: `${proxy.protocol}//${proxy.host}`, name: proxy.hostname }
        : { name: serverName ?? rejection.host };
    return untrustedServerError({ ...rejection, ...rejected, bundle, status: ca?.status }, cause);
  }

  /** Retires everything, since another rotation has this one's place. Resolves when all of it has ended. */
  async retire(): Promise<void> {
    this.#retired = true;
    await this.#retireAll();
  }

  /** Ends everything with a reason, and opens nothing any more. */
  async close(reason: Error = new ClosedError()): Promise<void> {
    this.#closed ??= reason;
    for (const generation of this.#generations) generation.end(this.#closed);
    await this.#retireAll();
  }

  async #retireAll(): Promise<void> {
    for (const unsubscribe of this.#unsubscribe) unsubscribe();
    for (const generation of this.#generations) this.#retire(generation);
    await Promise.all(this.#retiring);
  }

  #trust(): Trust {
    const { ca, clientCert } = this.settings;
    return { bundle: ca?.peek(), clientCert: clientCert?.peek() };
  }

  #serves(generation: Generation<Body>, trust: Trust): boolean {
    if (isSameTrust(generation.trust, trust)) return true;
    return this.#unusable !== undefined && isSameTrust(this.#unusable, trust);
  }

  #untried(tried: Attempt<Body>): Attempt<Body> | undefined {
    const generation = this.pick();
    const newer = generation === tried.generation ? tried.newer : tried.newer + 1;
    if (newer > MAX_NEWER_GENERATIONS) return undefined;
    const body = [generation.preferred, ...generation.bodies].find(
      (other) => !tried.rejectedBy.includes(other),
    );
    return body && { ...tried, generation, body, newer };
  }

  #open(trust: Trust, previous: Generation<Body> | undefined): Generation<Body> {
    const { onEvent, runtime } = this.#parts;
    let bodies: Generation<Body>["bodies"];
    try {
      bodies = this.#openBodies(trust);
    } catch (cause) {
      return this.#reject(trust, previous, cause);
    }
    this.#opened++;
    const number = this.#opened;
    const generation = new Generation({ number, trust, bodies, clock: runtime.clock });
    this.#unusable = undefined;
    this.#current = generation;
    this.#generations.add(generation);
    notify(onEvent, {
      type: "generation-opened",
      generation: number,
      fingerprint: trust.bundle?.fingerprint,
      clientCertFingerprint: trust.clientCert?.fingerprint,
    });
    if (previous !== undefined) this.#retire(previous);
    if (this.#retired) this.#retire(generation);
    return generation;
  }

  #openBodies(trust: Trust): [Body, ...Body[]] {
    const { runtime, open } = this.#parts;
    const { serverName, serverIdentity, insecureSkipTlsVerify, proxy } = this.settings;
    const { bundle, clientCert } = trust;
    const fixed = {
      clientCert,
      serverName,
      serverIdentity: serverIdentity?.check,
      insecureSkipTlsVerify,
      proxy,
    };
    // Of a static bundle, nobody has asked the runtime yet.
    if (bundle !== undefined) checkEach(bundle.certificates, runtime.checkCertificate);
    const groups =
      bundle === undefined || runtime.triesEveryAnchor
        ? [bundle?.certificates]
        : anchorGroups(bundle);
    const bodies: Body[] = [];
    let failure: unknown;
    for (const ca of groups) {
      try {
        bodies.push(open({ ...fixed, ca }, trust));
      } catch (cause) {
        failure ??= cause; // Others may vouch for a server, if none of these does.
      }
    }
    const [first, ...others] = bodies;
    if (first === undefined) throw failure;
    return [first, ...others];
  }

  #canOpen(trust: Trust): boolean {
    try {
      // They have no connection to wait for.
      for (const body of this.#openBodies(trust)) this.#parts.release(body).catch(() => {});
      return true;
    } catch {
      return false;
    }
  }

  /** Keeps the trust in use, or fails if there is none. */
  #reject(trust: Trust, previous: Generation<Body> | undefined, cause: unknown): Generation<Body> {
    const { ca, clientCert } = this.settings;
    const isCert =
      trust.clientCert !== undefined && this.#canOpen({ ...trust, clientCert: undefined });
    const [source, kind, what] = isCert
      ? ([clientCert, "client-certificate", "client certificate"] as const)
      : ([ca, "ca", "CA bundle"] as const);
    if (source === undefined) throw cause;
    const { status } = source;
    const reason = `${this.#parts.runtime.name} rejects it: ${messageOf(cause)}`;
    const message = `Cannot use ${what} from ${status.source}: ${reason}`;
    const error = new SourceError(message, "invalid", { cause });
    if (previous === undefined) throw error;
    this.#unusable = trust;
    notify(this.#parts.onEvent, {
      type: "reload-failed",
      kind,
      source: status.source,
      error,
      failures: status.failures,
      retryInMs: Number.POSITIVE_INFINITY, // Until it changes.
    });
    return previous;
  }

  #retire(generation: Generation<Body>): void {
    if (generation.retired) return;
    const { onEvent, drainTimeoutMs, release } = this.#parts;
    const { number, trust, bodies } = generation;
    notify(onEvent, {
      type: "generation-retired",
      generation: number,
      fingerprint: trust.bundle?.fingerprint,
      clientCertFingerprint: trust.clientCert?.fingerprint,
    });
    const drained = generation.retire(drainTimeoutMs);
    for (const listener of this.#onRetired) listener(generation);
    const retiring = Promise.all([drained, ...bodies.map((body) => release(body))])
      .catch(() => {}) // Whoever waits for a connection's requests learns of a failure by those.
      .then(() => {
        this.#generations.delete(generation);
        this.#retiring.delete(retiring);
      });
    this.#retiring.add(retiring);
  }
}
