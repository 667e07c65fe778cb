/**
 * Go's verdicts on the table of chains: the stored data, against which every runtime is tested, is what Go
 * says today.
 *
 * @module
 */

import { spawn } from "node:child_process";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import verdicts from "../support/chains/verdicts.json" with { type: "json" };

function path(relative: string): string {
  return fileURLToPath(new URL(relative, import.meta.url));
}

/** Runs a program to its end, and returns what it printed. */
async function run(command: string, args: string[], cwd: string, input = ""): Promise<string> {
  const child = spawn(command, args, { cwd, stdio: ["pipe", "pipe", "inherit"] });
  let output = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => (output += text));
  child.stdin.end(input);
  const code = await new Promise((resolve, reject) => {
    child.once("error", reject);
    child.once("close", resolve);
  });
  if (code !== 0) throw new Error(`Cannot run ${command}: it ended with ${String(code)}`);
  return output;
}

test("verdicts.json has Go's verdict on each chain", async () => {
  const folder = path("../support/chains/verifier");
  const chains = await run(path("../../node_modules/node/bin/node"), ["../main.ts"], folder);
  expect(JSON.parse(await run("go", ["run", "."], folder, chains))).toEqual(verdicts);
});
