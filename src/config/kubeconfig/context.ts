/**
 * Picks a context out of a kubeconfig, and checks what it needs (client-go `tools/clientcmd/validation.go`
 * and `client_config.go`). Contexts that are not used may be as wrong as they like.
 *
 * @module
 */

import { fromBase64 } from "../../bytes.ts";
import { ConfigError } from "../../errors.ts";
import { cleanName, cleanText } from "../../clean-text.ts";
import type { BasicAuth } from "../cluster-config.ts";
import type { ExecPlugin } from "./exec-plugin.ts";
import type { Impersonation } from "../impersonation.ts";
import type { MergedEntry, MergedKubeconfig } from "./merge.ts";
import type { ExecConfig, NamedCluster, NamedContext, NamedUser } from "./schema.ts";
import type { KubeconfigOptions } from "./locations.ts";

/** What to use in the place of what the kubeconfig says. */
export type KubeconfigOverrides = Pick<
  KubeconfigOptions,
  "context" | "cluster" | "user" | "namespace"
>;

/** PEM text and the base64 that it stands in the kubeconfig as, or the path of a file that holds it. */
export type DataOrFile =
  | { readonly data: string; readonly base64: string }
  | { readonly file: string };

/** An `auth-provider` of the name `oidc`. */
export interface OidcProvider {
  /** The token; empty if there is none. */
  readonly idToken: string;
  /** Where it is, for messages. */
  readonly place: string;
}

/** Receives what is odd about the entries that are used and yet no reason to reject them. */
type Warn = (message: string) => void;

/** All that a context says, checked, with its data decoded. */
export interface ResolvedContext {
  /** The context's name; `undefined` if a cluster was asked for without one. */
  readonly context: string | undefined;
  readonly clusterName: string;
  /** The user's name; `undefined` for nobody. */
  readonly userName: string | undefined;
  readonly server: string;
  /** The name that the server's certificate must carry, if it is not the URL's. */
  readonly serverName: string | undefined;
  readonly insecureSkipTlsVerify: boolean;
  /** Where both are there, the data. */
  readonly ca: DataOrFile | undefined;
  readonly proxyUrl: string | undefined;
  readonly disableCompression: boolean;
  readonly namespace: string | undefined;
  /** If both are there, the data; for each of the two by itself. */
  readonly clientCert: { readonly certificate: DataOrFile; readonly key: DataOrFile } | undefined;
  readonly token: string | undefined;
  /** A token's file, which wins over a token beside it. */
  readonly tokenFile: string | undefined;
  readonly basic: BasicAuth | undefined;
  readonly impersonate: Impersonation | undefined;
  readonly oidc: OidcProvider | undefined;
  readonly exec: ExecPlugin | undefined;
  /** What the cluster holds for an exec plugin. */
  readonly clusterExtension: unknown;
}

/** The name of the cluster's extension that is an exec plugin's config. */
const EXEC_EXTENSION = "client.authentication.k8s.io/exec";

/** A kubeconfig says nothing at all, which is not wrong if nobody has asked for this one. */
export class EmptyKubeconfig extends ConfigError {}

/**
 * Picks a context.
 *
 * @param merged The kubeconfig.
 * @param overrides What to use in the place of what it says.
 * @param warn Receives what is ignored.
 * @throws {ConfigError} if something is missing, unknown or contradictory, naming the file and the entry.
 */
