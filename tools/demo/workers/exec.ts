/**
 * `@kubernetes/client-node` over its WebSocket: runs a command in a pod and waits for its status.
 *
 * @module
 */

import { Writable } from "node:stream";
import { Exec, type KubeConfig } from "@kubernetes/client-node";
import { loop } from "./loop.ts";

function sink(): Writable {
  return new Writable({ write: (_chunk, _encoding, done) => done() });
}

/**
 * Runs the client.
 *
 * @param config how it connects
 */
export async function run(config: KubeConfig): Promise<void> {
  const exec = new Exec(config);
  await loop(async () => {
    const { promise: ended, resolve } = Promise.withResolvers<string | undefined>();
    const command = ["echo", "hello"];
    // The last two arguments: no terminal, and the receiver of the status.
    const told = (status: { status?: string }): void => resolve(status.status);
    await exec.exec("default", "web-0", "web", command, sink(), sink(), null, false, told);
    const status = await ended;
    if (status !== "Success") throw new Error(`status ${status}`);
  });
}
