/**
 * Follows a config that may change, such as a kubeconfig: requests from then on go by the new one, and what
 * is in flight ends by the old.
 *
 * @module
 */

import { orAborted } from "../abort.ts";
import type { ClusterConfig } from "../config/cluster-config.ts";
import { ClosedError, ReanchorError, SourceError } from "../errors.ts";
import { notify } from "../events.ts";
import type { Runtime } from "../runtime.ts";
import type { Source } from "../sources/source.ts";
import { WaitingRequests } from "../transport/timeout.ts";
import { type Connection, type ConnectionSettings, openConnection } from "./connection.ts";

/** How long a config that can't be used is left alone before it is tried again. */
const REFUSED_RETRY_MS = 1_000;

/** See the module. */
export class Connections {
  readonly #runtime: Runtime;
  readonly #settings: ConnectionSettings;
  /** `undefined` where the config never changes. */
  readonly #configs: Source<ClusterConfig> | undefined;
  readonly #open = new Set<Connection>();
  /** Those of all connections, since a retired one may still have some. */
  readonly #waiting: WaitingRequests;
  readonly #unsubscribe: (() => void) | undefined;
  #current: Connection;
  #moving: Promise<Connection> | undefined;
  #refused: { readonly config: ClusterConfig; readonly retryAt: number } | undefined;
  #closed = false;

  private constructor(
    runtime: Runtime,
    settings: ConnectionSettings,
    first: Connection,
    waiting: WaitingRequests,
    configs: Source<ClusterConfig> | undefined,
  ) {
    this.#runtime = runtime;
    this.#settings = settings;
    this.#configs = configs;
    this.#current = first;
    this.#waiting = waiting;
    this.#open.add(first);
    this.#unsubscribe = configs?.subscribe((event) => notify(settings.onEvent, event));
  }

  /** Opens the first connection. */
  static async open(
    runtime: Runtime,
    config: ClusterConfig | Source<ClusterConfig>,
    settings: ConnectionSettings,
  ): Promise<Connections> {
    const configs = isSource(config) ? config : undefined;
    const first = isSource(config) ? await config.current() : config;
    const waiting = new WaitingRequests();
    const connection = await openConnection(runtime, first, settings, waiting);
    return new Connections(runtime, settings, connection, waiting, configs);
  }

  /** Whether the config may ever be another one. */
  get mayMove(): boolean {
    return this.#configs !== undefined;
  }

  get closed(): boolean {
    return this.#closed;
  }

  /** How the config is doing; `undefined` where it never changes. */
  get status(): Source<ClusterConfig>["status"] | undefined {
    return this.#configs?.status;
  }

  /** The connection of this moment, with no I/O. */
  peek(): Connection {
    return this.#current;
  }

  /** The connection of the present config, which is read again where it has aged. */
  async current(signal: AbortSignal | undefined): Promise<Connection> {
    if (this.#configs === undefined || this.#closed) return this.#current;
    return await this.#follow(await this.#configs.current({ signal }), signal);
  }

  /**
   * Another connection than the one by which a request failed, where the config has changed since.
   *
   * @param beganAt The monotonic time at which the request began.
   */
  async renew(
    used: Connection,
    beganAt: number,
    signal: AbortSignal | undefined,
  ): Promise<Connection | undefined> {
    const configs = this.#configs;
    if (configs === undefined || this.#closed) return undefined;
    if (this.#current === used) {
      // What was read since the request began is as new as it gets.
      const config = await configs.reload({ signal, since: beganAt });
      await this.#follow(config, signal);
    }
    return this.#current === used ? undefined : this.#current;
  }

  /** Ends every connection, the retired ones too. */
  async close(): Promise<void> {
    this.#closed = true;
    this.#unsubscribe?.();
    this.#waiting.close(new ClosedError());
    await Promise.all(Array.from(this.#open, (connection) => connection.close()));
  }

  async #follow(config: ClusterConfig, signal: AbortSignal | undefined): Promise<Connection> {
    if (config === this.#current.config) return this.#current;
    const refused = this.#refused;
    if (refused?.config === config && this.#runtime.clock.now() < refused.retryAt) {
      return this.#current;
    }
    this.#moving ??= this.#move(config).finally(() => {
      this.#moving = undefined;
    });
    return await orAborted(this.#moving, signal);
  }

  async #move(config: ClusterConfig): Promise<Connection> {
    const previous = this.#current;
    let next: Connection;
    try {
      next = await openConnection(this.#runtime, config, this.#settings, this.#waiting);
    } catch (cause) {
      this.#refuse(config, cause);
      return previous;
    }
    this.#open.add(next);
    if (this.#closed) {
      await next.close();
      throw new ClosedError();
    }
    this.#refused = undefined;
    this.#current = next;
    const retired = previous.retire().finally(() => this.#open.delete(previous));
    retired.catch(() => {}); // Whoever waits for its requests is told by those.
    return next;
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

function isSource(config: ClusterConfig | Source<ClusterConfig>): config is Source<ClusterConfig> {
  return "current" in config && typeof config.current === "function";
}
