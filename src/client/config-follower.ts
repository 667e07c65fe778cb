/**
 * Follows a config that may change, such as a kubeconfig: requests from then on go by the new one, and what
 * is in flight ends by the old.
 *
 * @module
 */

import { orAborted } from "../abort.ts";
import type { ClusterConfig } from "../config/cluster-config.ts";
import { ClosedError, ReanchorError, SourceError, UntrustedServerError } from "../errors.ts";
import { notify } from "../events.ts";
import type { Runtime, TransportResponse } from "../runtime.ts";
import type { Source } from "../sources/source.ts";
import type { TrustRenewal, TrustWaitStatus } from "../rotation/trust-renewal.ts";
import { mayRetryUnauthorized } from "../transport/authorize.ts";
import type { Answer, OpenedAnswer } from "../transport/flight.ts";
import type { InFlight } from "../transport/in-flight.ts";
import { type OutgoingRequest, type Send, canSendAgain } from "../transport/request.ts";
import { RetiredError } from "../transport/rotating-transport.ts";
import { openInFlight } from "../transport/transport-settings.ts";
import { Addresses } from "./addresses.ts";
import {
  type ClusterConnection,
  type ConnectionSettings,
  openClusterConnection,
} from "./cluster-connection.ts";
import { Health } from "./health.ts";

/** How long a config that can't be used is left alone before it is tried again. */
const REFUSED_RETRY_MS = 1_000;

/** What is followed. */
export interface ConfigFollowerOptions {
  readonly runtime: Runtime;
  readonly config: ClusterConfig | Source<ClusterConfig>;
  readonly settings: ConnectionSettings;
}

interface ConfigFollowerParts extends Omit<ConfigFollowerOptions, "config"> {
  readonly connection: ClusterConnection;
  readonly inFlight: InFlight;
  readonly health: Health;
  readonly configs: Source<ClusterConfig> | undefined;
}

/** A request that was sent, and by which connection. */
interface SentRequest {
  readonly used: ClusterConnection;
  /** By the monotonic clock. */
  readonly beganAt: number;
  readonly signal: AbortSignal | undefined;
}

export class ConfigFollower implements TrustRenewal<URL> {
  readonly #runtime: Runtime;
  readonly #settings: ConnectionSettings;
  /** `undefined` if the config never changes. */
  readonly #configs: Source<ClusterConfig> | undefined;
  readonly #open = new Set<ClusterConnection>();
  /** How the requests of all connections went. */
  readonly health: Health;
  /** Those of all connections, since a retired one may still have some. */
  readonly #inFlight: InFlight;
  readonly #unsubscribe: (() => void) | undefined;
  readonly #addresses = new Addresses();
  #current: ClusterConnection;
  #moving: Promise<void> | undefined;
  #refused: { readonly config: ClusterConfig; readonly retryAt: number } | undefined;
  #closed = false;

  private constructor({
    runtime,
    settings,
    connection,
    inFlight,
    health,
    configs,
  }: ConfigFollowerParts) {
    this.health = health;
    this.#runtime = runtime;
    this.#settings = settings;
    this.#configs = configs;
    this.#current = connection;
    this.#inFlight = inFlight;
    this.#open.add(connection);
    this.#unsubscribe = configs?.subscribe((event) => notify(settings.onEvent, event));
  }

  /** Opens the first connection. */
  static async open({ runtime, config, settings }: ConfigFollowerOptions): Promise<ConfigFollower> {
    const configs = isSource(config) ? config : undefined;
    const first = isSource(config) ? await config.current() : config;
    const health = new Health(runtime.clock);
    const inFlight = openInFlight(runtime, settings, { renewal: () => follower, observer: health });
    const parts = { runtime, settings, inFlight };
    const connection = await openClusterConnection({ ...parts, config: first });
    const follower = new ConfigFollower({ ...parts, connection, health, configs });
    return follower;
  }

  get closed(): boolean {
    return this.#closed;
  }

  /** Aborted when they are closed. */
  get closing(): AbortSignal {
    return this.#inFlight.closing;
  }

  /** How the config is doing; `undefined` if it never changes. */
  get status(): Source<ClusterConfig>["status"] | undefined {
    return this.#configs?.status;
  }

  /** The server that requests wait for; see {@link ClientStatus.waitingForTrust}. */
  get waitingForTrust(): TrustWaitStatus[] {
    return this.#inFlight.trustWait?.status ?? [];
  }

  /** The connection of this moment, with no I/O. */
  peek(): ClusterConnection {
    return this.#current;
  }

  /**
   * The URL that an address means on the present server.
   *
   * @throws {TypeError} if it is none of the server's.
   */
  resolve(address: string): URL {
    return this.#addresses.resolve(address, this.#current.server);
  }

  /**
   * Sends a request by the present config, which is read again where it has aged. A request that this config
   * fails is sent by the next one, where there is one.
   *
   * @param address Where it goes, on whichever server.
   */
  send(request: OutgoingRequest, address: string): Promise<TransportResponse> {
    return this.#inFlight.send(request, this.#sender(address));
  }

  /** As {@link ConfigFollower.send}, and reads an error; see {@link InFlight.open}. */
  open(request: OutgoingRequest, address: string): Promise<OpenedAnswer> {
    return this.#inFlight.open(request, this.#sender(address));
  }

  /** As {@link ConfigFollower.send}, and reads the whole answer; see {@link InFlight.read}. */
  read(request: OutgoingRequest, address: string, maxResponseBytes: number): Promise<Answer> {
    return this.#inFlight.read(request, this.#sender(address), maxResponseBytes);
  }

