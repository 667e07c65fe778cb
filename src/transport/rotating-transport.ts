/**
 * Where trust and requests meet: one generation of connections a snapshot of trust. When the snapshot
 * changes, new requests go to a new generation and the old one is retired; when a server is refused, the
 * bundle is read again at once and the request, of which nothing was sent, goes out again.
 *
 * @module
 */

import { sleep } from "../abort.ts";
import { messageOf } from "../callback.ts";
import { cleanCause, cleanForeignMessage } from "../clean-cause.ts";
import { ClosedError, ConnectionError, SourceError, UntrustedServerError } from "../errors.ts";
import { type EventListener, notify } from "../events.ts";
import type {
  Failure,
  Runtime,
  Transport,
  TransportOptions,
  TransportResponse,
} from "../runtime.ts";
import type { CaBundle, CaSource } from "../sources/ca-source.ts";
import { anchorGroups } from "./anchor-groups.ts";
import { Generation, type GenerationStatus, type Trust, isSameTrust } from "./generation.ts";
import type { Peers } from "./peers.ts";
import { type OutgoingRequest, canSendAgain, describe, safeMethods } from "./request.ts";

/** What a rotating transport is made of. */
export interface RotatingTransportOptions extends TransportOptions {
  readonly peers: Peers;
  /** How long a retired generation may go on; `Infinity` for as long as it takes. */
  readonly drainTimeoutMs: number;
  readonly onEvent: EventListener | undefined;
}

/**
 * A server that goes away closes all connections at once: a pool is given this long to notice the others,
 * lest the retry gets one of them.
 */
const LOST_CONNECTION_PAUSE_MS = 50;

/** Another transport has this one's place: nothing was sent, and the request belongs there. */
export class RetiredError extends Error {
  override readonly name = "RetiredError";
}

/**
 * How many times a request is sent again that was not processed (golang.org/x/net `http2/transport.go`): a
 * busy server may say GOAWAY to several connections in a row.
 */
const MAX_NOT_PROCESSED = 6;

/**
 * How many newer bundles a request is tried with. Each must differ from the one that was refused, so there
 * is a second only where the file has changed again meanwhile.
 */
const MAX_NEWER_BUNDLES = 6;

/** Which repetitions a request has had. */
interface Tried {
  newerBundles: number;
  notProcessed: number;
  lostConnection: boolean;
}

/** See the module. */
export class RotatingTransport {
  readonly #runtime: Runtime;
  readonly #options: RotatingTransportOptions;
  readonly #peers: Peers;
  readonly #unsubscribe: readonly (() => void)[];
  readonly #generations = new Set<Generation>();
  #current: Generation | undefined;
  #opened = 0;
  /** A trust that the runtime could not use. */
  #refused: Trust | undefined;
  #retired = false;
  #closed: ClosedError | undefined;