export function selectContext(
  merged: MergedKubeconfig,
  overrides: KubeconfigOverrides = {},
  warn: Warn = () => {},
): ResolvedContext {
  const { clusters, users, contexts, currentContext } = merged;
  if (clusters.size + users.size + contexts.size === 0 && currentContext === undefined) {
    throw new EmptyKubeconfig(`${about(merged.label)}it holds no cluster, user or context`);
  }
  const context = findContext(merged, overrides);
  const clusterBy = overrides.cluster
    ? { label: merged.label, path: "the option cluster" }
    : context && { label: context.label, path: `${at("contexts", context.name)}.context.cluster` };
  if (clusterBy === undefined) throw unusable(merged.label, explainNoContext(merged));
  const clusterName = overrides.cluster || context?.value.cluster;
  if (!clusterName) throw unusable(clusterBy.label, `${clusterBy.path} is missing`);
  const cluster = lookUp(merged.clusters, "cluster", { name: clusterName, by: clusterBy });

  const userName = overrides.user || context?.value.user || undefined;
  const userBy =
    overrides.user || context === undefined
      ? { label: merged.label, path: "the option user" }
      : { label: context.label, path: `${at("contexts", context.name)}.context.user` };
  const user =
    userName === undefined
      ? nobody
      : readUser(
          lookUp(merged.users, "user", { name: userName, by: userBy }),
          at("users", userName),
          warn,
        );
  return {
    context: context?.name,
    clusterName,
    userName,
    namespace: overrides.namespace || context?.value.namespace || undefined,
    ...readCluster(cluster, at("clusters", clusterName), user.clientCert !== undefined),
    ...user,
  };
}

interface FoundContext extends MergedEntry<NamedContext["context"]> {
  readonly name: string;
}

function findContext(
  { label, contexts, currentContext }: MergedKubeconfig,
  overrides: KubeconfigOverrides,
): FoundContext | undefined {
  const [name, by] = overrides.context
    ? [overrides.context, { label, path: "the option context" }]
    : [currentContext?.value, { label: currentContext?.label ?? label, path: "current-context" }];
  return name ? { name, ...lookUp(contexts, "context", { name, by }) } : undefined;
}

function explainNoContext({ contexts }: MergedKubeconfig): string {
  return `it sets no current-context; pass the option context (${listNames("context", contexts)})`;
}

function lookUp<Value>(
  entries: ReadonlyMap<string, MergedEntry<Value>>,
  kind: "cluster" | "user" | "context",
  { name, by }: { readonly name: string; readonly by: Place },
): MergedEntry<Value> {
  const entry = entries.get(name);
  if (entry !== undefined) return entry;
  throw unusable(
    by.label,
    `${by.path} is ${cleanName(name)}, and there is no such ${kind} (${listNames(kind, entries)})`,
  );
}

function listNames(kind: string, entries: ReadonlyMap<string, unknown>): string {
  if (entries.size === 0) return `there is no ${kind} at all`;
  const names = Array.from(entries.keys(), cleanName);
  const more = names.length > 10 ? ` and ${names.length - 10} more` : "";
  return `there are ${names.slice(0, 10).join(", ")}${more}`;
}

type FromCluster = Pick<
  ResolvedContext,
  | "server"
  | "serverName"
  | "insecureSkipTlsVerify"
  | "ca"
  | "proxyUrl"
  | "disableCompression"
  | "clusterExtension"
>;

function readCluster(
  { value, label }: MergedEntry<NamedCluster["cluster"]>,
  path: string,
  hasClientCert: boolean,
): FromCluster {
  const ca = readDataOrFile(value, "certificate-authority");
  const insecureSkipTlsVerify = value["insecure-skip-tls-verify"] ?? false;
  if (insecureSkipTlsVerify && ca !== undefined) {
    throw unusable(
      label,
      `${path}.cluster has both a certificate-authority and insecure-skip-tls-verify, which would leave it unused; drop one`,
    );
  }
  const isSecure = ca !== undefined || hasClientCert || insecureSkipTlsVerify;
  const server = readServer(value.server, isSecure, { label, path: `${path}.cluster.server` });
  const proxyUrl = value["proxy-url"] || undefined;
  if (proxyUrl !== undefined && !/^(?:https?|socks5):$/.test(URL.parse(proxyUrl)?.protocol ?? "")) {
    throw unusable(label, `${path}.cluster.proxy-url is no URL of http, https or socks5`);
  }
  return {
    server,
    serverName: value["tls-server-name"] || undefined,
    insecureSkipTlsVerify,
    ca,
    proxyUrl,
    disableCompression: value["disable-compression"] ?? false,
    clusterExtension: value.extensions.find(
      ({ name, extension }) => name === EXEC_EXTENSION && (extension ?? undefined) !== undefined,
    )?.extension,
  };
}