  /** What a new connection would be made under, after what has aged was read again. */
  async generation(signal: AbortSignal | undefined): Promise<unknown> {
    const configs = this.#configs;
    if (configs !== undefined) {
      await configs.current({ signal });
      await this.#follow(configs, signal);
    }
    return await this.#current.generation(signal);
  }

  hostOf(): string {
    return this.#current.server.host;
  }

  canChange(): boolean {
    const configs = this.#configs;
    return (configs !== undefined && configs.isFixed !== true) || this.#current.trust.canChange();
  }

  fingerprint(): string | undefined {
    return this.#current.trust.fingerprint();
  }

  async reload(signal: AbortSignal): Promise<void> {
    const configs = this.#configs?.isFixed === true ? undefined : this.#configs;
    await Promise.all([configs?.reload({ signal }), this.#current.trust.reload(signal)]);
    if (configs !== undefined) await this.#follow(configs, signal);
  }

  async probe(_: URL, signal: AbortSignal): Promise<boolean | undefined> {
    const { server, trust } = this.#current;
    return await trust.probe(server, signal);
  }

  async prepare(): Promise<void> {
    await this.#current.trust.prepare?.();
  }

  #sender(address: string): Send {
    const configs = this.#configs;
    if (configs === undefined) return this.#current.send;
    return (timed) => this.#sendBy(configs, timed, address);
  }

  async #sendBy(
    configs: Source<ClusterConfig>,
    request: OutgoingRequest,
    address: string,
  ): Promise<TransportResponse> {
    const { signal } = request;
    const beganAt = this.#runtime.clock.now();
    await configs.current({ signal });
    await this.#follow(configs, signal);
    for (let refused = false; ;) {
      const used = this.#current;
      const url = this.resolve(address);
      // A copy, since every step of the way may add what is this config's alone.
      const attempt = { ...request, url };
      const outcome = await used.send(attempt).catch(toOutcome);
      // Nothing was sent then, and the request belongs to the connection that has this one's place.
      const wasRetired = outcome instanceof RetiredError;
      const mayGoOn = (wasRetired || !refused) && mayMend(outcome, attempt);
      if (!mayGoOn || !(await this.#renew(configs, { used, beganAt, signal }))) {
        if (outcome instanceof Error) throw outcome;
        return outcome;
      }
      if (!(outcome instanceof Error)) await outcome.discard();
      refused ||= !wasRetired;
    }
  }

  /** Whether the config has changed since the request began, and with it the connection that it used. */
  async #renew(
    configs: Source<ClusterConfig>,
    { used, beganAt, signal }: SentRequest,
  ): Promise<boolean> {
    if (this.#current === used) {
      // What was read since then is as new as it gets.
      await configs.reload({ signal, since: beganAt });
      await this.#follow(configs, signal);
    }
    return this.#current !== used;
  }

  /** Ends every connection, the retired ones too. */
  async close(): Promise<void> {
    this.#closed = true;
    this.#unsubscribe?.();
    this.#inFlight.close(new ClosedError());
    await Promise.all(Array.from(this.#open, (connection) => connection.close()));
  }

  /** Goes over to the newest config, unless that was found unusable just now. */
  async #follow(configs: Source<ClusterConfig>, signal: AbortSignal | undefined): Promise<void> {
    for (;;) {
      const config = configs.peek();
      if (config === undefined || config === this.#current.config) return;
      const refused = this.#refused;
      if (refused?.config === config && this.#runtime.clock.now() < refused.retryAt) return;
      this.#moving ??= this.#move(config).finally(() => {
        this.#moving = undefined;
      });
      await orAborted(this.#moving, signal);
    }
  }

  async #move(config: ClusterConfig): Promise<void> {
    const previous = this.#current;
    let next: ClusterConnection;
    try {
      next = await openClusterConnection({
        runtime: this.#runtime,
        config,
        settings: this.#settings,
        inFlight: this.#inFlight,
      });
    } catch (cause) {
      this.#refuse(config, cause);
      return;
    }
    this.#open.add(next);
    if (this.#closed) {
      await next.close();
      throw new ClosedError();
    }
    this.#refused = undefined;
    this.#current = next;
    if (next.server.host !== previous.server.host) this.#inFlight.trustWait?.release();
    const retired = previous.retire().finally(() => this.#open.delete(previous));
    retired.catch(() => {}); // Callers of its requests learn it from those.
  }

  /** Goes on by the config that could be used. */
  #refuse(config: ClusterConfig, cause: unknown): void {
    if (!(cause instanceof ReanchorError) || this.#configs === undefined) throw cause;
    this.#refused = { config, retryAt: this.#runtime.clock.now() + REFUSED_RETRY_MS };
    const { source, failures } = this.#configs.status;
    const error = new SourceError(`Cannot use ${source}: ${cause.message}`, "invalid", { cause });
    notify(this.#settings.onEvent, {
      type: "reload-failed",
      kind: "kubeconfig",
      source,
      error,
      failures,
      retryInMs: REFUSED_RETRY_MS,
    });
  }
}

/** Failures that another config may fix; every other one is rethrown. */
function toOutcome(error: unknown): RetiredError | UntrustedServerError {
  if (error instanceof RetiredError || error instanceof UntrustedServerError) return error;
  throw error;
}

/** Whether another config may help a request: the server does not know the credential, or was rejected. */
function mayMend(outcome: TransportResponse | Error, request: OutgoingRequest): boolean {
  if (outcome instanceof Error) return canSendAgain(request.body);
  return outcome.status === 401 && !request.authorized && mayRetryUnauthorized(request);
}

function isSource(config: ClusterConfig | Source<ClusterConfig>): config is Source<ClusterConfig> {
  return "current" in config && typeof config.current === "function";
}
