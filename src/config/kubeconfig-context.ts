/**
 * What one context of a kubeconfig comes to, by client-go's rules (`tools/clientcmd/validation.go` and
 * `client_config.go`).
 *
 * @module
 */

import { SourceError } from "../errors.ts";
import type { Impersonation } from "../transport/impersonate.ts";
import type { BasicAuth } from "./cluster-config.ts";
import type { ExecPlugin } from "./exec-plugin.ts";
import type { Entry, MergedKubeconfig } from "./kubeconfig-merge.ts";
import type { KubeconfigCluster, KubeconfigExec, KubeconfigUser } from "./kubeconfig-schema.ts";

/** What is used in the place of what the kubeconfig says. */
export interface KubeconfigOverrides {
  readonly context?: string | undefined;
  readonly cluster?: string | undefined;
  readonly user?: string | undefined;
  readonly namespace?: string | undefined;
}

/** PEM text, or the file that holds it. */
export type PemPlace = { readonly data: string } | { readonly file: string };

/** A context, its cluster and its user. */
export interface ResolvedContext {
  readonly context: string | undefined;
  readonly server: string;
  readonly serverName: string | undefined;
  readonly insecureSkipTlsVerify: boolean;
  readonly ca: PemPlace | undefined;
  readonly proxyUrl: string | undefined;
  readonly disableCompression: boolean;
  readonly namespace: string | undefined;
  readonly clientCert: { readonly certificate: PemPlace; readonly key: PemPlace } | undefined;
  readonly token: string | undefined;
  readonly tokenFile: string | undefined;
  readonly basic: BasicAuth | undefined;
  readonly impersonate: Impersonation | undefined;
  readonly exec: ExecPlugin | undefined;
  /** What the cluster holds for exec plugins. */
  readonly clusterExtension: unknown;
}

const EXEC_EXTENSION = "client.authentication.k8s.io/exec";
const execVersions = ["client.authentication.k8s.io/v1", "client.authentication.k8s.io/v1beta1"];

/**
 * Selects a context and checks what it comes to.
 *
 * @throws {SourceError} naming the file and the field, or the name that is not there and those that are.
 */
export function selectContext(
  merged: MergedKubeconfig,
  overrides: KubeconfigOverrides,
): ResolvedContext {
  const { context: contextName = merged.currentContext } = overrides;
  const context =
    contextName === undefined ? undefined : find(merged, "context", merged.contexts, contextName);
  const clusterName = overrides.cluster ?? context?.value.cluster;
  if (!clusterName) {
    const known = list(merged.contexts.keys());
    throw invalid(
      context === undefined
        ? `${merged.label}: there is no current-context; set it, or pass the option context (there ${known})`
        : `${context.label}: ${context.path}.cluster is missing`,
    );
  }
  const userName = overrides.user ?? context?.value.user;
  const cluster = resolveCluster(find(merged, "cluster", merged.clusters, clusterName));
  const user = userName ? resolveUser(find(merged, "user", merged.users, userName)) : anonymous;
  const namespace = overrides.namespace ?? (context?.value.namespace || undefined);
  return { context: contextName, ...cluster, ...user, namespace };
}

type ClusterPart = Pick<
  ResolvedContext,
  | "server"
  | "serverName"
  | "insecureSkipTlsVerify"
  | "ca"
  | "proxyUrl"
  | "disableCompression"
  | "clusterExtension"
>;
type UserPart = Pick<
  ResolvedContext,
  "clientCert" | "token" | "tokenFile" | "basic" | "impersonate" | "exec"
>;

const anonymous: UserPart = {
  clientCert: undefined,
  token: undefined,
  tokenFile: undefined,
  basic: undefined,
  impersonate: undefined,
  exec: undefined,
};

function resolveCluster(entry: Entry<KubeconfigCluster>): ClusterPart {
  const { value: cluster } = entry;
  const server = cluster.server || undefined;
  if (server === undefined) throw wrong(entry, "server", "is missing");
  if (!/^https?:$/.test(URL.parse(server)?.protocol ?? "")) {
    throw wrong(entry, "server", "is not an http or https URL");
  }
  const insecureSkipTlsVerify = cluster["insecure-skip-tls-verify"] ?? false;
  const ca = pem(entry, "certificate-authority");
  if (insecureSkipTlsVerify && ca !== undefined) {
    throw wrong(
      entry,
      "insecure-skip-tls-verify",
      "is true and there is a certificate-authority as well; drop the former, so that the server is checked",
    );
  }
  const extension = cluster.extensions?.find(({ name }) => name === EXEC_EXTENSION);
  return {
    server,
    serverName: cluster["tls-server-name"] || undefined,
    insecureSkipTlsVerify,
    ca,
    proxyUrl: cluster["proxy-url"] || undefined,
    disableCompression: cluster["disable-compression"] ?? false,
    clusterExtension: extension?.extension,
  };
}

