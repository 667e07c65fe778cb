/**
 * The HTTPS servers of a fake cluster, and the files by which programs find and trust them.
 *
 * @module
 */

import { toBase64 } from "../bytes.ts";
import { resolvePath } from "../file-path.ts";
import { checkLocalPort } from "../local-port.ts";
import { checkKnown, kindOf } from "../options.ts";
import type { ServerPair } from "./authority.ts";
import type { FakeIdentity } from "./fake-identity.ts";
import type { ApiAnswer, ApiRequest } from "./model/request-target.ts";

/** The options of {@link FakeCluster.listen}. */
export interface FakeListenOptions {
  /**
   * The port, from 0 to 65535. With 0, the system picks a free one.
   *
   * @default 0
   */
  port?: number | undefined;
  /**
   * The namespace in the kubeconfig and in the file `namespace`. It is created if it does not exist.
   *
   * @default "default"
   */
  namespace?: string | undefined;
}

/** The paths of the files that {@link FakeServer.writeFiles} has written. */
export interface FakeServerFiles {
  /** The CA bundle, as PEM. */
  readonly ca: string;
  /** The token of a service account. */
  readonly token: string;
  /** The namespace's name. */
  readonly namespace: string;
  /** A kubeconfig that refers to the files `ca.crt` and `token` beside it. */
  readonly kubeconfig: string;
}

/** An HTTPS server on 127.0.0.1, returned by {@link FakeCluster.listen}. */
export interface FakeServer extends AsyncDisposable {
  /** As in `https://127.0.0.1:41234`. */
  readonly url: string;
  /** The port. */
  readonly port: number;
  /** The CA bundle that clients currently read, as PEM. */
  readonly ca: string;
  /** The token that clients currently read. */
  readonly token: string;
  /** Returns a kubeconfig with the current CA bundle and token. A later rotation does not change it. */
  kubeconfig(): string;
  /**
   * Writes `ca.crt`, `token`, `namespace` and `kubeconfig` into a folder, which is created if it does not
   * exist. Whenever `rotate()` or `publish()` changes a file, it is replaced atomically, until the server is
   * closed.
   *
   * @param folder The folder's path.
   * @returns The paths of the files.
   */
  writeFiles(folder: string): Promise<FakeServerFiles>;
  /** Closes the server and its connections. The files are kept. */
  close(): Promise<void>;
}

/** What the servers need from the runtime. */
export interface ServerHost {
  /** Listens on 127.0.0.1. */
  listen(options: HttpsOptions): Promise<HttpsListener>;
  /** Replaces the files of a folder, which is created if it does not exist. */
  writeFiles(folder: string, files: Readonly<Record<string, string>>): Promise<void>;
  /** The folder that relative paths start from. */
  workingFolder(): string;
}

/** The initial options of a server. */
export interface HttpsOptions {
  readonly port: number;
  readonly pair: ServerPair;
  handle(request: ApiRequest): Promise<ApiAnswer>;
}

/** A server that is listening. */
export interface HttpsListener {
  readonly port: number;
  /** Uses another certificate, and closes all connections. */
  renew(pair: ServerPair): Promise<void>;
  /** Closes it. Resolves once nothing of it is left. */
  close(): Promise<void>;
}

/** The cluster that the servers belong to. */
export interface ServedCluster {
  readonly identity: FakeIdentity;
  handle(request: ApiRequest): Promise<ApiAnswer>;
}

/** The servers of one cluster. */
export class FakeServers {
  readonly #host: () => ServerHost;
  readonly #cluster: ServedCluster;
  readonly #open = new Set<OpenServer>();

  /** @param host Throws if the runtime has no servers. */
  constructor(host: () => ServerHost, cluster: ServedCluster) {
    this.#host = host;
    this.#cluster = cluster;
  }

  /** Starts a server. */
  async listen({ port, namespace }: CheckedListenOptions): Promise<FakeServer> {
    const { identity, handle } = this.#cluster;
    const host = this.#host();
    const pair = await (await identity.serving()).issue();
    await identity.publishedCa();
    const listener = await host.listen({ port, pair, handle });
    const server: OpenServer = { listener, folders: new Map() };
    this.#open.add(server);
    const url = `https://127.0.0.1:${listener.port}`;
    const place = { url, namespace };

    const close = async (): Promise<void> => {
      this.#open.delete(server);
      await listener.close();
    };
    return {
      url,
      port: listener.port,
      get ca() {
        return identity.knownCa;
      },
      get token() {
        return identity.publishedToken;
      },
      kubeconfig: () =>
        kubeconfigOf(place, {
          ca: `certificate-authority-data: ${toBase64(new TextEncoder().encode(identity.knownCa))}`,
          token: `token: ${identity.publishedToken}`,
        }),
      async writeFiles(folder) {
        checkText("the folder of writeFiles", folder);
        const path = resolvePath(host.workingFolder(), folder);
        const write = async (): Promise<void> => {
          await host.writeFiles(path, {
            "ca.crt": identity.knownCa,
            token: identity.publishedToken,
            namespace: place.namespace,
            kubeconfig: kubeconfigOf(place, {
              ca: "certificate-authority: ca.crt",
              token: "tokenFile: token",
            }),
          });
        };
        await write();
        server.folders.set(path, write);
        return {
          ca: resolvePath(path, "ca.crt"),
          token: resolvePath(path, "token"),
          namespace: resolvePath(path, "namespace"),
          kubeconfig: resolvePath(path, "kubeconfig"),
        };
      },
      close,
      [Symbol.asyncDispose]: close,
    };
  }

  /** Gives every server a certificate that the cluster's current CA has signed. */
  async renew(): Promise<void> {
    const authority = await this.#cluster.identity.serving();
    const renew = async ({ listener }: OpenServer): Promise<void> =>
      await listener.renew(await authority.issue());
    await Promise.all([...this.#open].map(renew));
  }

  /** Writes the files again. */
  async writeFiles(): Promise<void> {
    const writes = [...this.#open].flatMap(({ folders }) => [...folders.values()]);
    await Promise.all(writes.map(async (write) => await write()));
  }

  /** Closes all servers. */
  async close(): Promise<void> {
    const open = [...this.#open];
    this.#open.clear();
    await Promise.all(open.map(async ({ listener }) => await listener.close()));
  }
}

/** The options with their defaults. */
export interface CheckedListenOptions {
  readonly port: number;
  readonly namespace: string;
}

/** Checks the options of `listen()`. */
export function checkListenOptions(options: FakeListenOptions): CheckedListenOptions {
  checkKnown("listen of a fake cluster", options, ["port", "namespace"]);
  const { port = 0, namespace = "default" } = options;
  checkLocalPort(port);
  checkText("option namespace of listen", namespace);
  return { port, namespace };
}

function checkText(what: string, value: unknown): void {
  if (typeof value === "string" && value !== "") return;
  const given = value === "" ? "an empty string" : kindOf(value);
  throw new TypeError(`Cannot use ${what}: it must be a string, not ${given}`);
}

interface OpenServer {
  readonly listener: HttpsListener;
  /** Returns a function that writes the files of a folder. */
  readonly folders: Map<string, () => Promise<void>>;
}

function kubeconfigOf(
  { url, namespace }: { readonly url: string; readonly namespace: string },
  { ca, token }: { readonly ca: string; readonly token: string },
): string {
  return `apiVersion: v1
kind: Config
current-context: fake
contexts:
  - name: fake
    context: { cluster: fake, user: fake, namespace: ${JSON.stringify(namespace)} }
clusters:
  - name: fake
    cluster:
      server: ${url}
      ${ca}
users:
  - name: fake
    user:
      ${token}
`;
}
