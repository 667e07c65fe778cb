/**
 * What a pod knows of its cluster: two environment variables and the projected service account volume.
 * Follows client-go `rest/config.go`.
 *
 * @module
 */

import { withoutBrackets } from "../ip-address.ts";
import { ConfigError, SourceError, toUnsupportedError } from "../errors.ts";
import { absolutePath } from "../file-path.ts";
import { checkKnown, checkObject } from "../options.ts";
import type { Files, Runtime } from "../runtime.ts";
import { type CaSource, bindFileCaSource } from "../sources/ca-source.ts";
import type { ClientCertSource } from "../sources/client-cert-source.ts";
import {
  type Source,
  type SourceOptions,
  checkSource,
  pickSourceOptions,
  sourceOptionNames,
} from "../sources/source.ts";
import { type TokenSource, bindFileTokenSource } from "../sources/token-source.ts";
import type { ClusterConfig } from "./cluster-config.ts";
import { trimEnd } from "../trim-end.ts";

/** The folder that the kubelet projects the service account into. */
const SERVICE_ACCOUNT_ROOT = "/var/run/secrets/kubernetes.io/serviceaccount";

const MAX_NAMESPACE_BYTES = 1024;

const optionNames: readonly string[] = ["root", ...sourceOptionNames, "ca", "token", "clientCert"];

/** How to read the in-cluster config. */
export interface InClusterOptions extends SourceOptions {
  /**
   * The folder that holds `ca.crt`, `token` and `namespace`, for a sidecar that mounts it elsewhere.
   *
   * @default "/var/run/secrets/kubernetes.io/serviceaccount"
   */
  root?: string | undefined;
  /**
   * Who may vouch for the API server, in place of `ca.crt`.
   */
  ca?: CaSource | undefined;
  /**
   * The bearer token, in place of the file `token`.
   */
  token?: TokenSource | undefined;
  /**
   * A client certificate, sent beside the token, as in the file of a `podCertificate` volume.
   */
  clientCert?: ClientCertSource | undefined;
}

/**
 * Reads the in-cluster config, the CA bundle and the token among it.
 *
 * @throws {ConfigError} naming every variable and file that is missing or bad.
 */
export async function loadInCluster(
  runtime: Runtime,
  options: InClusterOptions = {},
): Promise<ClusterConfig> {
  checkObject("the options of inCluster", options, 'pass { root: "..." }');
  checkKnown("inCluster", options, optionNames);
  checkSource("option ca of inCluster", options.ca, "fileCaSource() or pushCaSource()");
  checkSource("option token of inCluster", options.token, "fileTokenSource() or pushTokenSource()");
  checkSource(
    "option clientCert of inCluster",
    options.clientCert,
    "fileClientCertSource() or pushClientCertSource()",
  );
  const sourceOptions = pickSourceOptions(options);
  checkAllUsed(options, sourceOptions);
  const { files } = runtime;
  const root = absolutePath(files, trimEnd(options.root ?? SERVICE_ACCOUNT_ROOT, "/"));
  if (files === undefined) throw inClusterError(runtime);

  const problems: string[] = [];
  const host = variable(runtime, "KUBERNETES_SERVICE_HOST", problems);
  const port = variable(runtime, "KUBERNETES_SERVICE_PORT", problems);
  const server = host && port && serverUrl(host, port, problems);
  const [caPath, tokenPath] = [`${root}/ca.crt`, `${root}/token`];
  const ca = options.ca ?? bindFileCaSource(runtime)(caPath, sourceOptions);
  const token = options.token ?? bindFileTokenSource(runtime)(tokenPath, sourceOptions);
  const { clientCert } = options;
  let namespace = "default";
  const readsFiles = options.ca === undefined || options.token === undefined;
  if (readsFiles && runtime.isDenied("read", root)) {
    problems.push(`${root} may not be read (grant --allow-read=${root})`);
  } else {
    const [ofCa, ofToken, ofClientCert, own] = await Promise.all([
      problemsOf(ca, options.ca === undefined ? caPath : undefined, files),
      problemsOf(token, options.token === undefined ? tokenPath : undefined, files),
      clientCert === undefined ? [] : problemsOf(clientCert, undefined, files),
      readNamespace(runtime, root),
    ]);
    problems.push(...ofCa, ...ofToken, ...ofClientCert);
    namespace = own;
  }
  if (!server || problems.length > 0) {
    throw new ConfigError(`Cannot load in-cluster config: ${problems.join("; ")}`);
  }
  return { server, ca, token, ...(clientCert && { clientCert }), namespace };
}

