/**
 * Requests that follow the rotation of trust. One whose server is rejected, or whose connection was lost before
 * the server acted, is sent again.
 *
 * @module
 */

import { sleep } from "../abort.ts";
import { cleanCause, cleanForeignMessage } from "../clean-cause.ts";
import { type ClosedError, ConnectionError, type UntrustedReason } from "../errors.ts";
import { type EventListener, notify } from "../events.ts";
import type {
  Failure,
  Runtime,
  Transport,
  TransportOptions,
  TransportResponse,
} from "../runtime.ts";
import type { CaStatus } from "../rotation/anchor-use.ts";
import type { WarnedDistances } from "../rotation/expiry-warnings.ts";
import type { GenerationStatus } from "../rotation/generation.ts";
import { type Attempt, LateHandshakeError, Rotation } from "../rotation/rotation.ts";
import type { TrustSettings } from "../rotation/trust-settings.ts";
import type { TrustRenewal } from "../rotation/trust-renewal.ts";
import type { TrustWait } from "../rotation/trust-wait.ts";
import { isUntrusted } from "../rotation/untrusted-server.ts";
import { type OutgoingRequest, canSendAgain, describe, safeMethods } from "./request.ts";

/** What a rotating transport is made of. */
export interface RotatingTransportOptions extends TransportOptions {
  readonly settings: TrustSettings;
  /** How long a retired generation may continue; `Infinity` for as long as it takes. */
  readonly drainTimeoutMs: number;
  readonly onEvent: EventListener | undefined;
  /** See {@link RotationParts.warnBeforeExpiryMs}. */
  readonly warnBeforeExpiryMs?: readonly number[] | undefined;
  /** See {@link RotationParts.warned}. */
  readonly warned?: WarnedDistances | undefined;
  /** Told of each server that answers. */
  readonly trustWait?: TrustWait<URL> | undefined;
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

/** How often a request is sent again, by what became of its connection. */
const MAX_REPEATS = {
  /** Only for methods that ask for no change. */
  lost: 1,
  /** A busy server may send GOAWAY to several connections in a row (golang.org/x/net `http2/transport.go`). */
  "not-processed": 6,
};

type Repeats = Record<keyof typeof MAX_REPEATS, number>;

/** A request, and what its last attempt failed with. */
interface FailedRequest {
  readonly attempt: Attempt<Transport>;
  readonly error: unknown;
  readonly request: OutgoingRequest;
}

export class RotatingTransport implements TrustRenewal<URL> {
  readonly #runtime: Runtime;
  readonly #options: RotatingTransportOptions;
  readonly #rotation: Rotation<Transport>;
  readonly #isDrainLimited: boolean;

  constructor(runtime: Runtime, options: RotatingTransportOptions) {
    this.#runtime = runtime;
    this.#options = options;
    this.#isDrainLimited = Number.isFinite(options.drainTimeoutMs);
    const { settings, drainTimeoutMs, onEvent, warnBeforeExpiryMs, warned } = options;
    const rotation: Rotation<Transport> = new Rotation({
      settings,
      runtime,
      drainTimeoutMs,
      onEvent,
      warnBeforeExpiryMs,
      warned,
      open: (snapshot, trust) =>
        runtime.openTransport(snapshot, {
          ...options,
          confirm: async () => {
            if (rotation.retired) throw new LateHandshakeError();
            await rotation.confirm(trust);
          },
          onChain: (chain) => rotation.noteChain(trust, chain),
          late: () => (rotation.retired ? new LateHandshakeError() : rotation.late(trust)),
        }),
      release: (transport) => transport.retire(),
    });
    this.#rotation = rotation;
  }

  /** The open generations, the newest last. */
  get generations(): GenerationStatus[] {
    return this.#rotation.generations;
  }

  /** How the CA bundle is doing; `undefined` for the runtime's own store. */
  get caStatus(): CaStatus | undefined {
    return this.#rotation.caStatus;
  }

  /** Sends a request under the trust of this moment. */
  async send(request: OutgoingRequest): Promise<TransportResponse> {
    const rotation = this.#rotation;
    const { signal } = request;
    let attempt: Attempt<Transport> | undefined;
    let repeats: Repeats | undefined;
    for (;;) {
      signal?.throwIfAborted();
      if (!rotation.isFresh()) await rotation.refresh(signal);
      if (rotation.retired) throw new RetiredError("Cannot send: the config has changed");
      attempt = rotation.begin(attempt);
      try {
        // On a connection that no server can have given up meanwhile.
        const isFresh = repeats !== undefined && repeats.lost > 0;
        const sent = isFresh ? { ...request, isFresh } : request;
        const response = await this.#sendBy(attempt, sent);
        rotation.verified(attempt);
        this.#options.trustWait?.verified(request.url.host);
        return response;
      } catch (error) {
        if (rotation.closed !== undefined) throw rotation.closed;
        signal?.throwIfAborted();
        repeats ??= { lost: 0, "not-processed": 0 };
        attempt = await this.#recover({ attempt, error, request }, repeats);
      }
    }
  }