  constructor(runtime: Runtime, options: RotatingTransportOptions) {
    this.#runtime = runtime;
    this.#options = options;
    this.#peers = options.peers;
    const { ca, clientCert } = options.peers;
    this.#unsubscribe = [ca, clientCert].flatMap((source) => {
      if (source === undefined) return [];
      return source.subscribe((event) => {
        notify(options.onEvent, event);
        // Without waiting for a request: what has lost its trust, or its identity, is closed now.
        if (this.#current !== undefined && this.#closed === undefined) this.#pick();
      });
    });
  }

  /** The open generations, the newest last. */
  get generations(): GenerationStatus[] {
    return Array.from(this.#generations, (generation) => generation.status);
  }

  /** Sends a request under the trust of this moment. */
  async send(request: OutgoingRequest): Promise<TransportResponse> {
    const { signal } = request;
    const { ca, clientCert } = this.#peers;
    let tried: Tried | undefined;
    for (;;) {
      signal?.throwIfAborted();
      if (ca !== undefined && ca.fresh?.() === undefined) await ca.current({ signal });
      if (clientCert !== undefined && clientCert.fresh?.() === undefined) {
        await clientCert.current({ signal });
      }
      // Picked in one turn with its use: the newest bundle there is, and a pool that is still open.
      const generation = this.#pick();
      try {
        return await generation.send(request);
      } catch (error) {
        if (this.#closed !== undefined) throw this.#closed;
        signal?.throwIfAborted();
        tried ??= { newerBundles: 0, notProcessed: 0, lostConnection: false };
        await this.#recover(error, generation.trust.bundle, request, tried);
      }
    }
  }

  /** Takes no more requests, and gives the reason. Those in flight are ended by {@link InFlight.close}. */
  async close(reason: ClosedError = new ClosedError()): Promise<void> {
    this.#closed ??= reason;
    for (const generation of this.#generations) generation.forgetExchanges();
    await this.#retireAll();
  }

  /**
   * Takes no more requests, since another transport has its place. What is in flight ends by itself, or
   * at the drain's time limit.
   */
  async retire(): Promise<void> {
    this.#retired = true;
    await this.#retireAll();
  }

  async #retireAll(): Promise<void> {
    for (const unsubscribe of this.#unsubscribe) unsubscribe();
    await Promise.all(Array.from(this.#generations, (generation) => this.#retire(generation)));
  }

  #pick(): Generation {
    if (this.#closed !== undefined) throw this.#closed;
    if (this.#retired) throw new RetiredError("Cannot send: the config has changed");
    const trust: Trust = {
      bundle: this.#peers.ca?.peek(),
      clientCert: this.#peers.clientCert?.peek(),
    };
    const current = this.#current;
    if (current !== undefined) {
      if (isSameTrust(current.trust, trust)) return current;
      if (this.#refused !== undefined && isSameTrust(this.#refused, trust)) return current;
    }
    return this.#open(trust, current);
  }

  #open(trust: Trust, previous: Generation | undefined): Generation {
    const { onEvent, drainTimeoutMs } = this.#options;
    let generation: Generation;
    try {
      generation = new Generation({
        number: this.#opened + 1,
        trust,
        transports: this.#openTransports(trust),
        runtime: this.#runtime,
        drainTimeoutMs,
      });
    } catch (cause) {
      return this.#refuse(trust, previous, cause);
    }
    this.#opened++;
    this.#refused = undefined;
    this.#current = generation;
    this.#generations.add(generation);
    const { number } = generation;
    notify(onEvent, {
      type: "generation-opened",
      generation: number,
      fingerprint: trust.bundle?.fingerprint,
      clientCertFingerprint: trust.clientCert?.fingerprint,
    });
    if (previous !== undefined) {
      // It can't fail for lack of a pool, and whoever waits for its requests is told by those.
      this.#retire(previous).catch(() => {});
    }
    return generation;
  }

  #openTransports({ bundle, clientCert }: Trust): [Transport, ...Transport[]] {
    const runtime = this.#runtime;
    const { serverName, insecureSkipTlsVerify, proxy } = this.#peers;
    const open = (ca?: readonly string[]): Transport =>
      runtime.openTransport(
        { ca, clientCert, serverName, insecureSkipTlsVerify, proxy },
        this.#options,
      );
    const [first, ...others] =
      bundle === undefined || runtime.triesEveryAnchor
        ? [bundle?.certificates]
        : anchorGroups(bundle);
    return [open(first), ...others.map(open)];
  }

  #canOpen(trust: Trust): boolean {
    try {
      // They have no connection to wait for.
      for (const transport of this.#openTransports(trust)) transport.retire().catch(() => {});
      return true;
    } catch {
      return false;
    }
  }

  /** Goes on with the trust that is there, and fails where there is none. */
  #refuse(trust: Trust, previous: Generation | undefined, cause: unknown): Generation {
    const { ca, clientCert } = this.#peers;
    const isCert =
      trust.clientCert !== undefined && this.#canOpen({ ...trust, clientCert: undefined });
    const [source, kind, what] = isCert
      ? ([clientCert, "client-certificate", "client certificate"] as const)
      : ([ca, "ca", "CA bundle"] as const);
    if (source === undefined) throw cause;
    const reason = messageOf(cause);
    const error = new SourceError(
      `Cannot use ${what} from ${source.status.source}: ${this.#runtime.name} refuses it: ${reason}`,
      "invalid",
      { cause },
    );
    if (previous === undefined) throw error;
    this.#refused = trust;
    notify(this.#options.onEvent, {
      type: "reload-failed",
      kind,
      source: source.status.source,
      error,
      failures: source.status.failures,
      retryInMs: Number.POSITIVE_INFINITY, // Until it changes.
    });
    return previous;
  }

  async #retire(generation: Generation): Promise<void> {
    const { number, trust } = generation;
    try {
      if (!generation.status.retired) {
        notify(this.#options.onEvent, {
          type: "generation-retired",
          generation: number,
          fingerprint: trust.bundle?.fingerprint,
          clientCertFingerprint: trust.clientCert?.fingerprint,
        });
      }
      await generation.retire();
    } finally {
      this.#generations.delete(generation);
    }
  }

  /** Returns where the request is to be sent again; throws the error that the caller gets, else. */
  async #recover(
    error: unknown,
    used: CaBundle | undefined,
    request: OutgoingRequest,
    tried: Tried,
  ): Promise<void> {
    const failure = this.#runtime.explain(error);
    switch (failure) {
      case "unknown-authority":
      case "expired": {
        if (!(await this.#trustChanged(used, request, tried))) break;
        if (!canSendAgain(request.body)) {
          throw this.#untrusted(
            failure,
            used,
            request,
            error,
            "the CA bundle has changed since, but the runtime had begun to read the request's stream body, so it can't be sent again from here; send the request again, or give its body as a string or bytes",
          );
        }
        this.#notifyRetry("untrusted-server", request, 0);
        return;
      }
      case "not-processed":
      case "lost":
        if (!canSendAgain(request.body) || !mayRepeat(failure, request, tried)) break;
        this.#notifyRetry("connection-lost", request, LOST_CONNECTION_PAUSE_MS);
        await sleep(this.#runtime.clock, LOST_CONNECTION_PAUSE_MS, request.signal);
        return;
      default:
    }
    throw this.#explain(failure, error, used, request);
  }

  async #trustChanged(
    used: CaBundle | undefined,
    request: OutgoingRequest,
    tried: Tried,
  ): Promise<boolean> {
    const { ca } = this.#peers;
    if (ca === undefined) return false;
    if (tried.newerBundles === MAX_NEWER_BUNDLES) return false;
    tried.newerBundles += 1;
    if (ca.peek()?.fingerprint !== used?.fingerprint) return true;
    const bundle = await ca.reload({ signal: request.signal });
    return bundle.fingerprint !== used?.fingerprint;
  }

  #explain(
    failure: Failure,
    error: unknown,
    used: CaBundle | undefined,
    request: OutgoingRequest,
  ): unknown {
    switch (failure) {
      case "unknown-authority":
        return this.#untrusted(
          failure,
          used,
          request,
          error,
          "check that this is where the CA arrives that signs the server's certificate now",
        );
      case "expired":
        return this.#untrusted(
          failure,
          used,
          request,
          error,
          "its certificate, or the anchor that signed it, has expired; renew it, and check this machine's clock",
        );
      case "wrong-host":
        return this.#untrusted(
          failure,
          used,
          request,
          error,
          `its certificate is valid for other names than ${request.url.hostname}; connect by a name that it carries`,
        );
      case "lost": {
        const again = safeMethods.has(request.method)
          ? "again, after one retry"
          : "and the server may have acted on the request; look before you repeat it";
        const message = `Cannot ${describe(request)}: the connection was lost before the response, ${again}`;
        return new ConnectionError(message, { cause: cleanCause(error) });
      }
      case "not-processed":
      case "unreachable":
      case "other": {
        const message = `Cannot ${describe(request)}: ${rootMessage(error)}`;
        return new ConnectionError(message, { cause: cleanCause(error) });
      }
    }
  }

  #untrusted(
    reason: "unknown-authority" | "expired" | "wrong-host",
    used: CaBundle | undefined,
    request: OutgoingRequest,
    cause: unknown,
    advice: string,
  ): UntrustedServerError {
    const status = this.#peers.ca?.status;
    const details = {
      reason,
      server: request.url.origin,
      caSource: status?.source,
      fingerprint: used?.fingerprint,
    };
    const message = `Cannot trust ${request.url.origin} (${reason}): ${trusted(used, status)}; ${advice}`;
    return new UntrustedServerError(message, details, { cause: cleanCause(cause) });
  }

  #notifyRetry(
    reason: "untrusted-server" | "connection-lost",
    { method, url: { pathname: path } }: OutgoingRequest,
    delayMs: number,
  ): void {
    notify(this.#options.onEvent, { type: "retry", reason, method, path, delayMs });
  }
}

