/**
 * Picks a context out of a kubeconfig, and checks what it needs (client-go `tools/clientcmd/validation.go`
 * and `client_config.go`). Contexts that are not used may be as wrong as they like.
 *
 * @module
 */

import { ConfigError } from "../../errors.ts";
import { cleanName, cleanText } from "../../clean-text.ts";
import type { BasicAuth } from "../cluster-config.ts";
import type { ExecPlugin } from "./exec-plugin.ts";
import type { Impersonation } from "../impersonation.ts";
import type { MergedEntry, MergedKubeconfig } from "./merge.ts";
import type { ExecConfig, NamedCluster, NamedContext, NamedUser } from "./schema.ts";
import type { KubeconfigOptions } from "./places.ts";

/** What to use in the place of what the kubeconfig says. */
export type KubeconfigOverrides = Pick<
  KubeconfigOptions,
  "context" | "cluster" | "user" | "namespace"
>;

/** PEM text, or the path of a file that holds it. */
type DataOrFile = { readonly data: string } | { readonly file: string };

/** All that a context says, checked, with its data decoded. */
export interface ResolvedContext {
  /** The context's name; `undefined` where a cluster was asked for without one. */
  readonly context: string | undefined;
  readonly clusterName: string;
  /** The user's name; `undefined` for nobody. */
  readonly userName: string | undefined;
  readonly server: string;
  /** The name that the server's certificate must carry, where it is not the URL's. */
  readonly serverName: string | undefined;
  readonly insecureSkipTlsVerify: boolean;
  /** Where both are there, the data. */
  readonly ca: DataOrFile | undefined;
  readonly proxyUrl: string | undefined;
  readonly disableCompression: boolean;
  readonly namespace: string | undefined;
  /** Where both are there, the data; for each of the two by itself. */
  readonly clientCert: { readonly certificate: DataOrFile; readonly key: DataOrFile } | undefined;
  readonly token: string | undefined;
  /** A token's file, which wins over a token beside it. */
  readonly tokenFile: string | undefined;
  readonly basic: BasicAuth | undefined;
  readonly impersonate: Impersonation | undefined;
  readonly exec: ExecPlugin | undefined;
  /** What the cluster holds for an exec plugin. */
  readonly clusterExtension: unknown;
}

/** The name of the cluster's extension that is an exec plugin's config. */
const EXEC_EXTENSION = "client.authentication.k8s.io/exec";

/**
 * Picks a context.
 *
 * @param merged The kubeconfig.
 * @param overrides What to use in the place of what it says.
 * @throws {ConfigError} where something is missing, unknown or contradictory, naming the file and the entry.
 */
export function selectContext(
  merged: MergedKubeconfig,
  overrides: KubeconfigOverrides = {},
): ResolvedContext {
  const context = findContext(merged, overrides);
  const clusterBy = overrides.cluster
    ? { label: merged.label, path: "the option cluster" }
    : context && { label: context.label, path: `${at("contexts", context.name)}.context.cluster` };
  if (clusterBy === undefined) throw unusable(merged.label, explainNoContext(merged));
  const clusterName = overrides.cluster || context?.value.cluster;
  if (!clusterName) throw unusable(clusterBy.label, `${clusterBy.path} is missing`);
  const cluster = lookUp(merged.clusters, "cluster", clusterName, clusterBy);

  const userName = overrides.user || context?.value.user || undefined;
  const userBy =
    overrides.user || context === undefined
      ? { label: merged.label, path: "the option user" }
      : { label: context.label, path: `${at("contexts", context.name)}.context.user` };
  return {
    context: context?.name,
    clusterName,
    userName,
    namespace: overrides.namespace || context?.value.namespace || undefined,
    ...readCluster(cluster, at("clusters", clusterName)),
    ...(userName === undefined
      ? nobody
      : readUser(lookUp(merged.users, "user", userName, userBy), at("users", userName))),
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
  return name ? { name, ...lookUp(contexts, "context", name, by) } : undefined;
}

function explainNoContext({ clusters, users, contexts }: MergedKubeconfig): string {
  if (clusters.size + users.size + contexts.size === 0) {
    return "it holds no cluster, user or context";
  }
  return `it sets no current-context; pass the option context (${listNames("context", contexts)})`;
}

function lookUp<Value>(
  entries: ReadonlyMap<string, MergedEntry<Value>>,
  kind: "cluster" | "user" | "context",
  name: string,
  by: Place,
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
): FromCluster {
  const { server } = value;
  if (!server) throw unusable(label, `${path}.cluster.server is missing`);
  const ca = readDataOrFile(value, "certificate-authority", { label, path: `${path}.cluster` });
  const insecureSkipTlsVerify = value["insecure-skip-tls-verify"] ?? false;
  if (insecureSkipTlsVerify && ca !== undefined) {
    throw unusable(
      label,
      `${path}.cluster has both a certificate-authority and insecure-skip-tls-verify, which would leave it unused; drop one`,
    );
  }
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
    clusterExtension: value.extensions.find(({ name }) => name === EXEC_EXTENSION)?.extension,
  };
}