  /** The generation that a new connection would belong to, after what has aged was read again. */
  async generation(signal: AbortSignal | undefined): Promise<unknown> {
    if (!this.#rotation.isFresh()) await this.#rotation.refresh(signal);
    return this.#rotation.pick();
  }

  hostOf(url: URL): string {
    return url.host;
  }

  canChange(): boolean {
    return this.#rotation.canChange();
  }

  fingerprint(): string | undefined {
    return this.#rotation.fingerprint();
  }

  async reload(signal: AbortSignal): Promise<void> {
    await this.#rotation.reload(signal);
  }

  async probe(url: URL, signal: AbortSignal): Promise<boolean | undefined> {
    return await this.#rotation.verifies(async ({ body }) => await body.probe?.(url.href, signal));
  }

  async prepare(): Promise<void> {
    await this.#rotation.pick().preferred.prepareProbe?.();
  }

  /** Takes no more requests, and gives the reason. Those in flight are ended by {@link InFlight.close}. */
  async close(reason?: ClosedError): Promise<void> {
    await this.#rotation.close(reason);
  }

  /**
   * Takes no more requests, since another transport has its place. What is in flight ends by itself, or
   * at the drain's time limit.
   */
  async retire(): Promise<void> {
    await this.#rotation.retire();
  }

  #sendBy(
    { generation, body }: Attempt<Transport>,
    request: OutgoingRequest,
  ): Promise<TransportResponse> {
    const sent = request.sendBy?.(body, request) ?? body.send(request.url.href, request);
    if (!this.#isDrainLimited && request.sendBy === undefined) return sent;
    // Counted, to know what the time limit is to end, and what no pool knows of.
    const ended = generation.carry((reason) => request.flight?.end(reason));
    return sent.then(
      (response) => {
        response.onEnd(ended, true);
        return response;
      },
      (error: unknown) => {
        ended();
        throw error;
      },
    );
  }

  /** The attempt to continue from; `undefined` for a first one. Throws the error that the caller gets, if there is none. */
  async #recover(failed: FailedRequest, repeats: Repeats): Promise<Attempt<Transport> | undefined> {
    const { attempt, error, request } = failed;
    const { signal, body } = request;
    const failure = this.#runtime.explain(error);
    switch (failure) {
      case "unknown-authority":
      case "expired": {
        const next = await this.#rotation.next(attempt, failure, signal);
        if (next === undefined) break;
        if (!canSendAgain(body)) {
          const advice =
            "the CA bundle has changed since, but the runtime had begun to read the request's stream body, so it can't be sent again from here; send the request again, or give its body as a string or bytes";
          throw await this.#untrusted(failed, { reason: failure, advice });
        }
        if (next.generation !== attempt.generation) {
          this.#notifyRetry("untrusted-server", request, 0);
        }
        return next;
      }
      case "late-handshake":
        if (canSendAgain(body)) return undefined;
        break;
      case "lost":
      case "not-processed":
        if (!mayRepeat(failure, request, repeats)) break;
        repeats[failure] += 1;
        this.#notifyRetry("connection-lost", request, LOST_CONNECTION_PAUSE_MS);
        await sleep(this.#runtime.clock, LOST_CONNECTION_PAUSE_MS, signal);
        return attempt;
      default:
    }
    if (isUntrusted(failure)) throw await this.#untrusted(failed, { reason: failure });
    throw connectionError(failure, request, error);
  }

  async #untrusted(
    { attempt, error, request: { url } }: FailedRequest,
    why: { readonly reason: UntrustedReason; readonly advice?: string },
  ): Promise<Error> {
    const rejection = { server: url.origin, host: url.hostname, ...why };
    return await this.#rotation.untrusted(attempt, rejection, error);
  }

  #notifyRetry(
    reason: "untrusted-server" | "connection-lost",
    { method, url: { pathname: path } }: OutgoingRequest,
    delayMs: number,
  ): void {
    notify(this.#options.onEvent, { type: "retry", reason, method, path, delayMs });
  }
}

/** Whether a request may be sent again whose connection was lost. */
function mayRepeat(
  failure: keyof Repeats,
  { method, body, sendBy }: OutgoingRequest,
  repeats: Repeats,
): boolean {
  if (sendBy !== undefined) return false;
  if (failure === "lost" && !safeMethods.has(method)) return false;
  return repeats[failure] < MAX_REPEATS[failure] && canSendAgain(body);
}

function connectionError(
  failure: Failure,
  request: OutgoingRequest,
  cause: unknown,
): ConnectionError {
  let reason = rootMessage(cause);
  if (failure === "lost") {
    const again =
      safeMethods.has(request.method) && request.sendBy === undefined
        ? "again, after one retry"
        : "and the server may have acted on the request; look before you repeat it";
    reason = `the connection was lost before the response, ${again}`;
  }
  return new ConnectionError(`Cannot ${describe(request)}: ${reason}`, {
    cause: cleanCause(cause),
  });
}

/** What lies at the bottom, as runtimes wrap it in a "fetch failed", unless a proxy is named on the way. */
function rootMessage(error: unknown): string {
  let at = error;
  while (at instanceof Error && at.name !== "ProxyError" && at.cause instanceof Error)
    at = at.cause;
  return cleanForeignMessage(at instanceof Error ? at.message : String(at));
}
