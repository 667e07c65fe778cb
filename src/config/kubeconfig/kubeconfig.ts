/**
 * Where a kubeconfig says to connect and as whom, read again while the program runs. Loaded only where there
 * is a kubeconfig: a program in a pod pays for neither YAML nor schemas.
 *
 * Follows client-go `tools/clientcmd`.
 *
 * @module
 */

import { toBase64 } from "../../bytes.ts";
import { MAX_BUNDLE_BYTES } from "../../certificates/pem.ts";
import { ConfigError, ReanchorError, SourceError, toUnsupportedError } from "../../errors.ts";
import { folderOf } from "../../file-path.ts";
import { checkDuration, checkKnown, checkObject } from "../../options.ts";
import type { Runtime } from "../../runtime.ts";
import { bindFileCaSource, createStaticCaSource } from "../../sources/ca-source.ts";
import {
  type ClientCert,
  type ClientCertPem,
  createClientCertSource,
  bindFileClientCertSource,
} from "../../sources/client-cert-source.ts";
import { createStaticClientCertSource, parseClientCert } from "../../sources/client-cert-pair.ts";
import { fallbackSource, mapSource } from "../../sources/mapped-source.ts";
import { Reloader } from "../../sources/reloader.ts";
import {
  type Source,
  type SourceOptions,
  type SourceReloadOptions,
  pickSourceOptions,
} from "../../sources/source.ts";
import { bindFileTokenSource, createStaticTokenSource } from "../../sources/token-source.ts";
import type { ClusterConfig } from "../cluster-config.ts";
import { podNamespace } from "../in-cluster.ts";
import { type ExecClusterInfo, createExecSource } from "./exec-plugin.ts";
import {
  type DataOrFile,
  EmptyKubeconfig,
  type ResolvedContext,
  selectContext,
} from "./context.ts";
import { createIdTokenSource, idTokenExpiry } from "./id-token.ts";
import { toJson } from "./exact-json.ts";
import {
  EMPTY_FILE,
  type KubeconfigOptions,
  type KubeconfigPlaces,
  kubeconfigOptionNames,
  findKubeconfigs,
} from "./locations.ts";
import { type KubeconfigFile, mergeKubeconfigs } from "./merge.ts";
import { parseKubeconfig } from "./parse.ts";
import { Warnings } from "./kubeconfig-warnings.ts";
import { MAX_KUBECONFIG_BYTES, type Warn } from "./yaml.ts";

const execLimit = { min: 1_000, max: 3_600_000 };

/**
 * Reads a kubeconfig.
 *
 * @throws {ConfigError} if it is missing or bad, naming the file, and where in it.
 */
export async function loadKubeconfig(
  runtime: Runtime,
  options: KubeconfigOptions,
): Promise<Source<ClusterConfig>> {
  checkObject("the options of kubeconfig", options, 'pass { path: "..." }');
  checkKnown("kubeconfig", options, kubeconfigOptionNames);
  const places = findKubeconfigs(runtime, options);
  const configs = createConfigSource(runtime, options, places);
  try {
    await configs.current();
  } catch (cause) {
    throw cause instanceof ReanchorError ? new ConfigError(cause.message, { cause }) : cause;
  }
  return configs;
}

/**
 * Reads the kubeconfig that nobody has named outright.
 *
 * @returns `undefined` if it says nothing, as an empty file does.
 * @throws {ConfigError} as {@link loadKubeconfig} does.
 */
export async function loadUsualKubeconfig(
  runtime: Runtime,
  options: SourceOptions,
): Promise<Source<ClusterConfig> | undefined> {
  try {
    return await loadKubeconfig(runtime, pickSourceOptions(options));
  } catch (error) {
    // The source's own error stands between: it says which files it is about.
    if (error instanceof ConfigError && error.cause instanceof SourceError) {
      if (error.cause.cause instanceof EmptyKubeconfig) return undefined;
    }
    throw error;
  }
}