function resolveUser(entry: Entry<KubeconfigUser>): UserPart {
  const { value: user } = entry;
  if (user["auth-provider"]) throw removedProvider(entry, user["auth-provider"].name ?? "");
  const token = user.token || undefined;
  const tokenFile = user.tokenFile || undefined;
  const hasToken = (token ?? tokenFile) !== undefined;
  const hasBasic = Boolean(user.username || user.password);
  if (hasToken && hasBasic) {
    throw wrong(
      entry,
      "username",
      "stands beside a token, and both are the Authorization header; drop one of the two",
    );
  }
  const certificate = pem(entry, "client-certificate");
  const key = pem(entry, "client-key");
  if (certificate === undefined && key !== undefined) {
    throw wrong(entry, "client-certificate", "is missing, though there is a client-key");
  }
  if (certificate !== undefined && key === undefined) {
    throw wrong(entry, "client-key", "is missing, though there is a client-certificate");
  }
  const exec = user.exec ? resolveExec(entry, user.exec) : undefined;
  if (exec !== undefined && (hasToken || hasBasic || certificate !== undefined)) {
    throw wrong(entry, "exec", "stands beside another credential; drop one of the two");
  }
  return {
    clientCert: certificate && key && { certificate, key },
    token,
    tokenFile,
    basic: hasBasic ? { username: user.username ?? "", password: user.password ?? "" } : undefined,
    impersonate: resolveImpersonation(entry),
    exec,
  };
}

function resolveImpersonation(entry: Entry<KubeconfigUser>): Impersonation | undefined {
  const { value: user } = entry;
  const uid = user["as-uid"] || undefined;
  const groups = user["as-groups"] ?? [];
  const extra = user["as-user-extra"] ?? {};
  if (user.as) return { user: user.as, uid, groups, extra };
  if (uid !== undefined || groups.length > 0 || Object.keys(extra).length > 0) {
    throw wrong(entry, "as", "is missing, though there is a UID, a group or an extra to act with");
  }
  return undefined;
}

function resolveExec(entry: Entry<KubeconfigUser>, exec: KubeconfigExec): ExecPlugin {
  const { command, apiVersion } = exec;
  if (!command) throw wrong(entry, "exec.command", "is missing");
  if (!apiVersion || !execVersions.includes(apiVersion)) {
    throw wrong(entry, "exec.apiVersion", `is none of ${execVersions.join(", ")}`);
  }
  if (!exec.interactiveMode && apiVersion === execVersions[0]) {
    throw wrong(entry, "exec.interactiveMode", "is missing: v1 wants Never, IfAvailable or Always");
  }
  for (const [index, { name }] of (exec.env ?? []).entries()) {
    if (name === "" || name.includes("=")) {
      throw wrong(entry, `exec.env[${index}].name`, "is no name of a variable");
    }
  }
  return {
    apiVersion,
    command,
    args: exec.args ?? [],
    env: (exec.env ?? []).map(({ name, value }) => ({ name, value })),
    installHint: exec.installHint || undefined,
    provideClusterInfo: exec.provideClusterInfo ?? false,
    interactiveMode: exec.interactiveMode ?? "IfAvailable",
  };
}

/** Data before a file, as client-go has it. */
function pem<K extends string>(
  entry: Entry<{ [key in K | `${K}-data`]?: string | null | undefined }>,
  field: K,
): PemPlace | undefined {
  const data = entry.value[`${field}-data`];
  if (data) {
    try {
      // Binary to text as it is: PEM is ASCII.
      return { data: atob(data.replace(/\s+/g, "")) };
    } catch {
      throw wrong(entry, `${field}-data`, "is not base64");
    }
  }
  const file = entry.value[field];
  return file ? { file } : undefined;
}

const replacements: Readonly<Record<string, string>> = {
  gcp: "the exec plugin gke-gcloud-auth-plugin",
  azure: "the exec plugin kubelogin (kubelogin convert-kubeconfig)",
  oidc: "an exec plugin such as kubelogin (kubectl oidc-login)",
};

function removedProvider(entry: Entry<KubeconfigUser>, name: string): SourceError {
  const known = Object.hasOwn(replacements, name) ? replacements[name] : "an exec plugin";
  return wrong(
    entry,
    "auth-provider",
    `(${clean(name)}) is of a kind that Kubernetes has removed; it was replaced by ${known}`,
  );
}

function find<T>(
  { label }: MergedKubeconfig,
  kind: string,
  entries: ReadonlyMap<string, Entry<T>>,
  name: string,
): Entry<T> {
  const entry = entries.get(name);
  if (entry !== undefined) return entry;
  throw invalid(
    `${label}: there is no ${kind} named ${JSON.stringify(clean(name))} (there ${list(entries.keys())})`,
  );
}

function list(names: Iterable<string>): string {
  const all = Array.from(names, (name) => JSON.stringify(clean(name)));
  if (all.length === 0) return "are none";
  const more = all.length > 10 ? `, and ${all.length - 10} more` : "";
  return `are ${all.slice(0, 10).join(", ")}${more}`;
}

/** Names come from files: no escape sequence of theirs reaches a terminal. */
function clean(name: string): string {
  // eslint-disable-next-line no-control-regex
  return name
    .replace(/\u001b\[[0-9;?]*[ -/]*[@-~]/g, "")
    .replace(/\p{C}/gu, "")
    .slice(0, 100);
}

function wrong(entry: Entry<unknown>, field: string, reason: string): SourceError {
  return invalid(`${entry.label}: ${entry.path}.${field} ${reason}`);
}

function invalid(message: string): SourceError {
  return new SourceError(message, "invalid");
}
