/**
 * The commands of the command line.
 *
 * @module
 */

import { readFile, realpath, rename, rm, stat, writeFile } from "node:fs/promises";
import process from "node:process";
import { parseArgs } from "node:util";
import type { KubeClient } from "../../src/client/client.ts";
import { ConfigError, isBranded } from "../../src/errors.ts";
import { kindsOfCluster } from "../../src/generate/cluster-kinds.ts";
import { type CustomKind, kindsOfCrds } from "../../src/generate/custom-kind.ts";
import { declareKinds } from "../../src/generate/declare-kinds.ts";
import { readManifests } from "../../src/manifests/read-manifests.ts";
import { version } from "../../src/version.ts";

const help = `Usage: reanchor <command>

Commands:
  generate    Write TypeScript for custom resources

Options:
  -h, --help     Show this help, or that of a command
  -v, --version  Show the version of reanchor
`;

const generateHelp = `Usage: reanchor generate <file>...
       reanchor generate --cluster

Writes TypeScript for custom resources: their types, and a call of defineResource() for each.

  <file>              YAML or JSON with CustomResourceDefinitions; - is the standard input
  --cluster           Read the kinds of a cluster (OpenAPI) that Kubernetes does not bring itself

Options:
  -o, --output FILE   Write to a file instead of the standard output
      --group GROUP   With --cluster: the kinds of this API group only; may be repeated
      --context NAME  With --cluster: the context of the kubeconfig
      --kubeconfig FILE
                      With --cluster: the kubeconfig, instead of $KUBECONFIG and ~/.kube/config
      --all-versions  Write every served version, not only the newest
      --from MODULE   Where the code imports defineResource from (default: reanchor/resources)
  -h, --help          Show this help
`;

/** What commands write to. */
export interface Output {
  /** Writes a result, and waits until it has been taken: a pipe may be slow. */
  print(text: string): Promise<void>;
  /** Writes what went wrong. */
  complain(text: string): void;
}

/** The caller wrote something wrong. */
class UsageError extends Error {}

const OK = 0;
const FAILED = 1;
const MISUSED = 2;

/**
 * Runs a command.
 *
 * @param args What follows the program's name.
 * @returns The exit code: 0, 1 if it failed, 2 if it was called wrongly.
 */
export async function runCommand(args: readonly string[], output: Output): Promise<number> {
  try {
    await output.print(await resultOf(args)).catch(explainOutput);
    return OK;
  } catch (error) {
    if (error instanceof UsageError) {
      output.complain(`reanchor: ${error.message}; see reanchor --help\n`);
      return MISUSED;
    }
    if (!isBranded(error)) throw error;
    output.complain(`reanchor: ${error.message}\n`);
    return FAILED;
  }
}

/** Carries a command out, and returns what it prints. */
async function resultOf([command, ...rest]: readonly string[]): Promise<string> {
  if (command === "generate") return await generate(rest);
  if (command === "-v" || command === "--version") return `${version}\n`;
  if (command === "-h" || command === "--help" || command === "help") return help;
  const problem = `there is no command ${JSON.stringify(command)}`;
  throw new UsageError(command === undefined ? "a command is missing" : problem);
}

async function generate(args: readonly string[]): Promise<string> {
  const { values, positionals: files } = parseOptions(args);
  if (values.help === true) return generateHelp;
  const { cluster: isCluster, group: groups = [], context, kubeconfig, output } = values;
  if (isCluster !== true) {
    for (const name of ["group", "context", "kubeconfig"] as const) {
      if (values[name] !== undefined) throw new UsageError(`--${name} needs --cluster`);
    }
    if (files.length === 0) throw new UsageError("generate needs a file, or --cluster");
  } else if (files.length > 0) {
    throw new UsageError("generate takes files or --cluster, not both");
  }
  const kinds =
    isCluster === true
      ? await fromCluster(groups, { context, kubeconfig })
      : (await Promise.all(files.map(fromFile))).flat();
  const code = declareKinds(kinds, {
    importFrom: values.from ?? "reanchor/resources",
    allVersions: values["all-versions"] === true,
  });
  if (output === undefined) return code;
  await writeWhole(output, code).catch(explainAs(`Cannot write ${output}`));
  return "";
}

/** Writes a file whole or not at all: one that exists stays as it is if the disk is full. */
async function writeWhole(path: string, text: string): Promise<void> {
  const target = await realpath(path).catch(() => path);
  const present = await stat(target).catch(() => undefined);
  // Nothing takes the place of a folder, a pipe or a device.
  if (present !== undefined && !present.isFile()) return await writeFile(target, text);
  const draft = `${target}.${process.pid}.tmp`;
  try {
    await writeFile(draft, text, present === undefined ? {} : { mode: present.mode });
    await rename(draft, target);
  } catch (error) {
    await rm(draft, { force: true });
    throw error;
  }
}

/** That the reader of a pipe has left, as `head` does, is no failure. */
function explainOutput(error: unknown): void {
  if ((error as { code?: string }).code === "EPIPE") return;
  explainAs("Cannot write to the standard output")(error);
}

/** Says in words what the system said of a file. */
function explainAs(what: string): (error: unknown) => never {
  return (error) => {
    const { code = "unknown" } = error as { code?: string };
    throw new ConfigError(`${what}: ${reasons[code] ?? code}`, { cause: error });
  };
}

const reasons: Readonly<Record<string, string>> = {
  EACCES: "permission is denied",
  EFBIG: "it would be larger than files may be here",
  EISDIR: "it is a folder",
  ENOENT: "there is no such file or folder",
  ENOSPC: "the disk is full",
  ENOTDIR: "a part of the path is no folder",
  EPERM: "permission is denied",
  EROFS: "the file system is read-only",
};

function parseOptions(args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      allowPositionals: true,
      options: {
        cluster: { type: "boolean" },
        output: { type: "string", short: "o" },
        group: { type: "string", multiple: true },
        context: { type: "string" },
        kubeconfig: { type: "string" },
        "all-versions": { type: "boolean" },
        from: { type: "string" },
        help: { type: "boolean", short: "h" },
      },
    });
  } catch (error) {
    throw new UsageError((error as Error).message.split("\n", 1)[0]?.replace(/\.$/, ""));
  }
}

async function fromFile(file: string): Promise<CustomKind[]> {
  const content =
    file === "-" ? await readInput() : await readFile(file).catch(explainAs(`Cannot read ${file}`));
  const name = file === "-" ? "the standard input" : file;
  return kindsOfCrds(readManifests(content, { file: name }), name);
}

async function readInput(): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of process.stdin) chunks.push(chunk as Uint8Array);
  return new Uint8Array(await new Blob(chunks as BlobPart[]).arrayBuffer());
}

async function fromCluster(
  groups: readonly string[],
  { context, kubeconfig: path }: { context?: string | undefined; kubeconfig?: string | undefined },
): Promise<CustomKind[]> {
  const entry = await entryOfRuntime();
  const isNamed = context !== undefined || path !== undefined;
  const config = isNamed ? await entry.kubeconfig({ context, path }) : undefined;
  const kube: KubeClient = await entry.connect(config === undefined ? {} : { config });
  try {
    return await kindsOfCluster(kube, groups);
  } finally {
    await kube.close();
  }
}

/** The entry of the runtime that this is. */
async function entryOfRuntime(): Promise<
  Pick<typeof import("../node.ts"), "connect" | "kubeconfig">
> {
  if (process.versions["bun"] !== undefined) return await import("../bun.ts");
  return process.versions["deno"] === undefined
    ? await import("../node.ts")
    : await import("../deno.ts");
}
