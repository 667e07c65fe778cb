/**
 * The clients of the demo, and how each is started.
 *
 * @module
 */

import { existsSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";

/** Where a client finds its service account. */
export interface Places {
  /** The service account's folder. */
  readonly root: string;
  /** A folder under which the service account is where a pod has it. */
  readonly fileSystem: string;
}

/** A client of the demo. */
export interface Client {
  readonly id: string;
  readonly label: string;
  /** What it consists of. `{runtime}` is replaced with its runtime and version. */
  readonly detail: string;
  readonly isReanchor: boolean;
  /** How it handles a changed CA, if it does not report its reads. */
  readonly reloads?: string;
  /** The program and its arguments. */
  command(places: Places): readonly string[];
}

const require = createRequire(import.meta.url);
const denoConfig = fileURLToPath(new URL("../../deno.offline.json", import.meta.url));

/** The clients, in the order in which they are shown. */
export const clients: readonly Client[] = [
  {
    id: "read-once",
    label: "CA read once",
    detail: "node:https, {runtime}",
    isReanchor: false,
    reloads: "never",
    command: ({ root }) => [process.execPath, worker("read-once"), root],
  },
  {
    id: "client-node-list",
    label: "client-node list",
    detail: clientNode(),
    isReanchor: false,
    reloads: "each time",
    command: ({ fileSystem }) => [process.execPath, worker("client-node-list"), fileSystem],
  },
  {
    id: "client-node-exec",
    label: "client-node exec",
    detail: clientNode(),
    isReanchor: false,
    reloads: "never",
    command: ({ fileSystem }) => [process.execPath, worker("client-node-exec"), fileSystem],
  },
  {
    id: "reanchor-node",
    label: "reanchor on Node",
    detail: "{runtime}",
    isReanchor: true,
    command: ({ root }) => [process.execPath, worker("reanchor-node"), root],
  },
  {
    id: "reanchor-deno",
    label: "reanchor on Deno",
    detail: "{runtime}",
    isReanchor: true,
    command: ({ root }) => [
      ...denoCommand(),
      "run",
      "--quiet",
      "--no-prompt",
      "--no-check",
      "--config",
      denoConfig,
      // Everything that it needs, and nothing more.
      "--allow-net",
      `--allow-read=${root}`,
      "--allow-env=KUBERNETES_SERVICE_HOST,KUBERNETES_SERVICE_PORT",
      worker("reanchor-deno"),
      root,
    ],
  },
  {
    id: "reanchor-bun",
    label: "reanchor on Bun",
    detail: "{runtime}",
    isReanchor: true,
    command: ({ root }) => [bunProgram(), worker("reanchor-bun"), root],
  },
  {
    id: "reanchor-client-node",
    label: "reanchor in exec",
    detail: clientNode(),
    isReanchor: true,
    command: ({ fileSystem }) => [process.execPath, worker("reanchor-client-node"), fileSystem],
  },
];

function worker(name: string): string {
  return fileURLToPath(new URL(`./workers/${name}.ts`, import.meta.url));
}

/**
 * The program beside the npm package's launcher. If the launcher has not downloaded it yet, the launcher
 * itself.
 */
function denoCommand(): string[] {
  const launcher = require.resolve("deno/bin.cjs");
  const name = process.platform === "win32" ? "deno.exe" : "deno";
  const program = join(dirname(launcher), name);
  return existsSync(program) ? [program] : [process.execPath, launcher];
}

function bunProgram(): string {
  const manifest = require.resolve("bun/package.json");
  const { bin } = JSON.parse(readFileSync(manifest, "utf8")) as { bin: { bun: string } };
  return join(dirname(manifest), bin.bun);
}

function clientNode(): string {
  const manifest = require.resolve("@kubernetes/client-node/package.json");
  const { version } = JSON.parse(readFileSync(manifest, "utf8")) as { version: string };
  return `@kubernetes/client-node ${version}`;
}
