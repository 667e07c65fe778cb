/**
 * `@kubernetes/client-node` over its WebSocket: runs a command in a pod and waits for its status. Here the
 * CA is read once, into an agent that is kept.
 *
 * @module
 */

import process from "node:process";
import { Writable } from "node:stream";
import { Exec, KubeConfig } from "@kubernetes/client-node";
import { loop } from "./loop.ts";

const [, , fileSystem = ""] = process.argv;
const config = new KubeConfig();
config.loadFromCluster(fileSystem);
const exec = new Exec(config);

function sink(): Writable {
  return new Writable({ write: (_chunk, _encoding, done) => done() });
}

async function request(): Promise<void> {
  const { promise: ended, resolve } = Promise.withResolvers<string | undefined>();
  const command = ["echo", "hello"];
  // The last two: no terminal, and who is told the status.
  const told = (status: { status?: string }): void => resolve(status.status);
  await exec.exec("default", "web-0", "web", command, sink(), sink(), null, false, told);
  const status = await ended;
  if (status !== "Success") throw new Error(`status ${status}`);
}

await loop(request);
process.exit(0);
