/**
 * An undici `Dispatcher` whose trust reloads: one undici `Agent` a generation.
 *
 * @module
 */

import type { Socket } from "node:net";
import type { EventEmitter } from "node:events";
import { promisify } from "node:util";
import { Agent, Dispatcher, buildConnector, errors } from "undici";
import { ClosedError, ConfigError } from "../../../src/errors.ts";
import { requireUndici } from "../../_shared/present-runtime.ts";
import type { AgentStatus, ContextGeneration, TlsConnections } from "./tls-connections.ts";
import { type AgentOptions, openConnections } from "./drop-in-options.ts";
import { UnauthorizedHandler, canRetry, isByCertificate } from "./retry-unauthorized.ts";
import { resendUnsent } from "./resend-unsent.ts";
import { systemClock } from "../../../src/runtime.ts";

/** Those of undici's options by which connections would be made otherwise than here, or that would do nothing. */
type ConnectOption =
  | "autoSelectFamily"
  | "autoSelectFamilyAttemptTimeout"
  | "connect"
  | "connectTimeout"
  | "factory"
  | "maxCachedSessions"
  | "socketPath"
  | "tls";

const connectOptions: readonly ConnectOption[] = [
  "autoSelectFamily",
  "autoSelectFamilyAttemptTimeout",
  "connect",
  "connectTimeout",
  "factory",
  "maxCachedSessions",
  "socketPath",
  "tls",
];

/** How a {@link RotatingDispatcher} pools: undici's own options but for those about how to connect. */
export type DispatcherPoolOptions = Omit<Agent.Options, ConnectOption>;

/** How to make a {@link RotatingDispatcher}. */
export interface DispatcherOptions extends AgentOptions {
  /**
   * What undici's `Agent` takes, such as `connections`, `pipelining` and `bodyTimeout`. HTTP/2 is off
   * unless `allowH2` is `true`.
   *
   * @default {}
   */
  pool?: DispatcherPoolOptions | undefined;
}

/** Ahead of the idle limits of load balancers, as client-go. */
const KEEP_ALIVE_MS = 30_000;
/** There is no trust in http. */
const connectPlain = promisify(buildConnector({})) as (
  target: buildConnector.Options,
) => Promise<Socket>;

const agentEvents = ["connect", "disconnect", "connectionError", "drain"] as const;

/**
 * A `Dispatcher` of undici's whose trust reloads. It behaves as undici's `Agent`, with errors that are a
 * {@link ClosedError} beside undici's own.
 */
export interface RotatingDispatcher extends Dispatcher, AsyncDisposable {
  /** Whether it takes no more requests. */
  readonly closed: boolean;
  /** Whether everything has ended. */
  readonly destroyed: boolean;
  /** What is running and waiting, by origin, as undici's `Agent` counts it. */
  readonly stats: Agent["stats"];
  /** How the trust and its connections are doing. */
  status(): AgentStatus;
}

/** What undici's `WebSocket` and `EventSource` ask of an agent, and its types leave out. */
interface AgentLimits extends Agent {
  readonly webSocketOptions?: unknown;
  readonly eventSourceOptions?: unknown;
}

export class PooledDispatcher extends Dispatcher implements RotatingDispatcher {
  readonly #connections: TlsConnections;
  readonly #pool: DispatcherPoolOptions;
  readonly #agents = new Map<ContextGeneration, Agent>();
  /** Of old generations. */
  readonly #closing = new Set<Promise<void>>();
  /** Requests that have no agent yet. */
  readonly #waiting = new Set<Promise<void>>();
  #optionsOf: Agent | undefined;
  #closed: Promise<void> | undefined;
  #destroyed: Promise<void> | undefined;

