/**
 * The lanes of the tests: the files to run on each runtime, and how to read their results.
 *
 * @module
 */

import { readdirSync } from "node:fs";
import { readFile, rm } from "node:fs/promises";
import process from "node:process";
import { bin, root, run } from "./run.ts";

/** The result of a lane. */
export interface LaneResult {
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
  readonly seconds: number;
  /** Its output. */
  readonly output: string;
}

/** Some test files on one runtime. */
export interface Lane {
  readonly name: string;
  readonly what: string;
  /** Returns the version of its runtime. */
  readonly version: readonly [command: string, ...args: string[]];
  /** Whether it needs the output of `npm run build`. */
  readonly needsBuild: boolean;
  run(): Promise<LaneResult>;
}

const VITEST = "node_modules/vitest/vitest.mjs";
const CONFIG = "tools/vitest.config.ts";
const LIMIT_MS = 30 * 60_000;

/** Environment variables of the machine that must not affect the tests. */
const foreignVariables =
  /^(?:KUBE|POD_NAMESPACE$|NODE_|DENO_|BUN_|SSL_CERT_|(?:HTTPS?|ALL|NO)_PROXY$)/i;

const environment = Object.fromEntries(
  Object.entries(process.env).filter(([name]) => !foreignVariables.test(name)),
);

/** What is tested only on Node: tools and test servers, which run nowhere else. */
const nodeAlone: ReadonlySet<string> = new Set(["bench", "demo", "support", "tools"]);
const unitOfCore = readdirSync(`${root}test/unit`)
  .filter((name) => !nodeAlone.has(name))
  .map((name) => `test/unit/${name}`);
const everywhere = ["test/contract/", ...unitOfCore];
const onNode = ["test/contract/", "test/node/", "test/unit/"];

/** A JavaScript runtime, and how it runs vitest. */
interface Host {
  readonly name: string;
  readonly command: string;
  readonly flags: readonly string[];
  readonly files: readonly string[];
  readonly options: readonly string[];
}

const hosts: readonly Host[] = [
  ...["node24", "node22", "node26"].map((name) => ({
    name,
    command: `${root}node_modules/${name === "node24" ? "node" : name}/bin/node`,
    flags: [],
    files: onNode,
    options: [],
  })),
  { name: "deno", command: bin("deno"), flags: ["run", "-A"], files: everywhere, options: [] },
  // Bun's default pool crashes, and without --bun it would run on Node.
  {
    name: "bun",
    command: bin("bun"),
    flags: ["--bun"],
    files: everywhere,
    options: ["--pool=threads"],
  },
];

/** All lanes, the longest first. */
export const lanes: readonly Lane[] = [
  ...hosts.map((host) => vitest({ ...host, what: "unit and contract" })),
  ...hosts.map((host) =>
    vitest({
      ...host,
      name: `${host.name}-sockets`,
      what: 'contract by http: "sockets"',
      files: ["test/contract/"],
      env: { REANCHOR_HTTP: "sockets" },
    }),
  ),
  {
    ...vitest({ name: "edge", what: "workerd", files: ["test/edge/"] }),
    version: [bin("workerd"), "--version"],
  },
  denoTest(),
  vitest({ name: "runtimes", what: "what is one runtime's alone", files: ["test/runtimes/"] }),
  vitest({ name: "docs", what: "README, docstrings and examples", files: ["test/docs/"] }),
  {
    ...vitest({ name: "package", what: "the tarball", files: ["test/package/"] }),
    needsBuild: true,
  },
];

/** Some files, and how vitest runs them. */
export interface VitestLane extends Pick<Lane, "name" | "what"> {
  readonly files: readonly string[];
  /** The runtime; this process's Node by default. */
  readonly command?: string;
  /** The arguments of the runtime. */
  readonly flags?: readonly string[];
  /** The arguments of vitest. */
  readonly options?: readonly string[];
  readonly config?: string;
  /** Variables in addition to the usual environment. */
  readonly env?: Readonly<Record<string, string>>;
}

/** Creates a lane of files that vitest runs. */
export function vitest({
  name,
  what,
  files,
  command = process.execPath,
  flags = [],
  options = [],
  config = CONFIG,
  env = {},
}: VitestLane): Lane {
  return {
    name,
    what,
    version: [command, "--version"],
    needsBuild: false,
    async run() {
      const report = `${root}.tmp/lane-${name}.json`;
      await rm(report, { force: true });
      const { exitCode, timedOut, output, seconds } = await run(
        command,
        [
          ...flags,
          VITEST,
          "run",
          "--config",
          config,
          "--reporter=default",
          "--reporter=json",
          `--outputFile.json=${report}`,
          ...options,
          ...files,
        ],
        {
          env: { ...environment, ...env, REANCHOR_LANE: name, NO_COLOR: "1" },
          timeoutMs: LIMIT_MS,
        },
      );
      const counts = await readReport(report);
      return judged({ ...counts, seconds, output }, exitCode === 0 && !timedOut);
    },
  };
}

type Counts = Pick<LaneResult, "passed" | "failed" | "skipped">;

async function readReport(report: string): Promise<Counts> {
  try {
    const counts = JSON.parse(await readFile(report, "utf8")) as {
      numPassedTests: number;
      numFailedTests: number;
      numPendingTests: number;
      numTodoTests: number;
    };
    return {
      passed: counts.numPassedTests,
      failed: counts.numFailedTests,
      skipped: counts.numPendingTests + counts.numTodoTests,
    };
  } catch {
    return { passed: 0, failed: 0, skipped: 0 };
  }
}

/** Vitest never uses Deno's sanitizers, so these tests use Deno's own test runner. */
function denoTest(): Lane {
  return {
    name: "sanitizers",
    what: "Deno's own test sanitizers",
    version: [bin("deno"), "--version"],
    needsBuild: false,
    async run() {
      const { exitCode, timedOut, output, seconds } = await run(
        bin("deno"),
        ["test", "-A", "--no-check", "--config", "deno.offline.json", "test/deno/"],
        { env: { ...environment, NO_COLOR: "1" }, timeoutMs: LIMIT_MS },
      );
      const count = (what: string): number =>
        Number(output.match(new RegExp(String.raw`\d+(?= ${what})`, "g"))?.at(-1) ?? 0);
      const counts = {
        passed: count("passed"),
        failed: count("failed"),
        skipped: count("ignored"),
      };
      const result = { ...counts, seconds, output };
      return judged(result, exitCode === 0 && !timedOut);
    },
  };
}

/** A lane that ran no tests, or that failed without a failed test, has failed. */
function judged(result: LaneResult, endedWell: boolean): LaneResult {
  if (endedWell && result.passed > 0) return result;
  return { ...result, failed: Math.max(1, result.failed) };
}