function createConfigSource(
  runtime: Runtime,
  options: KubeconfigOptions,
  places: KubeconfigPlaces,
): Source<ClusterConfig> {
  const source = `kubeconfig ${places.label}`;
  const execTimeoutMs = checkDuration("execTimeoutMs", options.execTimeoutMs, execLimit) ?? 60_000;
  const warnings = new Warnings(source);
  const read = createReader(runtime, places);

  const contexts = new WeakMap<ClusterConfig, ResolvedContext>();
  let last: { readonly key: string; readonly config: ClusterConfig } | undefined;
  const builder: Builder = {
    runtime,
    source,
    execTimeoutMs,
    sourceOptions: pickSourceOptions(options),
    async isOutdated(context, waiting) {
      const latest = contexts.get(await configs.reload(waiting));
      return latest !== context;
    },
  };
  const configs = new Reloader<ClusterConfig>(
    {
      kind: "kubeconfig",
      what: "kubeconfig",
      source: places.label,
      async read(signal) {
        const found: string[] = [];
        const warn = (message: string): void => void found.push(message);
        const merged = mergeKubeconfigs(await read(warn, signal));
        const selected = selectContext(merged, options, warn);
        const namespace = selected.namespace ?? (await podNamespace(runtime));
        const context = { ...selected, namespace };
        warnings.replace(found);
        // Other contexts of the file come and go without a new connection.
        const key = toJson(context);
        if (last?.key === key) return last.config;
        const config = buildConfig(builder, context);
        contexts.set(config, context);
        last = { key, config };
        return config;
      },
      isSame: (a, b) => a === b,
      // It may have been renewed by then, as the token of a file.
      expiresAt(config) {
        const oidc = contexts.get(config)?.oidc;
        return oidc && idTokenExpiry(oidc);
      },
      changed: (next) => ({
        type: "kubeconfig-reloaded",
        source,
        context: contexts.get(next)?.context,
        server: String(next.server),
      }),
    },
    { clock: runtime.clock, sharedReads: runtime.capabilities.sharedReads },
    builder.sourceOptions,
  );
  return {
    current: (waiting) => configs.current(waiting),
    fresh: () => configs.fresh(),
    reload: (waiting) => configs.reload(waiting),
    peek: () => configs.peek(),
    isFixed: places.content !== undefined,
    get status() {
      return configs.status;
    },
    subscribe(listener) {
      const unsubscribe = configs.subscribe(listener);
      const removeWarnings = warnings.subscribe(listener);
      return () => {
        unsubscribe();
        removeWarnings();
      };
    },
  };
}

/** A file of a kubeconfig, and what it was parsed from. */
interface ParsedFile {
  readonly bytes: Uint8Array;
  readonly warnings: readonly string[];
  readonly file: KubeconfigFile;
}

function isSameContent(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, index) => byte === b[index]);
}

/** Reads every file that is there; one that has been there must not be missing later. */
function createReader(
  runtime: Runtime,
  { paths, content, mustExist }: KubeconfigPlaces,
): (warn: Warn, signal: AbortSignal) => Promise<KubeconfigFile[]> {
  if (content === undefined || typeof content === "string") checkParserMayRun(runtime);
  if (content !== undefined) {
    const label = "content";
    // Once, and its relative paths are those of the folder of now.
    const found: string[] = [];
    const config = parseKubeconfig(content, label, (message) => found.push(message));
    const folder = runtime.files?.workingFolder();
    const file = { folder, label, config };
    return async (warn) => {
      found.forEach(warn);
      return [file];
    };
  }
  const { files } = runtime;
  if (files === undefined) {
    throw toUnsupportedError(
      runtime,
      `Cannot read kubeconfig ${paths.join(", ")}: ${runtime.name} has no file system; pass its text as the option "content"`,
    );
  }
  const seen = new Set<string>();
  /** What each file held last, if it could be parsed. */
  const last = new Map<string, ParsedFile>();
  return async (warn, signal) => {
    const found: KubeconfigFile[] = [];
    const parse = (bytes: Uint8Array, path: string): void => {
      seen.add(path);
      let parsed = last.get(path);
      // Compared first: requests that wait for trust read it over and over.
      if (parsed === undefined || !isSameContent(parsed.bytes, bytes)) {
        const warnings: string[] = [];
        const config = parseKubeconfig(bytes, path, (message) => warnings.push(message));
        parsed = { bytes, warnings, file: { folder: folderOf(path), label: path, config } };
      }
      last.set(path, parsed);
      parsed.warnings.forEach(warn);
      found.push(parsed.file);
    };
    for (const path of paths) {
      if (path === EMPTY_FILE) {
        parse(new Uint8Array(), path);
        continue;
      }
      if (runtime.isDenied("read", path)) {
        throw new SourceError(`${path} may not be read (grant --allow-read=${path})`, "unreadable");
      }
      if (!(await files.exists(path))) {
        if (!mustExist && !seen.has(path)) continue;
        throw new SourceError(`${path} is missing`, "missing");
      }
      parse(await files.read(path, MAX_KUBECONFIG_BYTES, signal), path);
    }
    if (seen.size === 0) throw new SourceError("none of its files is there", "missing");
    return found;
  };
}

/** What the YAML parser asks the environment at each text; where it may not, a runtime prompts or throws. */
const parserVariables = ["LOG_STREAM", "LOG_TOKENS"];

function checkParserMayRun(runtime: Runtime): void {
  const denied = parserVariables.filter((name) => runtime.isDenied("env", name));
  if (denied.length === 0) return;
  throw new ConfigError(
    `Cannot read kubeconfig: the YAML parser looks at two variables for its own debugging; grant --allow-env=${denied.join(",")}, or pass the option "content" an object`,
  );
}

/** What a config is built with. */
interface Builder {
  readonly runtime: Runtime;
  readonly source: string;
  readonly execTimeoutMs: number;
  readonly sourceOptions: SourceOptions;
  /** Reads the kubeconfig again, and says whether it is no longer this context that it names. */
  readonly isOutdated: (
    context: ResolvedContext,
    waiting: SourceReloadOptions | undefined,
  ) => Promise<boolean>;
}

