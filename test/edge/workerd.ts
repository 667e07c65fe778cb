/**
 * A real workerd with one worker, driven over HTTP.
 *
 * @module
 */

import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Readable } from "node:stream";
import { fileURLToPath } from "node:url";
import { build } from "rolldown";

/** The settings of a worker. */
export interface WorkerOptions {
  /** As in `2024-01-01`. */
  compatibilityDate: string;
  /** The CA that the bound service `KUBE` trusts, as PEM. */
  trustedCa: string;
}

/** A running worker. */
export interface Worker {
  /** Runs a case of `worker.ts`. */
  run(name: string, parameters?: Record<string, string>): Promise<unknown>;
  close(): Promise<void>;
}

/** Bundles `worker.ts` as a user's bundler would, and serves it. */
export async function startWorker(options: WorkerOptions): Promise<Worker> {
  const folder = await mkdtemp(join(tmpdir(), "reanchor-edge-"));
  await build({
    input: fileURLToPath(new URL("./worker.ts", import.meta.url)),
    platform: "neutral",
    resolve: { mainFields: ["module", "main"] },
    transform: { target: "es2022" },
    output: { file: join(folder, "worker.mjs"), format: "esm", codeSplitting: false },
  });
  await writeFile(join(folder, "config.capnp"), config(options));

  const workerd = createRequire(import.meta.url).resolve("workerd/bin/workerd");
  const child = spawn(workerd, ["serve", "config.capnp", "--control-fd=3"], {
    cwd: folder,
    stdio: ["ignore", "inherit", "pipe", "pipe"],
  });
  let complaints = "";
  child.stderr?.on("data", (chunk: Buffer) => {
    complaints += chunk.toString();
  });
  const exited = once(child, "exit");
  const origin = await Promise.race([
    listening(child.stdio[3] as Readable),
    exited.then(() => Promise.reject(new Error(`workerd ended early: ${complaints}`))),
  ]);
  return {
    async run(name, parameters = {}) {
      const query = new URLSearchParams(parameters);
      const response = await fetch(`${origin}/${name}?${query}`);
      const text = await response.text();
      if (!response.ok) throw new Error(`case ${name} failed: ${text} ${complaints}`);
      return JSON.parse(text);
    },
    async close() {
      child.kill();
      await exited;
      await rm(folder, { recursive: true });
    },
  };
}

async function listening(control: Readable): Promise<string> {
  for await (const chunk of control) {
    const event: unknown = JSON.parse(String(chunk));
    if (typeof event === "object" && event !== null && "port" in event) {
      return `http://127.0.0.1:${String(event.port)}`;
    }
  }
  throw new Error("workerd closed its control channel before it listened");
}

function config({ compatibilityDate, trustedCa }: WorkerOptions): string {
  return `using Workerd = import "/workerd/workerd.capnp";
const config :Workerd.Config = (
  services = [
    (name = "main", worker = .worker),
    (name = "internet", network = (allow = ["local", "private"])),
    (name = "kube", network = (
      allow = ["local", "private"],
      tlsOptions = (trustedCertificates = [${JSON.stringify(trustedCa)}]),
    )),
  ],
  sockets = [(name = "http", address = "127.0.0.1:0", http = (), service = "main")],
);
const worker :Workerd.Worker = (
  modules = [(name = "worker.mjs", esModule = embed "worker.mjs")],
  compatibilityDate = "${compatibilityDate}",
  bindings = [(name = "KUBE", service = "kube")],
);
`;
}
