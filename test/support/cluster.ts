/**
 * A cluster in a folder: a real kube-apiserver and etcd, their certificates and rotations. The part that
 * belongs to a single program is in `service-account.ts`.
 *
 * @module
 */

import { cp, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type AdminAnswer, askServer } from "./admin-client.ts";
import { type ServerProcess, startServerProcess } from "./apiserver-process.ts";
import { type IssuedCertificate, type TestCa, createCa } from "./pki.ts";
import { signJwt } from "./jwt.ts";
import type { ProjectedVolume } from "./projected-volume.ts";
import { until } from "./until.ts";

/** What another process needs to join a cluster. */
export interface ClusterDescription {
  readonly folder: string;
  readonly port: number;
  readonly control: number;
  /** A second port, for nodes: its connections are neither counted nor cut. */
  readonly uncounted: number;
  readonly version: string;
  /** The keys of the CA for client certificates. */
  readonly clientKeys: { readonly publicKey: JsonWebKey; readonly privateKey: JsonWebKey };
}

/** The connections of a server. */
export interface ConnectionCounts {
  /** How many connections there have been since it started. */
  readonly accepted: number;
  readonly open: number;
}

/** The subject of a client's certificate, and its expiry. */
export interface ClientCertificateOptions {
  readonly commonName: string;
  /** The groups. */
  readonly organizations?: string[];
  readonly notAfter?: Date;
}

/** The claims of a service account's token. */
export interface TokenClaims {
  readonly namespace: string;
  readonly name: string;
  readonly uid: string;
  /** When it expires. The server accepts it for another minute, because clocks differ. */
  readonly expiresAt: Date;
}

/** The options of a rotation of the serving CA. */
export interface ServingCaRotation {
  /** The file from which programs read the bundle. */
  readonly volume: ProjectedVolume;
  /** Whether the bundle contains both CAs while the server moves to the new one. */
  readonly overlap: boolean;
  /** Runs between one step and the next. */
  readonly between?: () => Promise<void>;
}

/** A running cluster. */
export interface Cluster {
  readonly description: ClusterDescription;
  readonly origin: string;
  /** The CA that currently signs the server's certificate, as PEM. */
  servingCa(): Promise<string>;
  /** Sends a request as the administrator, who may do anything. Throws unless it succeeds. */
  admin(method: string, path: string, body?: unknown): Promise<unknown>;
  /** Sends a request with a token, and returns the response whatever its status. */
  ask(path: string, token: string): Promise<AdminAnswer>;
  /** Creates a CA. All CAs have the same name. */
  nextServingCa(): Promise<TestCa>;
  /** Gives the server a certificate of another CA, and waits until the server uses it. */
  serveBy(ca: TestCa): Promise<void>;
  /** Moves the file and the server to a new CA. */
  rotateServingCa(rotation: ServingCaRotation): Promise<void>;
  issueClientCertificate(options: ClientCertificateOptions): Promise<IssuedCertificate>;
  /** Signs a service account's token with a shorter life than the API would grant. */
  signToken(claims: TokenClaims): Promise<string>;
  connections(): Promise<ConnectionCounts>;
  /** Cuts every connection, even in the middle of a request. */
  cutConnections(): Promise<void>;
}

/** A cluster that this process has started. */
export interface OwnCluster extends Cluster {
  /** Stops the server gracefully. */
  stop(): Promise<void>;
  /** Kills the server. */
  kill(): Promise<void>;
  /** Backs up etcd's data. The server must be stopped. */
  backUp(): Promise<void>;
  /** Restores the backup of etcd's data. The server must be stopped. */
  restoreBackup(): Promise<void>;
  /** Starts the server again on the same port with the same data, and with a certificate of `by`. */
  restart(by?: TestCa): Promise<void>;
  /** Stops the server and removes the folder. */
  close(): Promise<void>;
}

