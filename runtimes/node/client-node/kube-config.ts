/**
 * client-node's `KubeConfig` with connections whose trust reloads: the two methods by which all of that
 * library gets its connections and headers are the ones that are overridden.
 *
 * @module
 */

import type { RequestOptions } from "node:https";
import {
  type Cluster,
  KubeConfig as ClientNodeKubeConfig,
  type RequestContext,
  type User,
} from "@kubernetes/client-node";
import type { Dispatcher } from "undici";
import { ClosedError } from "../../../src/errors.ts";
import { type EventListener, notify } from "../../../src/events.ts";
import { checkKnown } from "../../../src/options.ts";
import type { ClientCertPem } from "../../../src/sources/client-cert-source.ts";
import {
  type SourceOptions,
  pickSourceOptions,
  sourceOptionNames,
} from "../../../src/sources/source.ts";
import { type TokenSource, createFileTokenSource } from "../../../src/sources/token-source.ts";
import type { AgentStatus, TlsConnections } from "../agents/tls-connections.ts";
import { PooledDispatcher } from "../agents/dispatcher.ts";
import { PooledHttpsAgent } from "../agents/https-agent.ts";
import { type AgentOptions, connectionsTo } from "../agents/options.ts";
import { requireUndici } from "../../_shared/own-runtime.ts";
import { nodeRuntime } from "../runtime.ts";
import { retryLost } from "./retry-lost.ts";
import { caSourceOf, clientCertSourceOf } from "./sources.ts";

/** How a {@link KubeConfig} reads its files, and how its connections come and go. */
export interface KubeConfigOptions
  extends SourceOptions, Pick<AgentOptions, "connectTimeoutMs" | "drainTimeoutMs" | "onEvent"> {}

const optionNames: readonly string[] = [
  ...sourceOptionNames,
  "connectTimeoutMs",
  "drainTimeoutMs",
  "onEvent",
];

type Authenticator = Parameters<ClientNodeKubeConfig["addAuthenticator"]>[0];

/** What connects to one cluster as one user. */
interface Link {
  /** All that it was made of. */
  readonly madeOf: string;
  readonly connections: TlsConnections;
  readonly dispatcher: Dispatcher;
  readonly agent: PooledHttpsAgent;
}

/** What authenticates a request. */
interface Credentials {
  readonly headers: Record<string, string>;
  /** What a plugin gave beside them. */
  readonly pair: ClientCertPem | undefined;
}

/**
 * A `KubeConfig` of `@kubernetes/client-node` whose connections survive rotations of the CA, of the token
 * and of the client certificate, and are used again.
 *
 * It is loaded and used as theirs. Files that it names are read again as they age, and the CA bundle also
 * when the server is rejected, after which the connection is tried again. It is to be closed.
 *
 * @example
 * ```ts
 * import { CoreV1Api } from "@kubernetes/client-node";
 * import { KubeConfig } from "@reanchor/reanchor/client-node";
 *
 * const config = new KubeConfig();
 * config.loadFromOptions({
 *   currentContext: "local",
 *   contexts: [{ name: "local", cluster: "local", user: "me" }],
 *   clusters: [{ name: "local", server: "https://127.0.0.1:6443", caFile: "/etc/kubernetes/ca.crt" }],
 *   users: [{ name: "me" }],
 * });
 * const core = config.makeApiClient(CoreV1Api);
 * // const pods = await core.listNamespacedPod({ namespace: "default" });
 * console.log(typeof core.listNamespacedPod); // function
 * await config.close();
 * ```
 */
export class KubeConfig extends ClientNodeKubeConfig implements AsyncDisposable {
  readonly #options: KubeConfigOptions;
  readonly #links = new Map<string, Link>();
  /** Replaced ones, whose connections may still be in use. */
  readonly #replaced = new Set<Link>();
  #closed = false;

  /**
   * Makes one, to be loaded by one of its methods.
   *
   * @param options How files are read and connections behave.
   * @throws {TypeError} if there is no option of a name.
   * @throws {ConfigError} on Bun, which has no undici.
   */
  constructor(options: KubeConfigOptions = {}) {
    requireUndici(
      "reanchor/client-node",
      "use connect of reanchor, which has kubeconfig(), typed resources, watches and logs; or run the program on Node",
    );
    checkKnown("KubeConfig", options, optionNames);
    super();
    this.#options = options;
    // Ahead of theirs, which keeps a token for a minute whatever becomes of it.
    const authenticators = this["authenticators"] as Authenticator[];
    authenticators.unshift(new TokenFiles(pickSourceOptions(options), options.onEvent));
  }

  /** Gives a request its headers and the https agent; WebSockets are opened by these. */
  override async applyToHTTPSOptions(
    options: Parameters<ClientNodeKubeConfig["applyToHTTPSOptions"]>[0],
  ): Promise<void> {
    const cluster = this.getCurrentCluster();
    if (!cluster?.server.startsWith("https:")) return await super.applyToHTTPSOptions(options);
    const user = this.getCurrentUser();
    const { headers, pair } = await this.#credentials(user);
    const target = options as RequestOptions;
    target.headers = { ...(target.headers as Record<string, string>), ...headers };
    if (user?.username) target.auth = `${user.username}:${user.password}`;
    target.agent = this.#link(cluster, user, pair).agent;
  }

