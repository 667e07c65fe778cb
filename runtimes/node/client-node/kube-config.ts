/**
 * client-node's `KubeConfig` with connections whose trust reloads: the two methods by which all of that
 * library gets its connections and headers are the ones that are overridden.
 *
 * @module
 */

import type { RequestOptions } from "node:https";
import { delimiter, isAbsolute, join } from "node:path";
import {
  type Cluster,
  KubeConfig as ClientNodeKubeConfig,
  type RequestContext,
  type User,
} from "@kubernetes/client-node";
import type { Dispatcher } from "undici";
import { parse } from "yaml";
import { checkServerIdentityOption } from "../../../src/certificates/spiffe-id.ts";
import { ClosedError, ConfigError } from "../../../src/errors.ts";
import { type EventListener, notify } from "../../../src/events.ts";
import { checkKnown } from "../../../src/options.ts";
import { checkDistances } from "../../../src/rotation/expiry-warnings.ts";
import type { ClientCertPem } from "../../../src/sources/client-cert-source.ts";
import {
  type SourceOptions,
  pickSourceOptions,
  sourceOptionNames,
} from "../../../src/sources/source.ts";
import { type TokenSource, bindFileTokenSource } from "../../../src/sources/token-source.ts";
import { process } from "../../_shared/process.ts";
import type { AgentStatus, TlsConnections } from "../agents/tls-connections.ts";
import { PooledDispatcher } from "../agents/dispatcher.ts";
import { PooledHttpsAgent } from "../agents/https-agent.ts";
import { contextOptionNames, handOut, isHandedOut } from "../agents/trust-overrides.ts";
import { type AgentOptions, connectionsTo } from "../agents/drop-in-options.ts";
import { requireUndici } from "../../_shared/present-runtime.ts";
import { nodeRuntime } from "../runtime.ts";
import { isMockedGlobally } from "./mock-agent.ts";
import { retryLost } from "./retry-lost.ts";
import { retryStaleToken } from "./retry-stale-token.ts";
import { caSourceOf, clientCertSourceOf } from "./config-sources.ts";

/** How a {@link KubeConfig} reads its files, and how its connections come and go. */
export interface KubeConfigOptions
  extends
    SourceOptions,
    Pick<
      AgentOptions,
      | "connectTimeoutMs"
      | "drainTimeoutMs"
      | "trustWaitMs"
      | "onEvent"
      | "serverIdentity"
      | "warnBeforeExpiryMs"
    > {}

const optionNames: readonly string[] = [
  ...sourceOptionNames,
  "connectTimeoutMs",
  "drainTimeoutMs",
  "trustWaitMs",
  "onEvent",
  "serverIdentity",
  "warnBeforeExpiryMs",
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
  readonly own: OwnPem;
}

/** PEM text that the config does not hold: a plugin's, or a caller's. */
interface OwnPem {
  readonly ca: string | undefined;
  readonly pair: ClientCertPem | undefined;
}