  constructor(connections: TlsConnections, pool: DispatcherPoolOptions = {}) {
    checkPool(pool);
    super();
    this.#connections = connections;
    this.#pool = pool;
    connections.onRetired((generation) => this.#retire(generation));
    // What undici's `compose` gives is a Proxy, by which private fields can't be reached.
    for (const name of ["close", "destroy", "status"] as const) {
      const value = this[name].bind(this);
      Object.defineProperty(this, name, { value, configurable: true, writable: true });
    }
  }

  get closed(): boolean {
    return this.#closed !== undefined || this.destroyed;
  }

  get destroyed(): boolean {
    return this.#connections.closed !== undefined;
  }

  /** For undici's `WebSocket`: how long messages may get. */
  get webSocketOptions(): unknown {
    return (this.#standard as AgentLimits).webSocketOptions;
  }

  /** For undici's `EventSource`: how long events may get. */
  get eventSourceOptions(): unknown {
    return (this.#standard as AgentLimits).eventSourceOptions;
  }

  /** An agent of the same options, which sends nothing. */
  get #standard(): Agent {
    this.#optionsOf ??= new Agent(this.#pool);
    return this.#optionsOf;
  }

  get stats(): Agent["stats"] {
    return Object.assign({}, ...Array.from(this.#agents.values(), ({ stats }) => stats));
  }

  status(): AgentStatus {
    return this.#connections.status;
  }

  /**
   * Sends a request under the trust of this moment.
   *
   * @returns Whether there is room for more. If not, a `drain` event follows.
   */
  override dispatch(
    options: Dispatcher.DispatchOptions,
    handler: Dispatcher.DispatchHandler,
  ): boolean {
    // As undici does, for callers without types.
    if (!handler || typeof handler !== "object") {
      throw new errors.InvalidArgumentError("handler must be an object");
    }
    try {
      if (this.destroyed) throw closedError("UND_ERR_DESTROYED");
      if (this.#closed !== undefined) throw closedError("UND_ERR_CLOSED");
      if (!options || typeof options !== "object") {
        throw new errors.InvalidArgumentError("opts must be an object.");
      }
      if (this.#connections.isFresh()) return this.#send(options, handler);
    } catch (error) {
      if (typeof handler.onResponseError !== "function") throw error;
      handler.onResponseError(null as never, error as Error);
      return true;
    }
    this.#sendLater(withOwnHeaders(options), handler);
    return false;
  }

  /** Sends a request once what has aged has been read again; `close` waits for it. */
  #sendLater(options: Dispatcher.DispatchOptions, handler: Dispatcher.DispatchHandler): void {
    const sent = this.#sendFresh(options, handler).then((hasRoom) => {
      this.#waiting.delete(sent);
      if (hasRoom && this.#waiting.size === 0 && !this.destroyed) {
        (this as EventEmitter).emit("drain", URL.parse(String(options.origin)), [this]);
      }
    });
    this.#waiting.add(sent);
  }

  /** Sends a request once what has aged has been read again. */
  async #sendFresh(
    options: Dispatcher.DispatchOptions,
    handler: Dispatcher.DispatchHandler,
  ): Promise<boolean> {
    try {
      const beganAt = systemClock.now();
      await this.#connections.refresh();
      return this.#send(options, handler, beganAt);
    } catch (error) {
      // As undici's own dispatchers do for what fails before it has a controller.
      handler.onResponseError?.(null as never, error as Error);
      return true;
    }
  }

  /** Sends a request in this turn, so that the agent is one that still takes requests. */
  #send(
    options: Dispatcher.DispatchOptions,
    handler: Dispatcher.DispatchHandler,
    beganAt: number = systemClock.now(),
  ): boolean {
    const generation = this.#connections.pick();
    const isRetriable =
      generation.trust.clientCert !== undefined &&
      !(handler instanceof UnauthorizedHandler) &&
      isByCertificate(options);
    const retrying = isRetriable
      ? this.#retrying(options, handler, { generation, beganAt })
      : handler;
    const own = withOwnHeaders(options);
    const guarded = resendUnsent(retrying, {
      isStale: () => generation.retired && this.#connections.pick() !== generation,
      resend: () => this.#sendLater(own, handler),
    });
    const hasRoom = this.#agentOf(generation).dispatch(options, guarded);
    if (generation.retired) this.#retire(generation);
    return hasRoom;
  }

  /** A handler that sends a request again if it is answered with 401 and there is another client certificate. */
  #retrying(
    options: Dispatcher.DispatchOptions,
    handler: Dispatcher.DispatchHandler,
    { generation, beganAt }: { generation: ContextGeneration; beganAt: number },
  ): Dispatcher.DispatchHandler {
    return new UnauthorizedHandler(handler, {
      reload: async () => {
        const isOther = await this.#connections.reloadClientCert(generation, beganAt);
        return isOther && !this.closed && canRetry(options);
      },
      dispatch: async (retrying) => {
        this.#connections.notifyUnauthorized(options.method, options.path.split("?", 1)[0] ?? "");
        await this.#sendFresh(options, retrying);
      },
    });
  }

