/**
 * What the clients run against: API servers on loopback, and the folder that a pod finds its service
 * account in, laid out as the kubelet does.
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

/** How long a server continues with a new certificate before it closes the connections of the old one. */
const CLOSE_AFTER_MS = 100;

/** A set of API servers, one a client, that share their certificate and the volume. */
export interface Stage {
  /** The service account's folder. */
  readonly root: string;
  /** A folder under which the service account is where a pod has it. */
  readonly fileSystem: string;
  /** The port of a client's server. */
  port(client: string): number;
  /** Carries a step out. Resolves once everybody sees it. */
  apply(step: PlannedStep): Promise<void>;
  /** Closes what connections the servers have, as a server does that restarts. */
  closeConnections(): Promise<void>;
  /** The TLS handshakes that a client's server has seen. */
  handshakes(client: string): Promise<number>;
  /** Ends the servers and removes the folders. */
  close(): Promise<void>;
}

/**
 * Opens the stage.
 *
 * @param clients who will connect; each gets a server of its own, so that handshakes can be distinguished
 * @param authorities how many CAs there are, all of the same name, as in a real cluster
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
    // The process of the servers may be gone already, by the same Ctrl-C.
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
    // A restarted server resumes no session of before.
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

/** The CA of a number counted from 1, or what belongs to it. */
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
