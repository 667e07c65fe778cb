/**
 * A program whose files are replaced while it runs, as a deployment in place does: what a rotation needs is loaded by
 * then.
 *
 * @module
 */

import { type ChildProcess, spawn } from "node:child_process";
import { cp, rm, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import process from "node:process";
import { createInterface } from "node:readline";
import { expect, inject, onTestFinished, test } from "vitest";
import { connectControl } from "../support/api-server.ts";
import { createCa } from "../support/pki.ts";
import { root } from "./project.ts";
import { createFolder } from "../support/temporary-folder.ts";

/** Reports when the wait for trust is loaded, and then sends a request at each command. */
const program = `
import { registerHooks } from "node:module";

const needed = /\\/late\\/(?:once-rejected|upgrade\\d*)\\.js$/;
const { promise: loaded, resolve } = Promise.withResolvers();
const urls = new Set();
registerHooks({
  load(url, context, nextLoad) {
    if (needed.test(url) && urls.add(url).size === 2) resolve();
    return nextLoad(url, context);
  },
});
const { connect, fileCaSource } = await import("./dist/node.js");
const [server, caFile] = process.argv.slice(2);
const kube = await connect({
  config: { server, ca: fileCaSource(caFile) },
  trustWaitMs: 120_000,
  timeoutMs: Infinity,
  onEvent: ({ type }) => console.log(type),
});
await kube.get("/version");
await loaded;
await Promise.all(Array.from(urls, (url) => import(url)));
console.log("ready");
process.stdin.once("data", async () => {
  const failure = await kube.get("/version").then(() => undefined, (error) => error);
  console.log(failure === undefined ? "answered" : String(failure));
  await kube.close();
  process.stdin.destroy();
});
`;

test("a client waits for trust after all files of its package are gone", async () => {
  const folder = await createFolder();
  const dist = join(folder, "dist");
  await cp(join(root, "dist"), dist, { recursive: true });
  await symlink(join(root, "node_modules"), join(folder, "node_modules"));
  const [main, caFile] = [join(folder, "main.mjs"), join(folder, "ca.crt")];
  await writeFile(main, program);
  const [ca, successor] = [await createCa(), await createCa()];
  await writeFile(caFile, ca.pem);
  const server = await connectControl(inject("controlUrl")).serve(await ca.issue());
  onTestFinished(() => server.close());

  const child = spawn(process.execPath, [main, server.origin, caFile], {
    stdio: ["pipe", "pipe", "inherit"],
  });
  onTestFinished(() => void child.kill());
  const lines = linesOf(child);
  await lines.until("ready");
  await rm(dist, { recursive: true });
  await server.restart(await successor.issue());
  child.stdin?.write("go\n");
  await lines.until("waiting-for-trust");
  await writeFile(caFile, successor.pem);
  await lines.until("answered");
  expect(lines.seen).toContain("waited-for-trust");
}, 180_000);

/** What a program prints, line by line. */
function linesOf(child: ChildProcess): {
  readonly seen: readonly string[];
  until(line: string): Promise<void>;
} {
  const seen: string[] = [];
  const output = child.stdout;
  if (output === null) throw new Error("Cannot read what the program prints");
  const lines = createInterface({ input: output })[Symbol.asyncIterator]();
  return {
    seen,
    async until(line) {
      while (!seen.includes(line)) {
        const next = await lines.next();
        if (next.done) throw new Error(`The program ended before "${line}": ${seen.join(", ")}`);
        seen.push(next.value);
      }
    },
  };
}