function buildConfig(builder: Builder, context: ResolvedContext): ClusterConfig {
  const { server, serverName, insecureSkipTlsVerify, disableCompression, namespace } = context;
  const ca = buildCa(builder, context);
  return {
    server,
    ca,
    serverName,
    insecureSkipTlsVerify,
    disableCompression,
    namespace,
    proxy: context.proxyUrl,
    basicAuth: context.basic,
    impersonate: context.impersonate,
    ...(context.exec === undefined
      ? { token: buildToken(builder, context), clientCert: buildClientCert(builder, context) }
      : buildExec(builder, context, context.exec)),
  };
}

function buildCa(
  { runtime, source, sourceOptions }: Builder,
  { ca }: ResolvedContext,
): ClusterConfig["ca"] {
  if (ca === undefined) return undefined;
  return "file" in ca
    ? bindFileCaSource(runtime)(ca.file, sourceOptions)
    : createStaticCaSource(ca.data, {
        source: `${source} (certificate-authority-data)`,
        runtime,
      });
}

/** The token of a file wins over one that stands beside it, where it can be read. */
function buildToken(builder: Builder, context: ResolvedContext): ClusterConfig["token"] {
  const { runtime, source, sourceOptions } = builder;
  const { token, tokenFile, oidc } = context;
  if (oidc !== undefined) {
    return createIdTokenSource(runtime.clock, oidc, {
      source,
      isOutdated: (waiting) => builder.isOutdated(context, waiting),
    });
  }
  const inline =
    token === undefined ? undefined : createStaticTokenSource(token, `${source} (token)`);
  if (tokenFile === undefined) return inline;
  const file = bindFileTokenSource(runtime)(tokenFile, sourceOptions);
  return inline === undefined ? file : fallbackSource(file, inline);
}

function buildClientCert(
  { runtime, source, sourceOptions }: Builder,
  { clientCert }: ResolvedContext,
): Source<ClientCert> | undefined {
  if (clientCert === undefined) return undefined;
  const { certificate, key } = clientCert;
  if ("file" in certificate && "file" in key) {
    const paths = { certificate: certificate.file, key: key.file };
    return bindFileClientCertSource(runtime)(paths, sourceOptions);
  }
  if ("data" in certificate && "data" in key) {
    const pem = { certificate: certificate.data, key: key.data };
    return createStaticClientCertSource(pem, {
      source: `${source} (client-certificate-data)`,
      runtime,
    });
  }
  const { files } = runtime;
  const read = async (
    part: typeof certificate,
    signal: AbortSignal,
  ): Promise<ClientCertPem["key"]> => {
    if ("data" in part) return part.data;
    if (files === undefined) throw new ConfigError(`Cannot read ${part.file}: there are no files`);
    return await files.read(part.file, MAX_BUNDLE_BYTES, signal);
  };
  return createClientCertSource(
    runtime,
    {
      source: `${source} (client-certificate and client-key)`,
      read: async (signal) => ({
        certificate: await read(certificate, signal),
        key: await read(key, signal),
      }),
    },
    sourceOptions,
  );
}

function buildExec(
  { runtime, execTimeoutMs }: Builder,
  context: ResolvedContext,
  exec: NonNullable<ResolvedContext["exec"]>,
): Pick<ClusterConfig, "token" | "clientCert"> {
  // In the order and the form of client-go (`rest/exec.go`), which leaves out what is empty, but never `config`.
  const cluster = async (signal: AbortSignal): Promise<ExecClusterInfo> => ({
    server: context.server,
    "tls-server-name": context.serverName,
    "insecure-skip-tls-verify": context.insecureSkipTlsVerify || undefined,
    "certificate-authority-data": context.ca && (await readBase64(runtime, context.ca, signal)),
    "proxy-url": context.proxyUrl,
    "disable-compression": context.disableCompression || undefined,
    config: context.clusterExtension ?? null,
  });
  const credentials = createExecSource(runtime, exec, { cluster, timeoutMs: execTimeoutMs });
  return {
    token: mapSource(credentials, { kind: "token", map: ({ token }) => token, isSilent: true }),
    clientCert: mapSource(credentials, {
      kind: "client-certificate",
      map: ({ clientCert }) =>
        clientCert &&
        parseClientCert(clientCert, runtime.clock.wallNow(), runtime.checkCertificate),
    }),
  };
}

/** What is in a file or in the kubeconfig, byte for byte. */
async function readBase64(
  runtime: Runtime,
  part: DataOrFile,
  signal: AbortSignal,
): Promise<string> {
  if ("base64" in part) return part.base64;
  const bytes = await runtime.files?.read(part.file, MAX_BUNDLE_BYTES, signal);
  return toBase64(bytes ?? new Uint8Array());
}