type FromUser = Pick<
  ResolvedContext,
  "clientCert" | "token" | "tokenFile" | "basic" | "impersonate" | "exec"
>;

const nobody: FromUser = {
  clientCert: undefined,
  token: undefined,
  tokenFile: undefined,
  basic: undefined,
  impersonate: undefined,
  exec: undefined,
};

function readUser({ value, label }: MergedEntry<NamedUser["user"]>, path: string): FromUser {
  const place = { label, path: `${path}.user` };
  const provider = value["auth-provider"];
  if (provider !== undefined) {
    throw unusable(
      label,
      `${place.path}.auth-provider was removed from kubectl; ${replacement(provider.name)}`,
    );
  }
  const clientCert = readClientCert(value, place);
  const token = value.token || undefined;
  const tokenFile = value.tokenFile || undefined;
  const { username = "", password = "" } = value;
  const basic = username || password ? { username, password } : undefined;
  const exec = value.exec && readExec(value.exec, place);

  const methods = [
    ...(token ? ["token"] : tokenFile ? ["tokenFile"] : []),
    ...(basic ? ["username and password"] : []),
    ...(exec ? ["exec"] : []),
    // Goes together with a token, but an exec plugin may give one itself.
    ...(exec && clientCert ? ["client-certificate"] : []),
  ];
  if (methods.length > 1) {
    throw unusable(
      label,
      `${place.path} has more than one way to authenticate (${methods.join("; ")}); keep one`,
    );
  }
  return {
    clientCert,
    token,
    tokenFile,
    basic,
    impersonate: readImpersonation(value, place),
    exec,
  };
}

/** Where in which file something is, or what asks for it, for messages. */
interface Place {
  readonly label: string;
  readonly path: string;
}

function readClientCert(user: NamedUser["user"], place: Place): ResolvedContext["clientCert"] {
  const certificate = readDataOrFile(user, "client-certificate", place);
  const key = readDataOrFile(user, "client-key", place);
  if (certificate === undefined && key === undefined) return undefined;
  if (certificate !== undefined && key !== undefined) return { certificate, key };
  const [there, missing] =
    key === undefined ? ["client-certificate", "client-key"] : ["client-key", "client-certificate"];
  throw unusable(
    place.label,
    `${place.path} has a ${there}, but neither ${missing} nor ${missing}-data`,
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
  const interactiveMode =
    exec.interactiveMode ?? (apiVersion.endsWith("/v1beta1") ? "IfAvailable" : undefined);
  if (interactiveMode === undefined) {
    throw unusable(
      place.label,
      `${path}.interactiveMode is missing; set it to Never, IfAvailable or Always, as ${apiVersion} demands`,
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

function replacement(provider: string | undefined): string {
  switch (provider) {
    case "gcp":
      return "install gke-gcloud-auth-plugin and run gcloud container clusters get-credentials again";
    case "azure":
      return "install kubelogin and run kubelogin convert-kubeconfig";
    case "oidc":
      return "use an exec plugin such as kubelogin (kubectl oidc-login)";
    default:
      return "use an exec plugin in its place";
  }
}

/** Reads `<field>-data`, and where it is absent, `<field>`. */
function readDataOrFile<Field extends string>(
  entry: { readonly [Name in Field | `${Field}-data`]?: string | undefined },
  field: Field,
  place: Place,
): DataOrFile | undefined {
  const data = entry[`${field}-data`];
  const file = entry[field];
  if (data) return { data: decodeBase64(data, `${field}-data`, place) };
  return file ? { file } : undefined;
}

function decodeBase64(written: string, field: string, { label, path }: Place): string {
  const base64 = written.replace(/\s+/g, "");
  if (base64.length % 4 !== 0 || !/^[A-Za-z0-9+/]*={0,2}$/.test(base64)) {
    throw unusable(label, `${path}.${field} is not base64; it takes PEM text encoded in base64`);
  }
  return new TextDecoder().decode(
    Uint8Array.from(atob(base64), (character) => character.charCodeAt(0)),
  );
}

/** Where an entry is: by its name, since the files that it may be in have each their own order. */
function at(list: string, name: string): string {
  return `${list}[${cleanName(name)}]`;
}

function unusable(label: string, reason: string): ConfigError {
  return new ConfigError(`Cannot use kubeconfig ${label}: ${reason}`);
}