/** What a `KubeConfig` has beside client-node's: copies of it by `Object.create` or a `Proxy` share it. */
interface State {
  readonly options: KubeConfigOptions;
  readonly tokenFiles: TokenFiles;
  readonly links: Map<string, Link>;
  /** Replaced ones, whose connections may still be in use. */
  readonly replaced: Set<Link>;
  closed: boolean;
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
  /** Private fields could not be reached through a copy. */
  declare private readonly reanchor: State;

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
    const { serverIdentity, warnBeforeExpiryMs } = options;
    if (serverIdentity !== undefined) checkServerIdentityOption(serverIdentity);
    checkDistances(warnBeforeExpiryMs);
    super();
    const tokenFiles = new TokenFiles(pickSourceOptions(options), options.onEvent);
    const state: State = {
      options,
      tokenFiles,
      links: new Map(),
      replaced: new Set(),
      closed: false,
    };
    Object.defineProperty(this, "reanchor", { value: state });
    // Ahead of theirs, which keeps a token for a minute whatever becomes of it.
    (this["authenticators"] as Authenticator[]).unshift(tokenFiles);
  }

  /** As client-node's, and heeds `tokenFile` of a user, which client-node ignores. */
  override loadFromString(...args: Parameters<ClientNodeKubeConfig["loadFromString"]>): void {
    super.loadFromString(...args);
    const [text] = args;
    if (!text.includes("tokenFile")) return;
    const { users = [] } = parse(text) as { users?: readonly NamedUser[] };
    for (const { name, user } of users) {
      const loaded = this.users?.find((other) => other.name === name);
      if (!user?.tokenFile || loaded === undefined) continue;
      if (loaded.exec || loaded.authProvider) continue;
      // As client-node itself describes a pod's. A file wins over a token, as with client-go.
      const authProvider = { name: "tokenFile", config: { tokenFile: user.tokenFile } };
      Object.assign(loaded, { authProvider, token: undefined });
    }
  }

  /** As client-node's, for files that `tokenFile` names as well. */
  override makePathsAbsolute(rootDirectory: string): void {
    super.makePathsAbsolute(rootDirectory);
    for (const user of this.users ?? []) {
      const file = fileOf(user);
      if (file === undefined) continue;
      if (!isAbsolute(file)) user.authProvider.config.tokenFile = join(rootDirectory, file);
    }
  }

  /** As client-node's, for each file that `KUBECONFIG` names. */
  override loadFromDefault(...args: Parameters<ClientNodeKubeConfig["loadFromDefault"]>): void {
    const [options, preservesContext] = args;
    const files = (process.env["KUBECONFIG"] ?? "").split(delimiter).filter(Boolean);
    const [first, ...others] = files;
    if (first === undefined) return super.loadFromDefault(...args);
    this.loadFromFile(first, options);
    for (const file of others) {
      const other = new KubeConfig(this.reanchor.options);
      other.loadFromFile(file, options);
      this.mergeConfig(other, preservesContext);
    }
  }

  /**
   * Gives a request its headers and the https agent; WebSockets are opened by these. Whom to trust and what to show
   * is filled in as well, as of now, for programs that make agents of their own.
   */
  override async applyToHTTPSOptions(
    options: Parameters<ClientNodeKubeConfig["applyToHTTPSOptions"]>[0],
  ): Promise<void> {
    const cluster = this.getCurrentCluster();
    if (isPlainHttp(cluster, this.reanchor.options)) {
      return await super.applyToHTTPSOptions(options);
    }
    const user = this.getCurrentUser();
    const target = options as RequestOptions;
    const { headers, own } = await this.credentialsFor(user);
    target.headers = { ...(target.headers as Record<string, string>), ...headers };
    if (user?.username) target.auth = `${user.username}:${user.password}`;
    const callers = ownPemOf(target);
    const { agent, connections } = this.linkTo(cluster, user, {
      // As with client-node, a caller's are for a config that says nothing.
      ca: own.ca ?? (cluster?.caFile || cluster?.caData ? undefined : callers.ca),
      pair: own.pair ?? (user?.certFile || user?.certData ? undefined : callers.pair),
    });
    await connections.refresh();
    const { bundle, clientCert } = connections.pick().trust;
    for (const name of droppedOptions) delete target[name];
    if (bundle) target.ca = handOut(Buffer.from(bundle.certificates.join("")));
    if (clientCert) {
      target.cert = handOut(Buffer.from(clientCert.certificate));
      target.key = handOut(Buffer.from(clientCert.key));
    }
    target.rejectUnauthorized = !connections.insecure;
    if (cluster?.tlsServerName) target.servername = cluster.tlsServerName;
    target.agent = agent;
  }

  /** Gives a request its headers and the dispatcher; everything but WebSockets is sent by these. */
  override async applySecurityAuthentication(context: RequestContext): Promise<void> {
    const cluster = this.getCurrentCluster();
    const isPlain = isPlainHttp(cluster, this.reanchor.options);
    // Theirs rejects these.
    if (isPlain && cluster?.skipTLSVerify !== true) {
      return await super.applySecurityAuthentication(context);
    }
    const user = this.getCurrentUser();
    const { headers, own } = await this.credentialsFor(user);
    if (user?.username) {
      const basic = Buffer.from(`${user.username}:${user.password}`).toString("base64");
      context.setHeaderParam("Authorization", `Basic ${basic}`);
    }
    for (const [name, value] of Object.entries(headers)) context.setHeaderParam(name, value);
    // By plain HTTP client-node sends past a `MockAgent`, too.
    if (!isPlain && isMockedGlobally()) return;
    const isLeftToNode =
      !canRotate(cluster, user, own) && process.env["NODE_TLS_REJECT_UNAUTHORIZED"] !== "0";
    if (isLeftToNode && this.reanchor.options.serverIdentity === undefined) return;
    const { dispatcher } = this.linkTo(cluster, user, own);
    const source = user === null ? undefined : this.reanchor.tokenFiles.sourceOf(user);
    context.setDispatcher(
      source === undefined ? dispatcher : dispatcher.compose(retryStaleToken(source, context)),
    );
  }

  /** How the connections of the current context are doing; `undefined` before the first request. */
  status(): AgentStatus | undefined {
    const cluster = this.getCurrentCluster();
    return this.reanchor.links.get(nameOf(cluster, this.getCurrentUser()))?.connections.status;
  }

  /** Ends every request, watch and WebSocket, and takes no more. */
  async close(): Promise<void> {
    const state = this.reanchor;
    state.closed = true;
    const links = [...state.links.values(), ...state.replaced];
    state.links.clear();
    state.replaced.clear();
    await Promise.all(links.map(({ dispatcher }) => dispatcher.destroy()));
  }

  /** As {@link KubeConfig.close}. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  /** By whichever of their authenticators the user has: plugins, identity providers, one's own. */
  private async credentialsFor(user: User | null): Promise<Credentials> {
    const options: RequestOptions = { headers: {} };
    await this["applyAuthorizationHeader"](options);
    const headers = options.headers as Record<string, string>;
    if (user?.impersonateUser) headers["Impersonate-User"] = user.impersonateUser;
    return { headers, own: ownPemOf(options) };
  }

  /** The connections of a cluster and a user; new ones where either is described otherwise than before. */
  private linkTo(cluster: Cluster | null, user: User | null, own: OwnPem): Link {
    const { options, links, closed } = this.reanchor;
    if (closed) throw new ClosedError("Cannot continue: the KubeConfig was closed");
    const name = nameOf(cluster, user);
    const madeOf = JSON.stringify([
      cluster,
      user?.certFile,
      user?.certData,
      user?.keyFile,
      user?.keyData,
      own,
    ]);
    const known = links.get(name);
    if (known?.madeOf === madeOf) return known;

    const sourceOptions = pickSourceOptions(options);
    const connections = connectionsTo(
      {
        ca: caSourceOf(cluster, own.ca, sourceOptions),
        clientCert: clientCertSourceOf(user, own.pair, sourceOptions),
        serverName: cluster?.tlsServerName,
        serverIdentity: options.serverIdentity,
        insecureSkipTlsVerify: cluster?.skipTLSVerify,
        proxy: cluster?.proxyUrl,
      },
      options,
    );
    const link: Link = {
      madeOf,
      connections,
      // Logs may be silent, and watches have a limit of their own.
      dispatcher: new PooledDispatcher(connections, { bodyTimeout: 0 }).compose(retryLost),
      agent: new PooledHttpsAgent(connections),
    };
    links.set(name, link);
    if (known !== undefined) this.replaceLink(known);
    return link;
  }

  private replaceLink(link: Link): void {
    const { replaced } = this.reanchor;
    replaced.add(link);
    link.connections.retire();
    for (const other of replaced) {
      if (other.connections.status.generations.length === 0) replaced.delete(other);
    }
  }
}

