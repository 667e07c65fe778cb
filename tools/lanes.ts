/**
 * The lanes of the tests: which files run on which runtime, and how their results are read.
 *
 * @module
 */

import { readdirSync } from "node:fs";
import { readFile, rm } from "node:fs/promises";
import process from "node:process";
import { bin, root, run } from "./run.ts";

/** What a lane came to. */
export interface LaneResult {
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
  readonly seconds: number;
  /** What it printed. */
  readonly output: string;
}

/** Some test files on one runtime. */
export interface Lane {
  readonly name: string;
  readonly what: string;
  /** Says which version of its runtime this is. */
  readonly version: readonly [command: string, ...args: string[]];
  /** Whether it needs what `npm run build` makes. */
  readonly needsBuild: boolean;
  run(): Promise<LaneResult>;
}

const VITEST = "node_modules/vitest/vitest.mjs";
const CONFIG = "tools/vitest.config.ts";
const LIMIT_MS = 30 * 60_000;

/** What a machine may set that a test must not see. */
const foreignVariables =
  /^(?:KUBE|POD_NAMESPACE$|NODE_|DENO_|BUN_|SSL_CERT_|(?:HTTPS?|ALL|NO)_PROXY$)/i;

const environment = Object.fromEntries(
  Object.entries(process.env).filter(([name]) => !foreignVariables.test(name)),
);

/** What is tested on Node alone: tools and test servers, which run nowhere else. */
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
  // Bun's default pool crashes, and without --bun it would run Node.
  {
    name: "bun",
    command: bin("bun"),
    flags: ["--bun"],
    files: everywhere,
    options: ["--pool=threads"],
  },
];

/** All of them, the longest first. */
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
  /** The runtime; by default this Node. */
  readonly command?: string;
  /** What the runtime is started with. */
  readonly flags?: readonly string[];
  /** What vitest is called with. */
  readonly options?: readonly string[];
  readonly config?: string;
  /** What is set beside the usual environment. */
  readonly env?: Readonly<Record<string, string>>;
}

/** Makes a lane of files that vitest runs. */
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

/** Vitest never runs Deno's sanitizers: these tests are of Deno's own kind. */
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

/** A lane that ran nothing, or ended badly without saying which test failed, has failed. */
function judged(result: LaneResult, endedWell: boolean): LaneResult {
  if (endedWell && result.passed > 0) return result;
  return { ...result, failed: Math.max(1, result.failed) };
}
