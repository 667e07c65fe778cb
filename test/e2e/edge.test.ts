/**
 * Streams into pods from a real workerd at a real API server. The test itself runs on Node.
 *
 * @module
 */

import { type AddressInfo, createServer } from "node:net";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from "vitest";
import { lane } from "../contract/support/entry.ts";
import { type Worker, startWorker } from "../edge/workerd.ts";
import type { Topology } from "../support/node-process.ts";
import { createPod, createPodAccount, createSharedFolder, shell, useNode } from "./support/pods.ts";
import { cluster } from "./support/scene.ts";

const topologies: readonly Topology[] = ["translated", "proxied"];

describe.runIf(lane === "node").each(topologies)("workerd, %s", (topology) => {
  const node = useNode(topology);
  let worker: Worker | undefined;

  beforeAll(async () => {
    const trustedCa = await cluster.servingCa();
    worker = await startWorker({ compatibilityDate: "2024-01-01", trustedCa });
  });
  afterAll(async () => await worker?.close());

  test.each([
    { by: "connect", upgrades: "streams" },
    { by: "fetch", upgrades: "messages" },
  ])("a pod is reached by a bound service's $by", async ({ by, upgrades }) => {
    const account = await createPodAccount();
    const pod = await createPod(account, node());
    const reader = {
      command: shell("while read line; do echo got $line; done"),
      stdin: true,
      stdinOnce: true,
    };
    const attached = await createPod(account, node(), { name: "attached", containers: [reader] });
    const outcomes = await worker?.run("real-pods", {
      by,
      server: cluster.origin,
      token: await account.issueToken(),
      namespace: account.namespace,
      pod,
      attached,
      port: String(await startEcho()),
      file: join((await createSharedFolder()).path, "file"),
    });
    expect(outcomes).toEqual({
      upgrades,
      exec: { stdout: "in", stderr: "err\n", code: 3 },
      isEchoed: true,
      attached: "got one\n",
      attachedExit: { code: 0 },
      isReadAsWritten: true,
      ping: "ping",
      missing: {
        name: "ApiError",
        message: expect.stringMatching(/404.*pods "nobody" not found/) as string,
        code: "ERR_REANCHOR_API",
      },
    });
  });
});

/** A server that sends back what it receives, and its port. */
async function startEcho(): Promise<number> {
  const server = createServer((socket) => void socket.on("error", () => {}).pipe(socket));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  onTestFinished(() => void server.close());
  return (server.address() as AddressInfo).port;
}
