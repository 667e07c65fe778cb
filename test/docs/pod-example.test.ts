/**
 * The program of `examples/pod`, run as its manifest runs it.
 *
 * @module
 */

import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFile, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, inject, onTestFinished, test } from "vitest";
import { connectControl } from "../support/api-server.ts";
import { createCa } from "../support/pki.ts";
import { createProjectedVolume } from "../support/projected-volume.ts";
import { createProjectFolder } from "../support/temporary-folder.ts";

const root = fileURLToPath(new URL("../..", import.meta.url));

async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  server.close();
  if (address === null || typeof address === "string") throw new Error("no port");
  return address.port;
}

test(
  "examples/pod counts pods, is ready unless it is rejected, and ends on SIGTERM",
  { timeout: 300_000 },
  async () => {
    const ca = await createCa();
    const server = await connectControl(inject("controlUrl")).serve({
      ...(await ca.issue()),
      token: "sesame",
    });
    const volume = await createProjectedVolume({
      ca: ca.pem,
      token: "sesame",
      namespace: "default",
    });
    const folder = await createProjectFolder();
    onTestFinished(async () => {
      await volume.remove();
      await server.close();
    });

    const source = await readFile(join(root, "examples/pod/main.ts"), "utf8");
    const program = join(folder, "main.ts");
    const entry = JSON.stringify(join(root, "test/docs/pod.node.ts"));
    await writeFile(program, source.replace('"reanchor"', entry));
    const port = await freePort();
    const child = spawn(process.execPath, [program], {
      stdio: ["ignore", "pipe", "inherit"],
      env: {
        ...process.env,
        PORT: String(port),
        INTERVAL_MS: "200",
        POD_NAMESPACE: "elsewhere",
        KUBERNETES_SERVICE_HOST: "127.0.0.1",
        KUBERNETES_SERVICE_PORT: String(server.port),
        DOCS_ROOT: volume.root,
      },
    });
    onTestFinished(() => void child.kill("SIGKILL"));
    let output = "";
    child.stdout.on("data", (chunk: Buffer) => {
      output += chunk.toString();
    });

    await expect.poll(() => output).toMatch(/\d+ pods in elsewhere/);
    const probe = (path: string): Promise<Response> => fetch(`http://127.0.0.1:${port}${path}`);
    const readiness = async (): Promise<number> => (await probe("/readyz")).status;
    await expect.poll(readiness).toBe(200);
    const text = await (await probe("/readyz")).text();
    expect(JSON.parse(text)).toMatchObject({ healthy: true, closed: false, ca: { stale: false } });
    expect(text).not.toContain("sesame");

    // An outage: the server has a certificate of a new CA, and the volume still has the old one.
    const next = await createCa();
    await server.restart({ ...(await next.issue()), token: "sesame" });
    await expect.poll(readiness).toBe(503);
    const outage = await (await probe("/readyz")).json();
    expect(outage).toMatchObject({ healthy: false, lastFailure: { reason: "unknown-authority" } });
    expect((await probe("/livez")).status).toBe(200);
    await volume.write({ ca: next.pem });
    await expect.poll(readiness).toBe(200);

    const exited = once(child, "exit");
    child.kill("SIGTERM");
    expect(await exited).toEqual([0, null]);
  },
);
