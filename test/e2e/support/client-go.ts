/**
 * The program in `test/kubeconfig-oracle`, as `tools/e2e.ts` has built it.
 *
 * @module
 */

import { spawn } from "node:child_process";
import process from "node:process";
import { fileURLToPath } from "node:url";

/** Where `tools/e2e.ts` puts the program. */
export const oracleProgram: string = fileURLToPath(
  new URL("../../../.tmp/kubeconfig-oracle", import.meta.url),
);

/** The meaning of a kubeconfig. Absent values are left out. */
export interface Answer {
  readonly error?: string | undefined;
  /** Whether the kubeconfig is empty, so that the pod's identity is used. */
  readonly empty?: boolean | undefined;
  readonly server?: string | undefined;
  readonly namespace?: string | undefined;
  /** For reanchor, the bundle's fingerprint. */
  readonly ca?: string | undefined;
  readonly insecure?: boolean | undefined;
  readonly serverName?: string | undefined;
  readonly proxy?: string | undefined;
  readonly disableCompression?: boolean | undefined;
  readonly certificate?: string | undefined;
  readonly key?: string | undefined;
  readonly headers?: Readonly<Record<string, readonly string[]>> | undefined;
}

/** What client-go also reports: the text that the plugin received shows whether it was run. */
export interface OracleAnswer extends Answer {
  readonly exec?: string;
}

/**
 * Returns client-go's reading of kubeconfigs.
 *
 * @param inputs the files, and the values that override them; `test/kubeconfig-oracle` has the names.
 */
export async function askClientGo(inputs: readonly object[]): Promise<OracleAnswer[]> {
  const child = spawn(oracleProgram, [], {
    stdio: ["pipe", "pipe", "inherit"],
    env: { ...process.env, KUBERNETES_SERVICE_HOST: "", KUBECONFIG: "" },
  });
  const chunks: Uint8Array[] = [];
  child.stdout.on("data", (chunk: Uint8Array) => chunks.push(chunk));
  const ended = new Promise<number | null>((resolve, reject) => {
    child.once("error", reject);
    child.once("close", resolve);
  });
  child.stdin.end(inputs.map((input) => `${JSON.stringify(input)}\n`).join(""));
  const exitCode = await ended;
  if (exitCode !== 0) throw new Error(`Cannot ask client-go: it ended with exit code ${exitCode}`);
  const lines = Buffer.concat(chunks).toString().trimEnd().split("\n");
  return lines.map((line) => JSON.parse(line) as OracleAnswer);
}