/** The files in a cluster's folder that nodes need as well. */
export const files = {
  servingCa: "serving-ca.crt",
  serving: { cert: "serving.crt", key: "serving.key" },
  clientCa: "client-ca.crt",
  /** The identity that the server uses with nodes, and nodes with the server: an administrator. */
  component: { cert: "component.crt", key: "component.key" },
  serviceAccounts: { cert: "service-accounts.crt", key: "service-accounts.key" },
} as const;

/** Where etcd stores its data. */
const STORED = "etcd";

/** The issuer and the audience of service account tokens. */
const ISSUER = "https://kubernetes.default.svc";

/** Starts a cluster, and waits until it is ready. */
export async function startCluster(): Promise<OwnCluster> {
  const folder = await mkdtemp(join(tmpdir(), "reanchor-cluster-"));
  const [servingCa, clientCa] = await Promise.all([createCa(), createCa()]);
  const accounts = await clientCa.issue();
  const component = await clientCa.issue({
    client: true,
    commonName: "component",
    organizations: ["system:masters"],
  });
  await writeServing(folder, servingCa);
  const contents = {
    [files.servingCa]: servingCa.pem,
    [files.clientCa]: clientCa.pem,
    [files.component.cert]: component.cert,
    [files.component.key]: component.key,
    [files.serviceAccounts.cert]: accounts.cert,
    [files.serviceAccounts.key]: accounts.key,
  };
  for (const [name, content] of Object.entries(contents)) {
    await writeFile(join(folder, name), content);
  }
  let server: ServerProcess | undefined;
  try {
    server = await startServerProcess(folder, serverFlags(0));
    const { port, control, uncounted, version } = server;
    const clientKeys = {
      publicKey: await crypto.subtle.exportKey("jwk", clientCa.keys.publicKey),
      privateKey: await crypto.subtle.exportKey("jwk", clientCa.keys.privateKey),
    };
    const description = { folder, port, control, uncounted, version, clientKeys };
    const cluster = await joinCluster(description);

    const stored = join(folder, STORED);
    const backup = join(folder, "backup");

    async function end(how: "stop" | "kill"): Promise<void> {
      await server?.[how]();
      server = undefined;
    }

    return {
      ...cluster,
      stop: () => end("stop"),
      kill: () => end("kill"),
      backUp: () => cp(stored, backup, { recursive: true }),
      async restoreBackup() {
        await rm(stored, { recursive: true });
        await cp(backup, stored, { recursive: true });
      },
      async restart(by) {
        await end("stop");
        if (by !== undefined) {
          await writeServing(folder, by);
          await writeFile(join(folder, files.servingCa), by.pem);
        }
        server = await startServerProcess(folder, serverFlags(port));
      },
      async close() {
        await end("kill");
        await rm(folder, { recursive: true, force: true });
      },
    };
  } catch (error) {
    await server?.kill();
    await rm(folder, { recursive: true, force: true });
    throw error;
  }
}

function serverFlags(port: number): string[] {
  return [
    `--etcd-dir=${STORED}`,
    "--cert-dir=run",
    `--secure-port=${port}`,
    `--tls-cert-file=${files.serving.cert}`,
    `--tls-private-key-file=${files.serving.key}`,
    `--client-ca-file=${files.clientCa}`,
    `--kubelet-client-certificate=${files.component.cert}`,
    `--kubelet-client-key=${files.component.key}`,
    `--service-account-key-file=${files.serviceAccounts.cert}`,
    `--service-account-signing-key-file=${files.serviceAccounts.key}`,
    `--service-account-issuer=${ISSUER}`,
    "--service-cluster-ip-range=10.0.0.0/24",
    "--authorization-mode=RBAC",
    // The share of HTTP/2 requests that end their connection. The server accepts no higher value.
    "--goaway-chance=0.02",
  ];
}