  /** Takes no more requests, and resolves when those that it has are done. */
  override close(): Promise<void>;
  override close(callback: () => void): void;
  override close(callback?: () => void): Promise<void> | void {
    checkCallback(callback);
    return settle(this.#close(), callback);
  }

  /** Ends every request and connection. */
  override destroy(): Promise<void>;
  override destroy(error: Error | null): Promise<void>;
  override destroy(callback: () => void): void;
  override destroy(error: Error | null, callback: () => void): void;
  override destroy(
    error?: Error | null | (() => void),
    callback?: () => void,
  ): Promise<void> | void {
    if (typeof error === "function") return settle(this.#destroy(undefined), error);
    checkCallback(callback);
    return settle(this.#destroy(error ?? undefined), callback);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (!this.destroyed) await this.close();
  }

  #agentOf(generation: ContextGeneration): Agent {
    const known = this.#agents.get(generation);
    if (known !== undefined) return known;
    const agent = new Agent({
      allowH2: false,
      ...this.#pool,
      connect: (options, callback) => {
        this.#connect(options).then(
          (socket) => callback(null, socket),
          (error: Error) => callback(error, null),
        );
      },
    });
    for (const name of agentEvents) {
      // The first of the targets is the agent, whose place this one has.
      const forward = (origin: URL, [, ...targets]: readonly unknown[], ...details: unknown[]) =>
        void (this as EventEmitter).emit(name, origin, [this, ...targets], ...details);
      (agent as EventEmitter).on(name, forward);
    }
    this.#agents.set(generation, agent);
    return agent;
  }

  async #connect(target: buildConnector.Options): Promise<Socket> {
    const { hostname: host, protocol, port, localAddress } = target;
    if (protocol !== "https:") {
      const tunnel = await this.#connections.tunnel({ host, port: Number(port || 80) });
      const plain = tunnel ?? (await connectPlain(target));
      this.#connections.track(plain);
      return plain;
    }
    const socket = await this.#connections.connect({
      host,
      port: Number(port || 443),
      ...(localAddress && { localAddress }),
      ALPNProtocols: this.#pool.allowH2 === true ? ["h2", "http/1.1"] : ["http/1.1"],
    });
    return socket.setKeepAlive(true, KEEP_ALIVE_MS).setNoDelay(true);
  }

  #retire(generation: ContextGeneration): void {
    const agent = this.#agents.get(generation);
    if (agent === undefined) return;
    this.#agents.delete(generation);
    const closed = agent.close().finally(() => this.#closing.delete(closed));
    this.#closing.add(closed);
  }

  async #close(): Promise<void> {
    if (this.destroyed) throw closedError("UND_ERR_DESTROYED");
    this.#closed ??= this.#drain();
    await this.#closed;
  }

  /** Waits for all requests, and ends what is left. */
  async #drain(): Promise<void> {
    // A rotation may send what has not been sent yet by an agent that was not there before.
    do {
      await Promise.all(this.#waiting);
      for (const generation of this.#agents.keys()) this.#retire(generation);
      await Promise.all(this.#closing);
    } while (this.#waiting.size > 0 || this.#agents.size > 0);
    this.#connections.close(closedError("UND_ERR_DESTROYED"));
  }

  async #destroy(reason: Error = closedError("UND_ERR_DESTROYED")): Promise<void> {
    this.#destroyed ??= this.#endAll(reason);
    await this.#destroyed;
  }

  async #endAll(reason: Error): Promise<void> {
    const agents = [...this.#agents.values()];
    this.#agents.clear();
    this.#connections.close(reason);
    await Promise.all(agents.map((agent) => agent.destroy(reason)));
    await Promise.all(this.#closing);
  }
}

/** For callers without types. */
function checkPool(pool: Agent.Options): void {
  const name = connectOptions.find((other) => pool[other] !== undefined);
  if (name === undefined) return;
  const advice = name === "connectTimeout" ? "; use connectTimeoutMs beside it" : "";
  throw new ConfigError(
    `Cannot use option ${name} of pool: connections are made by the dispatcher, for the sources to say whom they trust${advice}`,
  );
}

/** With a copy of the headers: a caller may change them while the request waits. */
function withOwnHeaders(options: Dispatcher.DispatchOptions): Dispatcher.DispatchOptions {
  const { headers } = options;
  if (!headers) return options;
  if (Array.isArray(headers)) return { ...options, headers: [...headers] };
  if (!(Symbol.iterator in headers)) return { ...options, headers: { ...headers } };
  const entries = [...headers];
  return { ...options, headers: { [Symbol.iterator]: () => entries.values() } };
}

/** An error of our own that undici's classes take for theirs. */
function closedError(code: "UND_ERR_CLOSED" | "UND_ERR_DESTROYED"): ClosedError {
  const what = code === "UND_ERR_CLOSED" ? "closed" : "destroyed";
  const error = new ClosedError(`Cannot continue: the dispatcher was ${what}`);
  Object.defineProperty(error, "code", { value: code, enumerable: true });
  for (const brand of ["UND_ERR", code]) {
    Object.defineProperty(error, Symbol.for(`undici.error.${brand}`), { value: true });
  }
  return error;
}

function checkCallback(callback: unknown): void {
  if (callback === undefined || typeof callback === "function") return;
  throw new errors.InvalidArgumentError("invalid callback");
}

/** By a promise, or by a callback where there is one, as undici's dispatchers do. */
function settle(
  done: Promise<void>,
  callback: ((error: Error | null, data: null) => void) | undefined,
): Promise<void> | void {
  if (callback === undefined) return done;
  done.then(
    () => callback(null, null),
    (error: Error) => callback(error, null),
  );
}

/**
 * Makes an undici `Dispatcher` whose trust reloads, for undici's own `fetch`, `request` and
 * `setGlobalDispatcher`.
 *
 * A server that is rejected makes the bundle be read again and the connection be tried again, before
 * anything of a request is sent, so requests of every method and body survive a rotation. Plain http is
 * passed on as it is.
 *
 * @param options Whom to trust, and how to pool; see {@link DispatcherOptions}.
 * @returns A dispatcher, to be closed.
 * @throws {ConfigError} if options contradict one another.
 *
 * @example
 * ```ts
 * import { createDispatcher } from "@reanchor/reanchor/agents";
 * import { fileCaSource } from "@reanchor/reanchor/node";
 *
 * const dispatcher = createDispatcher({ ca: fileCaSource("/etc/internal-ca/ca.crt") });
 * // const response = await request("https://metrics.internal/healthz", { dispatcher });
 * console.log(dispatcher.status().generations.length); // 0: the first request opens one.
 * await dispatcher.close();
 * ```
 */
export function createDispatcher({ pool, ...options }: DispatcherOptions = {}): RotatingDispatcher {
  requireUndici("createDispatcher", "use createFetch of reanchor, or createHttpsAgent");
  return new PooledDispatcher(openConnections("createDispatcher", options, ["pool"]), pool);
}
