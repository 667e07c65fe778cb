/**
 * What clients are measured against: an API server on loopback, and the folder in which a pod finds its
 * service account.
 *
 * @module
 */

import { mkdir, mkdtemp, symlink } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestCa, createCa } from "../support/pki.ts";
import { VERSION, namespaceList } from "../support/server/kubernetes-objects.ts";
import { createProjectedVolume } from "../support/projected-volume.ts";
import { removeAtExit } from "./leftovers.ts";
import { type Program, startProgram } from "./program.ts";
import type { ServerArgument, ServerCounts } from "./server/main.ts";

/** The kinds of certificates that servers have. */
export type CertificateKind = "P-256" | "RSA-2048";

const algorithms = { "P-256": "EC", "RSA-2048": "RSA" } as const;
const SERVICE_ACCOUNT = "var/run/secrets/kubernetes.io/serviceaccount";
const TOKEN = "the-service-accounts-token";

/** What a client's program is told. */
export interface Place {
  /** The folder of the built package. */
  readonly dist: string;
  /** The service account's folder. */
  readonly root: string;
  /** A folder under which the service account is where a pod has it. */
  readonly fileSystem: string;
  /** The server's origin. */
  readonly origin: string;
}

/** See the module. */
export interface Stage extends AsyncDisposable {
  readonly place: Place;
  /** The environment of a pod. */
  readonly env: Readonly<Record<string, string>>;
  readonly server: Program;
  /** What the server has counted since this was last asked. */
  counts(): Promise<ServerCounts>;
}

/** How a stage's server differs. */
export interface StageOptions {
  /** Whether it speaks HTTP/2 as well. */
  readonly http2?: boolean;
  /** Another program, which knows nothing but small answers. */
  readonly program?: string | undefined;
  /** How many pods there are. */
  readonly pods?: number | undefined;
}

/** Small answers, by their path. */
const fixed: Readonly<Record<string, string>> = {
  "/version": `${JSON.stringify(VERSION)}\n`,
  "/api/v1/namespaces": `${JSON.stringify(namespaceList())}\n`,
};

/** Makes an authority whose keys, and those of its certificates, are of a kind. */
export async function createAuthority(kind: CertificateKind): Promise<TestCa> {
  return await createCa({ algorithm: algorithms[kind] });
}

/** Has an authority issue a server's certificate of a kind. */
export async function issueCertificate(
  ca: TestCa,
  kind: CertificateKind,
): Promise<{ cert: string; key: string }> {
  return await ca.issue({ algorithm: algorithms[kind] });
}

/**
 * Opens a stage.
 *
 * @param dist the folder of the built package
 */
export async function openStage(
  dist: string,
  kind: CertificateKind = "P-256",
  { http2 = false, program, pods }: StageOptions = {},
): Promise<Stage> {
  const ca = await createAuthority(kind);
  const certificate = await issueCertificate(ca, kind);
  const argument: ServerArgument = { ...certificate, token: TOKEN, http2, pods, fixed };
  const server = startProgram("server/main.ts", { argument, command: program });
  const port = await server.ask<number>("port");
  const volume = await createProjectedVolume({ ca: ca.pem, token: TOKEN, namespace: "default" });
  removeAtExit(volume.root);
  const fileSystem = await mkdtemp(join(tmpdir(), "reanchor-bench-"));
  removeAtExit(fileSystem);
  await mkdir(join(fileSystem, SERVICE_ACCOUNT, ".."), { recursive: true });
  await symlink(volume.root, join(fileSystem, SERVICE_ACCOUNT));
  return {
    place: { dist, root: volume.root, fileSystem, origin: `https://127.0.0.1:${port}` },
    env: { KUBERNETES_SERVICE_HOST: "127.0.0.1", KUBERNETES_SERVICE_PORT: String(port) },
    server,
    counts: async () => await server.ask<ServerCounts>("counts"),
    [Symbol.asyncDispose]: async () => await server[Symbol.asyncDispose](),
  };
}
