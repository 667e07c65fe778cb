/**
 * The environment of the clients: API servers on loopback, and a pod's service account folder, laid out as
 * the kubelet does.
 *
 * @module
 */

import { mkdir, mkdtemp, rm, symlink } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { type Control, type TestServer, startControl } from "../../test/support/api-server.ts";
import { type IssuedCertificate, createCa } from "../../test/support/pki.ts";
import {
  type ProjectedVolume,
  createProjectedVolume,
} from "../../test/support/projected-volume.ts";
import type { PlannedStep } from "./script.ts";

const SERVICE_ACCOUNT = "var/run/secrets/kubernetes.io/serviceaccount";
const TOKEN = "the-service-accounts-token";

/** How long a server with a new certificate continues before it closes the old connections. */
const CLOSE_AFTER_MS = 100;

/** API servers, one per client, that share their certificate and the volume. */
export interface Stage {
  /** The service account's folder. */
  readonly root: string;
  /** A folder under which the service account is where a pod has it. */
  readonly fileSystem: string;
  /** The port of a client's server. */
  port(client: string): number;
  /** Carries out a step. Resolves once every client can see it. */
  apply(step: PlannedStep): Promise<void>;
  /** Closes the servers' connections, as a restarting server does. */
  closeConnections(): Promise<void>;
  /** How many TLS handshakes a client's server has completed. */
  handshakes(client: string): Promise<number>;
  /** Stops the servers and removes the folders. */
  close(): Promise<void>;
}

/**
 * Starts the servers and creates the folders.
 *
 * @param clients the clients. Each gets its own server, so that their handshakes can be distinguished
 * @param authorities the number of CAs. All have the same name, as in a real cluster
 */
export async function openStage(clients: readonly string[], authorities: number): Promise<Stage> {
  const cas = await Promise.all(Array.from({ length: authorities }, () => createCa()));
  const certificates = await Promise.all(cas.map((ca) => ca.issue()));
  const bundles = cas.map((ca) => ca.pem);
  const servers = new Map<string, TestServer>();
  let control: Control | undefined;
  let volume: ProjectedVolume | undefined;
  let fileSystem = "";

  async function close(): Promise<void> {
    // The servers' process may have ended already, because of the same Ctrl-C.
    await control?.close().catch(() => {});
    await volume?.remove();
    if (fileSystem !== "") await rm(fileSystem, { recursive: true, force: true });
  }

  try {
    control = await startControl();
    for (const client of clients) {
      const options = { ...pick(certificates, 1), token: TOKEN };
      servers.set(client, await control.serve(options));
    }
    volume = await createProjectedVolume({
      ca: pick(bundles, 1),
      token: TOKEN,
      namespace: "default",
    });
    fileSystem = await mkdtemp(join(tmpdir(), "reanchor-demo-"));
    await mkdir(join(fileSystem, SERVICE_ACCOUNT, ".."), { recursive: true });
    await symlink(volume.root, join(fileSystem, SERVICE_ACCOUNT));
  } catch (error) {
    await close();
    throw error;
  }

  const { root, write } = volume;

  async function apply({ where, authorities: signers }: PlannedStep): Promise<void> {
    if (where === "file") {
      return await write({ ca: signers.map((signer) => pick(bundles, signer)).join("") });
    }
    const certificate: IssuedCertificate = pick(certificates, signers[0] ?? 1);
    // A restarted server resumes no earlier session.
    const change = { ...certificate, forgetSessions: true };
    await Promise.all(Array.from(servers.values(), (server) => server.swap(change)));
  }

  async function closeConnections(): Promise<void> {
    await delay(CLOSE_AFTER_MS);
    await Promise.all(Array.from(servers.values(), (server) => server.drainConnections()));
  }

  return {
    root,
    fileSystem,
    port: (client) => pickServer(servers, client).port,
    apply,
    closeConnections,
    handshakes: async (client) => (await pickServer(servers, client).stats()).handshakes,
    close,
  };
}

/** Element n - 1 of an array: that of the CA with the number n. */
function pick<T>(all: readonly T[], authority: number): T {
  const found = all[authority - 1];
  if (found === undefined) throw new RangeError(`Cannot use CA ${authority}: it was not made`);
  return found;
}

function pickServer(servers: ReadonlyMap<string, TestServer>, client: string): TestServer {
  const server = servers.get(client);
  if (server === undefined) throw new RangeError(`Cannot find the server of ${client}`);
  return server;
}
