/**
 * Credentials from a program, as `aws eks get-token` and its like give them (client-go
 * `plugin/pkg/client/auth/exec/exec.go`). It is run at the first use, shortly before what it gave expires,
 * and where the server refuses that.
 *
 * @module
 */

import { ConfigError, SourceError } from "../errors.ts";
import type { Programs, Runtime } from "../runtime.ts";
import { Reloader } from "../sources/reload.ts";
import type { Source } from "../sources/source.ts";
import { type ExecCredential, readExecCredential } from "./exec-credential.ts";

/** Which program to run, and how. */
export interface ExecPlugin {
  /** Which version of ExecCredential it speaks. */
  readonly apiVersion: string;
  /** A path, or a name to be looked for in `PATH`. */
  readonly command: string;
  readonly args: readonly string[];
  /** Added to this process's environment. */
  readonly env: readonly { readonly name: string; readonly value: string }[];
  /** Where to get it, for those who have not got it. */
  readonly installHint: string | undefined;
  /** Whether it is told which cluster it is for. */
  readonly provideClusterInfo: boolean;
  /** Whether it may ask a person at a terminal. */
  readonly interactiveMode: "Never" | "IfAvailable" | "Always";
}

/** What a plugin is told of the cluster: `spec.cluster` of ExecCredential. */
export interface ExecClusterInfo {
  readonly server: string;
  readonly "tls-server-name"?: string | undefined;
  readonly "insecure-skip-tls-verify"?: boolean | undefined;
  /** The CA bundle in base64. */
  readonly "certificate-authority-data"?: string | undefined;
  readonly "proxy-url"?: string | undefined;
  readonly "disable-compression"?: boolean | undefined;
  /** What the kubeconfig's cluster holds for the plugin. */
  readonly config?: unknown;
}

/** What a plugin is run with. */
export interface ExecOptions {
  /** Tells of the cluster; only asked where the plugin wants it. */
  readonly cluster: () => Promise<ExecClusterInfo>;
  /** How long it may take, in milliseconds. */
  readonly timeoutMs: number;
}

/** A credential is asked for anew this long before it expires. */
const LEEWAY_MS = 10_000;
/** The least time between two runs. */
const COOLDOWN_MS = 1_000;
const MAX_OUTPUT_BYTES = 1024 * 1024;

/**
 * Makes a source of what a plugin gives.
 *
 * @throws {ConfigError} where the runtime runs no programs.
 */
export function createExecSource(
  runtime: Runtime,
  plugin: ExecPlugin,
  { cluster, timeoutMs }: ExecOptions,
): Source<ExecCredential> {
  const { programs, clock, capabilities } = runtime;
  if (programs === undefined) {
    throw new ConfigError(
      `Cannot run exec plugin ${plugin.command}: ${runtime.name} runs no programs; use a token source`,
    );
  }
  const source = `exec plugin ${plugin.command}`;
  return new Reloader<ExecCredential>(
    {
      kind: "exec",
      what: "credential",
      source,
      read: (signal) => runPlugin(programs, plugin, cluster, signal),
      isSame: isSameCredential,
      expiresAt: ({ expiresAt }) => expiresAt && expiresAt - LEEWAY_MS,
      changed: ({ expiresAt }) => ({ type: "exec-credential-reloaded", source, expiresAt }),
    },
    { clock, sharedReads: capabilities.sharedReads },
    {
      // A plugin says itself how long it is good for.
      reloadIntervalMs: Number.POSITIVE_INFINITY,
      cooldownMs: COOLDOWN_MS,
      readTimeoutMs: timeoutMs,
    },
  );
}

async function runPlugin(
  programs: Programs,
  plugin: ExecPlugin,
  cluster: ExecOptions["cluster"],
  signal: AbortSignal,
): Promise<ExecCredential> {
  const { apiVersion, command, args, interactiveMode, provideClusterInfo } = plugin;
  const interactive = interactiveMode !== "Never" && programs.stdinIsTerminal();
  if (interactiveMode === "Always" && !interactive) {
    throw new SourceError(
      "it asks for a person at a terminal (interactiveMode: Always), and standard input is none",
      "failed",
    );
  }
  const info = {
    apiVersion,
    kind: "ExecCredential",
    spec: { interactive, ...(provideClusterInfo && { cluster: await cluster() }) },
  };
  const env = {
    ...Object.fromEntries(plugin.env.map(({ name, value }) => [name, value])),
    KUBERNETES_EXEC_INFO: JSON.stringify(info),
  };
  const run = { command, args, env, inheritStdin: interactive, maxOutputBytes: MAX_OUTPUT_BYTES };
  const { exitCode, stdout } = await programs.run(run, signal).catch((error: unknown) => {
    throw withHint(error, plugin);
  });
  if (exitCode !== 0) {
    const how =
      exitCode === undefined ? "was ended by a signal" : `ended with exit code ${exitCode}`;
    throw new SourceError(`it ${how}; what it said is on standard error`, "failed");
  }
  return readExecCredential(stdout, apiVersion);
}

/** Tells those who have not got the program where to get it. */
function withHint(error: unknown, { installHint }: ExecPlugin): unknown {
  if (!(error instanceof SourceError) || error.reason !== "missing" || !installHint) return error;
  // Text from a file: no control character of it reaches a terminal.
  const hint = installHint.replace(/\p{Cc}+/gu, " ").trim();
  return new SourceError(`${error.message}; ${hint}`, error.reason, { cause: error.cause });
}

function isSameCredential(a: ExecCredential, b: ExecCredential): boolean {
  return (
    a.token === b.token &&
    a.expiresAt === b.expiresAt &&
    a.clientCert?.certificate === b.clientCert?.certificate &&
    a.clientCert?.key === b.clientCert?.key
  );
}
