/**
 * A `node:https` agent whose trust reloads.
 *
 * Node's agent keeps connections by name: the name carries the generation, so that one of an old trust is
 * never given to a new request.
 *
 * @module
 */

import type { ClientRequest, IncomingMessage } from "node:http";
import { Agent, type AgentOptions as NodeAgentOptions, type RequestOptions } from "node:https";
import { Socket } from "node:net";
import type { Duplex } from "node:stream";
import type { ConnectionOptions } from "node:tls";
import { expectedName, sniOf } from "../../../src/certificates/server-name.ts";
import type { AgentStatus, ContextGeneration, TlsConnections } from "./tls-connections.ts";
import { type AgentOptions, openConnections } from "./drop-in-options.ts";
import { type TrustOverride, rejectTrustOverrides } from "./trust-overrides.ts";
import { systemClock } from "../../../src/runtime.ts";
import { type ConnectingRequest, connectingRequest } from "./connecting-request.ts";

/** How a {@link RotatingHttpsAgent} pools: Node's own options but for those about whom to trust. */
export type HttpsPoolOptions = Omit<
  NodeAgentOptions,
  TrustOverride | "servername" | "maxCachedSessions"
>;

/** How to make a {@link RotatingHttpsAgent}. */
export interface HttpsAgentOptions extends AgentOptions {
  /**
   * What Node's `https.Agent` takes, such as `maxSockets` and `scheduling`. Connections are kept alive
   * unless `keepAlive` is `false`.
   *
   * @default {}
   */
  pool?: HttpsPoolOptions | undefined;
}

/** What Node's agent has beside what its types say. */
interface Internals {
  addRequest(request: ClientRequest, options: RequestOptions): void;
  createSocket(
    request: ClientRequest,
    options: RequestOptions,
    callback: (error: Error | null, socket?: Duplex) => void,
  ): void;
  removeSocket(socket: Duplex, options: RequestOptions): void;
  totalSocketCount: number;
}

/** The same call reports that a request gets no socket. */
type Refusable = { onSocket(socket: undefined, error: unknown): void };

const internals = Agent.prototype as Agent & Internals;
const generationOf: unique symbol = Symbol("reanchor.generation");

/** Aborted when the request is destroyed that a connection is made for. */
const goneOf: unique symbol = Symbol("reanchor.gone");

interface Stamped extends RequestOptions {
  [generationOf]?: ContextGeneration;
  [goneOf]?: AbortSignal | undefined;
}

/** A `node:https` agent whose trust reloads. `destroy` ends all that it carries, WebSockets included. */
export interface RotatingHttpsAgent extends Agent, Disposable {
  /** How the trust and its connections are doing. */
  status(): AgentStatus;
}

export class PooledHttpsAgent extends Agent implements RotatingHttpsAgent {
  readonly #connections: TlsConnections;
  /** The generation in whose name each socket is kept. */
  readonly #keptFor = new WeakMap<Duplex, ContextGeneration>();
  readonly #connecting = new WeakMap<ClientRequest, ConnectingRequest>();
  readonly #failed = new WeakSet<ClientRequest>();

  constructor(connections: TlsConnections, pool: HttpsPoolOptions = {}) {
    rejectTrustOverrides(pool, connections.insecure);
    super({ keepAlive: true, ...pool });
    this.#connections = connections;
    connections.onRetired((generation) => this.#closeIdle(generation));
    // Ahead of Node's own, which gives it to the next request that waits for a place.
    this.prependListener("free", (socket: Duplex) => {
      if (this.#keptFor.get(socket)?.retired !== false) socket.destroy();
    });
  }

  status(): AgentStatus {
    return this.#connections.status;
  }

  /** Takes a request in, under the trust of this moment. */
  addRequest(request: ClientRequest, options: RequestOptions): void {
    this.#connecting.set(request, connectingRequest(request, this.options.timeout ?? 0));
    this.#add(request, options).catch((error: unknown) => {
      (request as ClientRequest & Refusable).onSocket(undefined, error);
    });
  }

  async #add(request: ClientRequest, options: RequestOptions): Promise<void> {
    rejectTrustOverrides(options, this.#connections.insecure);
    const beganAt = systemClock.now();
    await this.#connections.refresh();
    const generation = this.#connections.pick();
    if (generation.trust.clientCert !== undefined && !request.hasHeader("authorization")) {
      request.prependOnceListener("response", (response: IncomingMessage) => {
        // Which Node does by itself for a request that nobody else listens to.
        if (request.listenerCount("response") === 0) response.resume();
        if (response.statusCode !== 401) return;
        // The request belongs to its caller. The next one has another certificate, if there is one.
        this.#connections.reloadClientCert(generation, beganAt).catch(() => {});
      });
    }
    const stamped: Stamped = {
      ...options,
      // Node would go by the `Host` header. What a caller names outright stays.
      servername: options.servername ?? sniOf(expectedName(options.host ?? "", undefined)),
      [generationOf]: generation,
    };
    internals.addRequest.call(this, request, stamped);
  }

