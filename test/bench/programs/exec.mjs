/**
 * Commands in a pod: how long they take, and how much memory grows while a reader sleeps. In JavaScript, so
 * that no stripping of types is part of what is measured.
 *
 * @module
 */

import process from "node:process";
import { pathToFileURL } from "node:url";

const { task, dist, kubeconfig, pod, bytes, count } = JSON.parse(process.argv[2]);
// Deno and Bun name a version of Node too: their own comes first.
const runtime = "deno" in process.versions ? "deno" : "bun" in process.versions ? "bun" : "node";
const SLEEP_MS = 2_000;
const PIECE = new Uint8Array(1_000_000);

const load = (file) => import(pathToFileURL(`${dist}/${file}.js`).href);
const { connect, kubeconfig: readKubeconfig } = await load(runtime);
const { Pod } = await load("resources");
const kube = await connect({ config: await readKubeconfig({ path: kubeconfig }) });
const pods = kube.resource(Pod, { namespace: "default" });

const tasks = {
  async send() {
    const command = ["sh", "-c", "cat > /dev/null"];
    const run = await pods.exec(pod, command, { stdin: "pipe", stdout: false, stderr: false });
    const writer = run.stdin.getWriter();
    for (let sent = 0; sent < bytes; sent += PIECE.length) await writer.write(PIECE);
    await writer.close();
    await check(run);
  },
  async receive() {
    const run = await pods.exec(pod, ["head", "-c", String(bytes), "/dev/zero"], { stderr: false });
    let received = 0;
    for await (const chunk of run.stdout) received += chunk.length;
    await check(run);
    if (received !== bytes) throw new Error(`Cannot compare: ${received} bytes were received`);
  },
  async small() {
    for (let at = 0; at < count; at += 1) {
      const { code } = await pods.execText(pod, ["true"]);
      if (code !== 0) throw new Error(`Cannot compare: it ended with ${code}`);
    }
  },
  async slow() {
    const run = await pods.exec(pod, ["head", "-c", String(bytes), "/dev/zero"], { stderr: false });
    const reader = run.stdout.getReader();
    await reader.read();
    const before = process.memoryUsage().rss;
    await new Promise((resolve) => setTimeout(resolve, SLEEP_MS));
    grownBytes = process.memoryUsage().rss - before;
    await run.close();
  },
};

async function check(run) {
  const { code } = await run.exit;
  if (code !== 0) throw new Error(`Cannot compare: it ended with ${code}`);
}

let grownBytes = 0;
const startedAt = performance.now();
await tasks[task]();
const ms = performance.now() - startedAt;
await kube.close();
process.stdout.write(`${JSON.stringify({ ms, grownBytes })}\n`, () => process.exit(0));
