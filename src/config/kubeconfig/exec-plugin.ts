/**
 * Credentials from a program, as `aws eks get-token` and its like give them. It is run at the first use,
 * shortly before what it gave expires, and where the server rejects that; never by age. Follows client-go
 * `plugin/pkg/client/auth/exec/exec.go`.
 *
 * @module
 */

import { SourceError, toUnsupportedError } from "../../errors.ts";
import type { Programs, Runtime } from "../../runtime.ts";
import { Reloader } from "../../sources/reloader.ts";
import type { Source } from "../../sources/source.ts";
import { cleanName, cleanText } from "../../clean-text.ts";
import { type ExecCredential, readExecCredential } from "./exec-credential.ts";
import { toJson } from "./exact-json.ts";

export type { ExecCredential } from "./exec-credential.ts";

/** Which program to run, and how: a kubeconfig's `users[].user.exec`, its defaults filled in. */
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
  /** Whether it is passed the cluster that it is for. */
  readonly provideClusterInfo: boolean;
  /** Whether it is given standard input to ask a person; `IfAvailable` where that is a terminal. */
  readonly interactiveMode: "Never" | "IfAvailable" | "Always";
}

/** What a plugin is passed about the cluster: `spec.cluster` of ExecCredential, with its names. */
export interface ExecClusterInfo {
  readonly server: string;
  readonly "tls-server-name"?: string | undefined;
  readonly "insecure-skip-tls-verify"?: boolean | undefined;
  /** The CA bundle as the kubeconfig or the file has it, in base64. */
  readonly "certificate-authority-data"?: string | undefined;
  readonly "proxy-url"?: string | undefined;
  readonly "disable-compression"?: boolean | undefined;
  /** What the kubeconfig's cluster holds for the plugin; `null` if there is nothing. */
  readonly config: unknown;
}

/** What a plugin is run with. */
export interface ExecOptions {
  /**
   * How long it may take before it is killed, in milliseconds.
   *
   * @default 60_000
   */
  readonly timeoutMs?: number | undefined;
  /** Describes the cluster. Only called if the plugin asks for it. */
  readonly cluster: (signal: AbortSignal) => Promise<ExecClusterInfo>;
}

/** A credential is asked for anew this long before it expires, as a token is read. */
const LEEWAY_MS = 10_000;
/** The least time between two runs that rejected requests cause. */
const COOLDOWN_MS = 1_000;
const MAX_OUTPUT_BYTES = 1024 * 1024;
/** How much of what a failed plugin said is in the error, in characters. */
const MAX_LAST_WORDS = 500;

/**
 * Makes a source of what a plugin gives.
 *
 * @throws {ConfigError} if the runtime runs no programs.
 */
export function createExecSource(
  runtime: Runtime,
  plugin: ExecPlugin,
  { timeoutMs = 60_000, cluster }: ExecOptions,
): Source<ExecCredential> {
  const { programs, clock, capabilities } = runtime;
  const source = `exec plugin ${cleanName(plugin.command)}`;
  if (programs === undefined) {
    throw toUnsupportedError(
      runtime,
      `Cannot use ${source}: this runtime runs no programs; pass the option "config" with a token source`,
    );
  }
  return new Reloader<ExecCredential>(
    {
      kind: "exec",
      what: "credential",
      source,
      timeoutName: "execTimeoutMs",
      read: (signal) => runPlugin(programs, { plugin, cluster }, signal),
      isSame,
      expiresAt: ({ expiresAt }) => expiresAt && expiresAt - LEEWAY_MS,
      changed: ({ expiresAt }) => ({ type: "exec-credential-reloaded", source, expiresAt }),
    },
    { clock, sharedReads: capabilities.sharedReads },
    {
      reloadIntervalMs: Number.POSITIVE_INFINITY,
      cooldownMs: COOLDOWN_MS,
      readTimeoutMs: timeoutMs,
    },
  );
}

async function runPlugin(
  programs: Programs,
  { plugin, cluster }: Pick<ExecOptions, "cluster"> & { readonly plugin: ExecPlugin },
  signal: AbortSignal,
): Promise<ExecCredential> {
  const { apiVersion, command, args, interactiveMode, provideClusterInfo } = plugin;
  const interactive = interactiveMode !== "Never" && (await programs.stdinIsTerminal());
  if (interactiveMode === "Always" && !interactive) {
    throw new SourceError(
      "it has to ask a person (interactiveMode: Always), and standard input is unavailable: it is not a terminal",
      "failed",
    );
  }
  const spec = { ...(provideClusterInfo && { cluster: await cluster(signal) }), interactive };
  const env = {
    ...Object.fromEntries(plugin.env.map(({ name, value }) => [name, value])),
    KUBERNETES_EXEC_INFO: toJson({ kind: "ExecCredential", apiVersion, spec }),
  };
  const { exitCode, stdout, stderr } = await programs
    .run(
      { command, args, env, inheritStdin: interactive, maxOutputBytes: MAX_OUTPUT_BYTES },
      signal,
    )
    .catch((error: unknown) => {
      throw withHint(error, plugin.installHint);
    });
  if (exitCode !== 0) {
    const how = exitCode === undefined ? "was killed" : `ended with exit code ${exitCode}`;
    throw new SourceError(`it ${how}; ${lastWords(stderr)}`, "failed");
  }
  return readExecCredential(stdout, apiVersion);
}

/** The end of what a plugin said, without what may be secret. */
function lastWords(stderr: Uint8Array): string {
  const said = cleanText(redact(new TextDecoder().decode(stderr)));
  if (said === "") return "standard error has what it said";
  return `it said: ${said.length > MAX_LAST_WORDS ? `...${said.slice(-MAX_LAST_WORDS)}` : said}`;
}

/** Takes out what may be a private key or a token, also if its beginning has been cut off. */
function redact(text: string): string {
  return text
    .replace(/-----BEGIN [^-]+-----[^]*?(?:-----END [^-]+-----|$)/g, "(PEM)")
    .replace(/^[^]*-----END [^-]+-----/, "(PEM)")
    .replace(/\beyJ[\w.-]+/g, "(token)")
    .replace(/\b(bearer\s+)\S+/gi, "$1(token)")
    .replace(/[\w+=-]{40,}/g, (word) => (isMixed(word) ? "(token)" : word));
}

/** Whether a long word has digits, capitals and small letters, as tokens do. */
function isMixed(word: string): boolean {
  return /\d/.test(word) && /[A-Z]/.test(word) && /[a-z]/.test(word);
}

/** Tells those who have not got the program where to get it. */
function withHint(error: unknown, installHint: string | undefined): unknown {
  if (!(error instanceof SourceError) || error.reason !== "missing" || !installHint) return error;
  const hint = cleanText(installHint).replace(/\s+/g, " ");
  return new SourceError(`${error.message}; ${hint}`, "missing", {
    cause: error,
  });
}

function isSame(a: ExecCredential, b: ExecCredential): boolean {
  return (
    a.token === b.token &&
    a.expiresAt === b.expiresAt &&
    a.clientCert?.certificate === b.clientCert?.certificate &&
    a.clientCert?.key === b.clientCert?.key
  );
}