/** The error of a runtime that can't read the files of a pod. */
export function inClusterError(runtime: Runtime): ConfigError {
  return toUnsupportedError(
    runtime,
    `Cannot load in-cluster config: ${runtime.name} has no file system; pass the option "config" with a server and a token source`,
  );
}

/** Rejects an interval that no source uses: it would be ignored. */
function checkAllUsed({ ca, token }: InClusterOptions, sourceOptions: SourceOptions): void {
  if (ca === undefined || token === undefined) return;
  for (const name of sourceOptionNames) {
    if (sourceOptions[name] === undefined) continue;
    throw new TypeError(
      `Cannot use option ${name} of inCluster with ca and token: no file is read; give it to those sources`,
    );
  }
}

/** Reads a source for the first time; says what is wrong. */
async function problemsOf(
  source: Source<unknown>,
  path: string | undefined,
  files: Files,
): Promise<string[]> {
  try {
    await source.current();
    return [];
  } catch (error) {
    if (!(error instanceof SourceError)) throw error;
    if (path === undefined) return [error.message];
    const exists = await files.exists(path).catch(() => true); // What hides it is in the error already.
    return [exists ? error.message : `${path} is missing`];
  }
}

function variable(runtime: Runtime, name: string, problems: string[]): string | undefined {
  const value = runtime.env(name)?.trim();
  if (value) return value;
  const grant = runtime.isDenied("env", name)
    ? ` or may not be read (grant --allow-env=${name})`
    : "";
  problems.push(`${name} is not set${grant}`);
  return undefined;
}

function serverUrl(host: string, port: string, problems: string[]): string | undefined {
  const bare = withoutBrackets(host);
  const isName = /^[A-Za-z0-9._-]+$/.test(bare);
  const isIpv6 = bare.includes(":") && /^[0-9A-Fa-f:.]+$/.test(bare);
  const isPort = /^\d{1,5}$/.test(port) && Number(port) >= 1 && Number(port) <= 65_535;
  const url = URL.parse(`https://${isIpv6 ? `[${bare}]` : bare}:${port}`);
  if (!(isName || isIpv6) || (isPort && url === null)) {
    problems.push("KUBERNETES_SERVICE_HOST is neither a host name nor an IP address");
  }
  if (!isPort) problems.push("KUBERNETES_SERVICE_PORT is not a port number");
  return url?.origin;
}

/**
 * The namespace of the pod that this is; `undefined` outside of one. As client-go, it takes for a pod whatever
 * has a server and a token (`tools/clientcmd/client_config.go`, `Possible`).
 */
export async function podNamespace(runtime: Runtime): Promise<string | undefined> {
  const token = `${SERVICE_ACCOUNT_ROOT}/token`;
  const isPod =
    runtime.env("KUBERNETES_SERVICE_HOST") &&
    runtime.env("KUBERNETES_SERVICE_PORT") &&
    !runtime.isDenied("read", token) &&
    (await runtime.files?.exists(token).catch(() => false));
  return isPod ? await readNamespace(runtime, SERVICE_ACCOUNT_ROOT) : undefined;
}

async function readNamespace(runtime: Runtime, root: string): Promise<string> {
  const fromEnv = runtime.env("POD_NAMESPACE")?.trim();
  if (fromEnv) return fromEnv;
  try {
    const { signal } = new AbortController();
    const bytes = await runtime.files?.read(`${root}/namespace`, MAX_NAMESPACE_BYTES, signal);
    return new TextDecoder().decode(bytes).trim() || "default";
  } catch {
    return "default"; // The file is a courtesy: not every volume projects it.
  }
}
