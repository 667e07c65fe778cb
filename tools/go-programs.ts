/**
 * Builds the programs in Go that tests and the benchmark start.
 *
 * @module
 */

import { mkdir, readFile } from "node:fs/promises";
import { oracleProgram } from "../test/e2e/support/client-go.ts";
import { serverProgram } from "../test/support/apiserver-process.ts";
import { nodeProgram } from "../test/support/node-process.ts";
import { root, run } from "./run.ts";

/** A real kube-apiserver, and in `node/` a stand-in for the nodes of its cluster. */
const SERVER = `${root}test/apiserver`;
/** Reports how client-go reads kubeconfigs. */
const ORACLE = `${root}test/kubeconfig-oracle`;
/** The first time, all of Kubernetes is downloaded and compiled. */
const BUILD_LIMIT_MS = 20 * 60_000;

/** Reports the progress. */
type Say = (text: string) => void;

/** Whether Go is installed. */
export async function hasGo(): Promise<boolean> {
  return (await run("go", ["version"], { cwd: SERVER })).exitCode === 0;
}

/** Builds kube-apiserver and the node. Returns the reason if it fails. */
export async function buildServers(say: Say): Promise<string | undefined> {
  const version = /k8s\.io\/kubernetes (v\S+)/.exec(
    await readFile(`${SERVER}/go.mod`, "utf8"),
  )?.[1];
  say(`Building kube-apiserver ${version}: a few seconds, and some minutes the first time`);
  const flags = ["-ldflags", `-X k8s.io/component-base/version.gitVersion=${version}`];
  return (
    (await build(
      "kube-apiserver",
      { folder: SERVER, options: [...flags, "-o", serverProgram, "."] },
      say,
    )) ??
    (await build(
      "the node",
      { folder: SERVER, options: [...flags, "-o", nodeProgram, "./node"] },
      say,
    ))
  );
}

/** Builds the program that reports how client-go reads kubeconfigs. Returns the reason if it fails. */
export async function buildOracle(say: Say): Promise<string | undefined> {
  return await build("client-go", { folder: ORACLE, options: ["-o", oracleProgram, "."] }, say);
}

async function build(
  what: string,
  { folder, options }: { readonly folder: string; readonly options: readonly string[] },
  say: Say,
): Promise<string | undefined> {
  await mkdir(`${root}.tmp`, { recursive: true });
  const { exitCode, timedOut, output, seconds } = await run("go", ["build", ...options], {
    cwd: folder,
    timeoutMs: BUILD_LIMIT_MS,
  });
  if (exitCode === 0) {
    say(`Built ${what} in ${seconds.toFixed(0)} s\n`);
    return undefined;
  }
  const how = timedOut ? `it took more than ${BUILD_LIMIT_MS / 60_000} minutes` : "go build says:";
  return `Cannot build ${what}: ${how}\n${output}`;
}