/** Whether a request may be sent again whose connection was lost; counts that it is. */
function mayRepeat(
  failure: "lost" | "not-processed",
  { method }: OutgoingRequest,
  tried: Tried,
): boolean {
  if (failure === "not-processed") {
    tried.notProcessed += 1;
    return tried.notProcessed <= MAX_NOT_PROCESSED;
  }
  if (tried.lostConnection || !safeMethods.has(method)) return false;
  tried.lostConnection = true;
  return true;
}

/** What lies at the bottom: runtimes wrap it in a "fetch failed". */
function rootMessage(error: unknown): string {
  let at = error;
  while (at instanceof Error && at.cause instanceof Error) at = at.cause;
  return cleanForeignMessage(at instanceof Error ? at.message : String(at));
}

/** Who was trusted, from where, how old. */
function trusted(used: CaBundle | undefined, status: CaSource["status"] | undefined): string {
  if (used === undefined || status === undefined) return "the runtime's default store was used";
  const anchors = used.anchors
    .slice(0, 5)
    .map(({ subject, fingerprint }) => `${subject} sha256:${fingerprint.slice(0, 16)}`);
  if (used.anchors.length > anchors.length) {
    anchors.push(`${used.anchors.length - anchors.length} more`);
  }
  const age = status.ageMs === undefined ? "" : `, read ${Math.round(status.ageMs)} ms ago`;
  const failed = status.lastError === undefined ? "" : `, last reload failed: ${status.lastError}`;
  return `the anchors were ${anchors.join(", ")} from ${status.source}${age}${failed}`;
}