  /** Gives a request its headers and the dispatcher; everything but WebSockets is sent by these. */
  override async applySecurityAuthentication(context: RequestContext): Promise<void> {
    const cluster = this.getCurrentCluster();
    const isPlain = cluster?.server.startsWith("http:") === true;
    // Theirs rejects these.
    if (cluster === null || (isPlain && !cluster.skipTLSVerify)) {
      return await super.applySecurityAuthentication(context);
    }
    const user = this.getCurrentUser();
    const { headers, pair } = await this.#credentials(user);
    if (user?.username) {
      const basic = Buffer.from(`${user.username}:${user.password}`).toString("base64");
      context.setHeaderParam("Authorization", `Basic ${basic}`);
    }
    for (const [name, value] of Object.entries(headers)) context.setHeaderParam(name, value);
    context.setDispatcher(this.#link(cluster, user, pair).dispatcher);
  }

  /** How the connections of the current context are doing; `undefined` before the first request. */
  status(): AgentStatus | undefined {
    const cluster = this.getCurrentCluster();
    if (cluster === null) return undefined;
    return this.#links.get(nameOf(cluster, this.getCurrentUser()))?.connections.status;
  }

  /** Ends every request, watch and WebSocket, and takes no more. */
  async close(): Promise<void> {
    this.#closed = true;
    const links = [...this.#links.values(), ...this.#replaced];
    this.#links.clear();
    this.#replaced.clear();
    await Promise.all(links.map(({ dispatcher }) => dispatcher.destroy()));
  }

  /** As {@link KubeConfig.close}. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  /** By whichever of their authenticators the user has: plugins, identity providers, one's own. */
  async #credentials(user: User | null): Promise<Credentials> {
    const options: RequestOptions = { headers: {} };
    await this["applyAuthorizationHeader"](options);
    const headers = options.headers as Record<string, string>;
    if (user?.impersonateUser) headers["Impersonate-User"] = user.impersonateUser;
    // A plugin gives text, whatever the type of these options allows.
    const { cert, key } = options as { cert?: string; key?: string };
    const isPair = cert !== undefined && key !== undefined;
    return { headers, pair: isPair ? { certificate: cert, key } : undefined };
  }

  /** The connections of a cluster and a user; new ones where either is described otherwise than before. */
  #link(cluster: Cluster, user: User | null, pair: ClientCertPem | undefined): Link {
    if (this.#closed) throw new ClosedError("Cannot continue: the KubeConfig was closed");
    const name = nameOf(cluster, user);
    const madeOf = JSON.stringify([
      cluster,
      user?.certFile,
      user?.certData,
      user?.keyFile,
      user?.keyData,
      pair,
    ]);
    const known = this.#links.get(name);
    if (known?.madeOf === madeOf) return known;

    const sourceOptions = pickSourceOptions(this.#options);
    const connections = connectionsTo(
      {
        ca: caSourceOf(cluster, sourceOptions),
        clientCert: user === null ? undefined : clientCertSourceOf(user, pair, sourceOptions),
        serverName: cluster.tlsServerName,
        insecureSkipTlsVerify: cluster.skipTLSVerify,
        proxy: cluster.proxyUrl,
      },
      this.#options,
    );
    const link: Link = {
      madeOf,
      connections,
      // Logs may be silent, and watches have a limit of their own.
      dispatcher: new PooledDispatcher(connections, { bodyTimeout: 0 }).compose(retryLost),
      agent: new PooledHttpsAgent(connections),
    };
    this.#links.set(name, link);
    if (known !== undefined) this.#replace(known);
    return link;
  }

  #replace(link: Link): void {
    this.#replaced.add(link);
    link.connections.retire();
    for (const other of this.#replaced) {
      if (other.connections.status.generations.length === 0) this.#replaced.delete(other);
    }
  }
}

function nameOf(cluster: Cluster, user: User | null): string {
  return JSON.stringify([cluster.name, user?.name]);
}

/** Tokens from the files that users name, as a pod's does. */
class TokenFiles implements Authenticator {
  readonly #options: SourceOptions;
  readonly #onEvent: EventListener | undefined;
  readonly #sources = new Map<string, TokenSource>();

  constructor(options: SourceOptions, onEvent: EventListener | undefined) {
    this.#options = options;
    this.#onEvent = onEvent;
  }

  isAuthProvider(user: User): boolean {
    return fileOf(user) !== undefined;
  }

  async applyAuthentication(user: User, options: RequestOptions): Promise<void> {
    const file = fileOf(user) ?? "";
    let source = this.#sources.get(file);
    if (source === undefined) {
      source = createFileTokenSource(nodeRuntime, file, this.#options);
      source.subscribe((event) => notify(this.#onEvent, event));
      this.#sources.set(file, source);
    }
    const headers = (options.headers ??= {}) as Record<string, string>;
    headers["Authorization"] = `Bearer ${await source.current()}`;
  }
}

function fileOf(user: User): string | undefined {
  const provider = user.authProvider as { config?: { tokenFile?: string } } | null | undefined;
  return provider?.config?.tokenFile || undefined;
}