/** A user of a kubeconfig, as far as it is read here. */
interface NamedUser {
  readonly name?: string;
  readonly user?: { readonly tokenFile?: string } | null;
}

/** Options of a caller's that the agent decides, and would reject. */
const droppedOptions = [
  ...contextOptionNames,
  "checkServerIdentity",
] satisfies (keyof RequestOptions)[];

function nameOf(cluster: Cluster | null, user: User | null): string {
  return JSON.stringify([cluster?.name, user?.name]);
}

/** Whether a cluster is reached without TLS, which is an error if it was to be verified. */
function isPlainHttp(cluster: Cluster | null, { serverIdentity }: KubeConfigOptions): boolean {
  if (cluster?.server?.startsWith("http:") !== true) return false;
  if (serverIdentity === undefined) return true;
  throw new ConfigError(
    `Cannot use option serverIdentity: cluster ${cluster.name} is reached over http, which verifies no server; use https`,
  );
}

/** Whether a config says anything of trust or identity; client-node leaves the dispatcher unset if it does not. */
function canRotate(cluster: Cluster | null, user: User | null, { ca, pair }: OwnPem): boolean {
  const { caFile, caData, tlsServerName, skipTLSVerify, proxyUrl } = cluster ?? {};
  const ofCluster = caFile || caData || tlsServerName || skipTLSVerify || proxyUrl;
  const ofUser = user?.certFile || user?.certData || user?.keyFile || user?.keyData;
  return Boolean(ofCluster || ofUser || ca !== undefined || pair !== undefined);
}

/** What authenticators, or callers, put into options. */
function ownPemOf({ ca, cert, key }: RequestOptions): OwnPem {
  const certificate = pemOf(cert);
  const privateKey = pemOf(key);
  const isPair = certificate !== undefined && privateKey !== undefined;
  return {
    ca: pemOf(ca),
    pair: isPair ? { certificate, key: privateKey } : undefined,
  };
}

/** Text, or `undefined` if there is none. What was filled in by an earlier call is no news. */
function pemOf(value: unknown): string | undefined {
  if (isHandedOut(value)) return undefined;
  if (Array.isArray(value)) return value.map(pemOf).join("\n") || undefined;
  if (Buffer.isBuffer(value)) return value.toString("utf8") || undefined;
  return typeof value === "string" && value !== "" ? value : undefined;
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
    const token = await this.sourceOf(user)?.current();
    if (token === undefined) return;
    const headers = (options.headers ??= {}) as Record<string, string>;
    headers["Authorization"] = `Bearer ${token}`;
  }

  /** The source of a user's token; `undefined` if it is in no file. */
  sourceOf(user: User): TokenSource | undefined {
    const file = fileOf(user);
    if (file === undefined) return undefined;
    let source = this.#sources.get(file);
    if (source === undefined) {
      source = bindFileTokenSource(nodeRuntime)(file, this.#options);
      source.subscribe((event) => notify(this.#onEvent, event));
      this.#sources.set(file, source);
    }
    return source;
  }
}

function fileOf(user: User): string | undefined {
  const provider = user.authProvider as { config?: { tokenFile?: string } } | null | undefined;
  return provider?.config?.tokenFile || undefined;
}
