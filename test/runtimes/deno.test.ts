/**
 * What is specific to Deno: its permissions, and that a CA bundle only extends the default store.
 *
 * @module
 */

import { execFile } from "node:child_process";
import { writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, inject, test } from "vitest";
import { type TestServer, connectControl } from "../support/api-server.ts";
import { createCa } from "../support/pki.ts";
import { type ProjectedVolume, createProjectedVolume } from "../support/projected-volume.ts";

const deno = createRequire(import.meta.url).resolve("deno/bin.cjs");
const config = fileURLToPath(new URL("../../deno.offline.json", import.meta.url));
const program = fileURLToPath(new URL("./programs/deno-in-cluster.ts", import.meta.url));

let server: TestServer;
let volume: ProjectedVolume;
let environment: Record<string, string>;

beforeAll(async () => {
  const ca = await createCa();
  server = await connectControl(inject("controlUrl")).serve({
    ...(await ca.issue()),
    token: "sesame",
  });
  volume = await createProjectedVolume({ ca: ca.pem, token: "sesame", namespace: "tests" });
  environment = {
    KUBERNETES_SERVICE_HOST: "127.0.0.1",
    KUBERNETES_SERVICE_PORT: String(server.port),
    POD_NAMESPACE: "not-granted",
  };
});

afterAll(async () => {
  await volume?.remove();
  await server?.close();
});

async function run(
  permissions: readonly string[],
  { args = [], env = {} }: { args?: string[]; env?: Record<string, string> } = {},
): Promise<Record<string, string>> {
  const options = ["run", "--config", config, "--no-check", ...permissions];
  const { stdout } = await promisify(execFile)(
    process.execPath,
    [deno, ...options, program, volume.root, ...args],
    { env: { ...process.env, ...environment, ...env, NO_COLOR: "1" } },
  );
  return JSON.parse(stdout);
}

const net = "--allow-net";
const env = "--allow-env=KUBERNETES_SERVICE_HOST,KUBERNETES_SERVICE_PORT";

describe("permissions", () => {
  test("connect() works with net, the service account's folder and two variables", async () => {
    const outcome = await run([net, env, `--allow-read=${volume.root}`]);
    expect(outcome).toEqual({ gitVersion: expect.any(String), namespace: "tests" });
  });

  test("inCluster() lists every permission that is missing when none is granted", async () => {
    const { name, message } = await run([]);
    expect(name).toBe("ConfigError");
    expect(message).toContain("grant --allow-env=KUBERNETES_SERVICE_HOST");
    expect(message).toContain("grant --allow-env=KUBERNETES_SERVICE_PORT");
    expect(message).toContain(`grant --allow-read=${volume.root}`);
  });

  test("connect() names the host when the network is not granted", async () => {
    const { name, message } = await run([env, `--allow-read=${volume.root}`]);
    expect(name).toBe("ConfigError");
    expect(message).toContain(`grant --allow-net=127.0.0.1:${server.port}`);
  });
});

describe("trust beside the CA bundle", () => {
  let foreign: TestServer;
  let extraRoots: string;

  beforeAll(async () => {
    const other = await createCa({ commonName: "somebody else" });
    foreign = await connectControl(inject("controlUrl")).serve({
      ...(await other.issue()),
      token: "sesame",
    });
    extraRoots = join(volume.root, "extra-roots.pem");
    await writeFile(extraRoots, other.pem);
  });

  afterAll(() => foreign?.close());

  function runAgainstForeign(args: string[]): Promise<Record<string, string>> {
    return run(["-A"], {
      args,
      env: { DENO_CERT: extraRoots, KUBERNETES_SERVICE_PORT: String(foreign.port) },
    });
  }

  test('capabilities.customCa "additive" means that the default store is trusted too', async () => {
    expect(await runAgainstForeign([])).toHaveProperty("gitVersion");
  });

  test("exclusiveTrust trusts only the CA bundle", async () => {
    const { name, message } = await runAgainstForeign(["exclusive"]);
    expect(name).toBe("UntrustedServerError");
    expect(message).toContain("unknown-authority");
    expect(await run(["-A"], { args: ["exclusive"] })).toHaveProperty("gitVersion");
  });
});

test("close() ends a body whose response was dropped and collected", async () => {
  const file = fileURLToPath(new URL("./programs/deno-dropped-response.ts", import.meta.url));
  const options = ["run", "-A", "--no-check", "--v8-flags=--expose-gc", "--config", config];
  const { stdout } = await promisify(execFile)(process.execPath, [
    deno,
    ...options,
    file,
    inject("controlUrl"),
  ]);
  expect(JSON.parse(stdout)).toEqual({ outcome: "ended" });
});

test("exclusiveTrust keeps nothing of an aborted request, and no body that nobody reads", async () => {
  const file = fileURLToPath(new URL("./programs/deno-exclusive-leftovers.ts", import.meta.url));
  const options = ["run", "-A", "--no-check", "--v8-flags=--expose-gc", "--config", config];
  const { stdout } = await promisify(execFile)(process.execPath, [
    deno,
    ...options,
    file,
    inject("controlUrl"),
  ]);
  const { bytesLeft, megabytesHeld } = JSON.parse(stdout) as {
    bytesLeft: number[];
    megabytesHeld: number;
  };
  // Memory that is not collected yet makes it vary. With `node:https` alone it was up to 1,700 bytes, and 500
  // MB a second.
  for (const bytes of bytesLeft) expect(bytes).toBeLessThan(500);
  expect(megabytesHeld).toBeLessThan(64);
}, 120_000);