  /** Connects for a request, which may be one that waits for a place. */
  createSocket(
    request: ClientRequest,
    options: RequestOptions,
    callback: (error: Error | null, socket?: Duplex) => void,
  ): void {
    const connecting = this.#connecting.get(request);
    connecting?.begin();
    const stamped: Stamped = { ...options, [goneOf]: connecting?.gone };
    internals.createSocket.call(this, request, stamped, (error, socket) => {
      // Node leaves one that fails in the queue, and would connect for it again.
      if (error) this.#dequeue(request);
      // Two places that became free at once are both for the first in the queue.
      if (error && this.#failed.has(request)) return;
      if (error) this.#failed.add(request);
      callback(error, socket);
    });
  }

  /** The name that a connection is kept by. */
  override getName(options: Stamped = {}): string {
    return `${super.getName(options)}:${options[generationOf]?.number ?? 0}`;
  }

  /** Connects. */
  override createConnection(
    options: Stamped,
    callback: (error: Error | null, stream: Duplex) => void = () => {},
  ): undefined {
    const generation = options[generationOf] ?? this.#connections.pick();
    const release = this.#holdPlace(options);
    // What is typed for requests is read by `node:tls`, as by Node's own agent.
    const target = { ...options, port: Number(options.port) } as ConnectionOptions;
    this.#connections.connect(target, { signal: options[goneOf] }).then(
      (socket) => {
        release(true);
        this.#keptFor.set(socket, generation);
        callback(null, socket);
      },
      (error: unknown) => {
        callback(error as Error, undefined as never);
        release(false);
      },
    );
  }

  /** Whether a connection may serve another request. */
  override keepSocketAlive(socket: Duplex): boolean {
    if (this.#keptFor.get(socket)?.retired !== false) return false;
    return Boolean(super.keepSocketAlive(socket));
  }

  /** Ends every request and connection, and takes no more. */
  override destroy(): void {
    this.#connections.close();
    super.destroy();
  }

  [Symbol.dispose](): void {
    this.destroy();
  }

  #dequeue(request: ClientRequest): void {
    // They hold requests, whatever Node's types say.
    const queues = this.requests as unknown as Record<string, ClientRequest[]>;
    for (const [name, queue] of Object.entries(queues)) {
      if (!queue.includes(request)) continue;
      queue.splice(queue.indexOf(request), 1);
      if (queue.length === 0) delete queues[name];
    }
  }

  #closeIdle(retired: ContextGeneration): void {
    for (const sockets of Object.values(this.freeSockets)) {
      for (const socket of sockets ?? []) {
        if (this.#keptFor.get(socket) === retired) socket.destroy();
      }
    }
  }

  /** Node counts a connection once it is there: for `maxSockets`, one that is to come counts as well. */
  #holdPlace(options: RequestOptions): (connected: boolean) => void {
    const counted = this as this & Internals;
    const name = this.getName(options);
    const place = new Socket();
    const places = ((this.sockets as Record<string, Socket[]>)[name] ??= []);
    places.push(place);
    counted.totalSocketCount++;
    return (connected) => {
      counted.totalSocketCount--;
      // Removed by Node's own, the place goes to the next request that waits for one.
      if (!connected) return counted.removeSocket(place, options);
      const all = this.sockets[name] ?? [];
      all.splice(all.indexOf(place), 1);
    };
  }
}

/**
 * Makes a `node:https` agent whose trust reloads, for axios, got, ws and whatever else takes one.
 *
 * A server that is rejected makes the bundle be read again and the connection be tried again, before
 * anything of a request is sent, so requests of every method and body survive a rotation.
 *
 * @param options Whom to trust, and how to pool; see {@link HttpsAgentOptions}.
 * @returns An agent, to be destroyed.
 * @throws {ConfigError} if options contradict one another.
 *
 * @example
 * ```ts
 * import { createHttpsAgent } from "@reanchor/reanchor/agents";
 * import { fileCaSource } from "@reanchor/reanchor/node";
 *
 * const agent = createHttpsAgent({ ca: fileCaSource("/etc/internal-ca/ca.crt") });
 * // const response = await axios.get("https://metrics.internal/healthz", { httpsAgent: agent });
 * console.log(agent.status().generations.length); // 0: the first request opens one.
 * agent.destroy();
 * ```
 */
export function createHttpsAgent({ pool, ...options }: HttpsAgentOptions = {}): RotatingHttpsAgent {
  return new PooledHttpsAgent(openConnections("createHttpsAgent", options, ["pool"]), pool);
}