/**
 * Reads the server's URL. One without a scheme is `https` if something else says that TLS is wanted: there,
 * kubectl speaks plain HTTP.
 */
function readServer(server: string | undefined, isSecure: boolean, { label, path }: Place): string {
  if (!server) throw unusable(label, `${path} is missing`);
  // It may hold a password.
  const shown = server.includes("@")
    ? "not shown, since it may hold a password"
    : cleanName(server);
  if (/^https?:\/\//i.test(server)) {
    if (/[\s\\?#]|^[^/]*\/\/[^/]*@/.test(server)) {
      throw unusable(
        label,
        `${path} holds a user, a query, a fragment or white space; a URL and a path are all that it may hold (${shown})`,
      );
    }
    if (URL.parse(server) !== null) return server;
    throw unusable(label, `${path} is not a URL (${shown})`);
  }
  const url =
    /^(?:[\w.-]+|\[[\da-f:.]+\])(?::\d+)?\/?$/i.test(server) && URL.parse(`https://${server}`);
  if (!url) throw unusable(label, `${path} is not a URL of http or https (${shown})`);
  if (isSecure) return url.href;
  throw unusable(label, `${path} has no scheme (${shown}); write https://${shown}`);
}

type FromUser = Pick<
  ResolvedContext,
  "clientCert" | "token" | "tokenFile" | "basic" | "impersonate" | "oidc" | "exec"
>;

const nobody: FromUser = {
  clientCert: undefined,
  token: undefined,
  tokenFile: undefined,
  basic: undefined,
  impersonate: undefined,
  oidc: undefined,
  exec: undefined,
};

function readUser(
  { value, label }: MergedEntry<NamedUser["user"]>,
  path: string,
  warn: Warn,
): FromUser {
  const place = { label, path: `${path}.user` };
  const ignored = (what: string, why: string): void =>
    warn(`Kubeconfig ${label}: ${place.path}.${what} is ignored: ${why}`);
  const clientCert = readClientCert(value, place, ignored);
  const token = value.token || undefined;
  const tokenFile = value.tokenFile || undefined;
  const { username = "", password = "" } = value;
  const basic = username || password ? { username, password } : undefined;
  const exec = value.exec && readExec(value.exec, place);
  const oidc = value["auth-provider"] && readProvider(value["auth-provider"], place);

  const inHeader = token ? "token" : tokenFile ? "tokenFile" : undefined;
  if (inHeader !== undefined && basic !== undefined) {
    throw unusable(
      label,
      `${place.path} has more than one way to authenticate (${inHeader}; username and password); keep one`,
    );
  }
  if (exec !== undefined && oidc !== undefined) {
    throw unusable(label, `${place.path} has an exec plugin and an auth-provider; keep one`);
  }
  // As client-go: neither an exec plugin nor a provider is asked if the answer stands beside it.
  const header = inHeader ?? (basic && "username and password");
  const instead = header ?? (clientCert && "client-certificate");
  if (exec !== undefined && instead !== undefined) ignored("exec", `${instead} stands beside it`);
  if (oidc !== undefined && header !== undefined) {
    ignored("auth-provider", `${header} stands beside it`);
  }
  return {
    clientCert,
    token,
    tokenFile,
    basic,
    impersonate: readImpersonation(value, place),
    oidc: header === undefined ? oidc : undefined,
    exec: instead === undefined ? exec : undefined,
  };
}

/** Where in which file something is, or what asks for it, for messages. */
interface Place {
  readonly label: string;
  readonly path: string;
}

function readClientCert(
  user: NamedUser["user"],
  place: Place,
  ignored: (what: string, why: string) => void,
): ResolvedContext["clientCert"] {
  const certificate = readDataOrFile(user, "client-certificate");
  const key = readDataOrFile(user, "client-key");
  if (certificate === undefined) {
    if (key !== undefined) {
      const field = "data" in key ? "client-key-data" : "client-key";
      ignored(field, "there is no client-certificate to it");
    }
    return undefined;
  }
  if (key !== undefined) return { certificate, key };
  throw unusable(
    place.label,
    `${place.path} has a client-certificate, but neither client-key nor client-key-data`,
  );
}

function readImpersonation(user: NamedUser["user"], place: Place): ResolvedContext["impersonate"] {
  const groups = user["as-groups"];
  const extra = user["as-user-extra"] ?? {};
  const uid = user["as-uid"] || undefined;
  if (user.as) return { user: user.as, uid, groups, extra };
  if (uid !== undefined || groups.length > 0 || Object.keys(extra).length > 0) {
    throw unusable(
      place.label,
      `${place.path} asks for as-uid, as-groups or as-user-extra without a user to act as; set as`,
    );
  }
  return undefined;
}

const interactiveModes = ["Never", "IfAvailable", "Always"] as const;
const execVersions = new Set([
  "client.authentication.k8s.io/v1",
  "client.authentication.k8s.io/v1beta1",
]);

function readExec(exec: ExecConfig, place: Place): ExecPlugin {
  const path = `${place.path}.exec`;
  const { apiVersion, command, installHint } = exec;
  if (!command) throw unusable(place.label, `${path}.command is missing`);
  if (!apiVersion) throw unusable(place.label, `${path}.apiVersion is missing`);
  if (!execVersions.has(apiVersion)) {
    throw unusable(place.label, `${path}.apiVersion must be ${[...execVersions].join(" or ")}`);
  }
  const mode = exec.interactiveMode || (apiVersion.endsWith("/v1beta1") ? "IfAvailable" : "");
  const interactiveMode = interactiveModes.find((known) => known === mode);
  if (interactiveMode === undefined) {
    const wrong = mode === "" ? "is missing" : "is unknown";
    throw unusable(
      place.label,
      `${path}.interactiveMode ${wrong}; set it to Never, IfAvailable or Always, as ${apiVersion} demands`,
    );
  }
  const env = exec.env.map(({ name, value = "" }, index) => {
    if (!name) throw unusable(place.label, `${path}.env[${index}].name is missing`);
    return { name, value };
  });
  return {
    apiVersion,
    command,
    args: exec.args,
    env,
    installHint: installHint ? cleanText(installHint) : undefined,
    provideClusterInfo: exec.provideClusterInfo ?? false,
    interactiveMode,
  };
}

function readProvider(
  { name, config }: NonNullable<NamedUser["user"]["auth-provider"]>,
  { label, path }: Place,
): OidcProvider {
  const place = `${path}.auth-provider`;
  if (name === "oidc") return { idToken: config["id-token"] ?? "", place };
  const instead = replacements[name ?? ""] ?? "use an exec plugin in its place";
  throw unusable(label, `${place} is none that kubectl still has (it has oidc alone); ${instead}`);
}

const replacements: Readonly<Record<string, string>> = {
  gcp: "install gke-gcloud-auth-plugin and run gcloud container clusters get-credentials again",
  azure: "install kubelogin and run kubelogin convert-kubeconfig",
};

/** Reads `<field>-data`, and if it is absent, `<field>`. */
function readDataOrFile<Field extends string>(
  entry: { readonly [Name in Field | `${Field}-data`]?: string | undefined },
  field: Field,
): DataOrFile | undefined {
  const written = entry[`${field}-data`];
  const file = entry[field];
  if (!written) return file ? { file } : undefined;
  // The schema has found it to be base64.
  const base64 = written.replace(/[\r\n]/g, "");
  return { data: new TextDecoder().decode(fromBase64(base64)), base64 };
}

/** Where an entry is: by its name, since the files that it may be in have each their own order. */
function at(list: string, name: string): string {
  return `${list}[${cleanName(name)}]`;
}

function unusable(label: string, reason: string): ConfigError {
  return new ConfigError(`${about(label)}${reason}`);
}

function about(label: string): string {
  return `Cannot use kubeconfig ${label}: `;
}