/** Joins a cluster, which another process may have started. */
export async function joinCluster(description: ClusterDescription): Promise<Cluster> {
  const { folder, port, control, clientKeys } = description;
  const clientCa = await createCa({ keys: await importKeys(clientKeys) });
  const adminCertificate = await clientCa.issue({
    client: true,
    commonName: "admin",
    organizations: ["system:masters"],
  });

  const inFolder = (name: string): string => join(folder, name);
  const servingCa = (): Promise<string> => readFile(inFolder(files.servingCa), "utf8");

  async function admin(method: string, path: string, body?: unknown): Promise<unknown> {
    const ca = await servingCa();
    const identity = adminCertificate;
    const answer = await askServer({ port, ca, identity, method, path, body });
    if (answer.status >= 200 && answer.status <= 299) return answer.body;
    throw new Error(`Cannot ${method} ${path}: ${answer.status} ${JSON.stringify(answer.body)}`);
  }

  async function serveBy(ca: TestCa): Promise<void> {
    await writeServing(folder, ca);
    await eventually("the server shows its new certificate", async () => {
      // Only the new CA is trusted.
      return await askServer({ port, ca: ca.pem, path: "/livez" }).then(
        () => true,
        () => false,
      );
    });
    await writeFile(inFolder(files.servingCa), ca.pem);
  }

  const nextServingCa = (): Promise<TestCa> => createCa();

  async function rotateServingCa(rotation: ServingCaRotation): Promise<void> {
    const { volume, overlap, between = async () => {} } = rotation;
    const [old, next] = await Promise.all([servingCa(), nextServingCa()]);
    await between();
    if (overlap) {
      await volume.write({ ca: old + next.pem });
      await between();
    }
    await serveBy(next);
    await between();
    await volume.write({ ca: next.pem });
    await between();
  }

  async function signToken({ namespace, name, uid, expiresAt }: TokenClaims): Promise<string> {
    const pem = await readFile(inFolder(files.serviceAccounts.key), "utf8");
    const issuedAt = Math.floor(Date.now() / 1_000) - 3_600;
    const claims = {
      iss: ISSUER,
      aud: [ISSUER],
      sub: `system:serviceaccount:${namespace}:${name}`,
      iat: issuedAt,
      nbf: issuedAt,
      exp: Math.floor(expiresAt.getTime() / 1_000),
      "kubernetes.io": { namespace, serviceaccount: { name, uid } },
    };
    return await signJwt(claims, pem);
  }

  async function countConnections(method: "GET" | "DELETE"): Promise<ConnectionCounts> {
    const response = await fetch(`http://127.0.0.1:${control}/`, { method });
    return (await response.json()) as ConnectionCounts;
  }

  return {
    description,
    origin: `https://127.0.0.1:${port}`,
    servingCa,
    admin,
    ask: async (path, token) =>
      await askServer({ port, ca: await servingCa(), identity: token, path }),
    nextServingCa,
    serveBy,
    rotateServingCa,
    issueClientCertificate: (options) => clientCa.issue({ client: true, ...options }),
    signToken,
    connections: () => countConnections("GET"),
    cutConnections: async () => void (await countConnections("DELETE")),
  };
}

/** Writes a certificate for the server, which reloads it after a while. */
async function writeServing(folder: string, ca: TestCa): Promise<void> {
  const { cert, key } = await ca.issue();
  await writeFile(join(folder, files.serving.key), key);
  await writeFile(join(folder, files.serving.cert), cert);
}

async function importKeys({
  publicKey,
  privateKey,
}: ClusterDescription["clientKeys"]): Promise<CryptoKeyPair> {
  const algorithm = { name: "ECDSA", namedCurve: "P-256" };
  return {
    publicKey: await crypto.subtle.importKey("jwk", publicKey, algorithm, true, ["verify"]),
    privateKey: await crypto.subtle.importKey("jwk", privateKey, algorithm, true, ["sign"]),
  };
}

/**
 * Waits for something that takes a real server a while: up to ten seconds, if it has cached the result for a
 * token.
 */
export async function eventually(
  what: string,
  holds: () => Promise<boolean>,
  limitMs = 20_000,
): Promise<void> {
  await until(what, holds, limitMs);
}
