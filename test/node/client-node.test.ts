/**
 * Everything in `@kubernetes/client-node` that makes requests, used through reanchor's `KubeConfig` across
 * rotations of the CA and the token.
 *
 * @module
 */

import { once } from "node:events";
import { Agent, type AgentOptions, type RequestOptions, get } from "node:https";
import type { IncomingMessage } from "node:http";
import { mkdir, readFile, symlink, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { env } from "node:process";
import { PassThrough, type Readable } from "node:stream";
import { text as readText } from "node:stream/consumers";
import {
  Attach,
  type Cluster,
  CoreV1Api,
  Cp,
  Exec,
  Health,
  HttpMethod,
  KubeConfig as ClientNodeKubeConfig,
  KubernetesObjectApi,
  Log,
  Metrics,
  PortForward,
  RequestContext,
  VersionApi,
  Watch,
  makeInformer,
  topNodes,
  topPods,
} from "@kubernetes/client-node";
import { MockAgent, Pool, getGlobalDispatcher, setGlobalDispatcher } from "undici";
import { describe, expect, onTestFinished, test } from "vitest";
import { KubeConfig, type KubeConfigOptions } from "../../runtimes/client-node.ts";
import type { ReanchorEvent } from "../../src/index.ts";
import {
  connectionIsFree,
  createVolume,
  rejection,
  startCluster,
  types,
  until,
} from "../contract/support/scene.ts";
import { type TestCa, createCa } from "../support/pki.ts";
import type { ProjectedVolume } from "../support/projected-volume.ts";
import { type ClusterServer, startClusterServer } from "./support/cluster-server.ts";

interface Scene {
  readonly server: ClusterServer;
  readonly volume: ProjectedVolume;
  readonly ca: TestCa;
  readonly config: KubeConfig;
  readonly events: ReanchorEvent[];
}

/** The config of a pod's service account, or of a kubeconfig with files. */
function describeCluster({ origin }: ClusterServer, { caFile, tokenFile }: ProjectedVolume) {
  return {
    clusters: [{ name: "cluster", server: origin, caFile, skipTLSVerify: false }],
    users: [{ name: "user", authProvider: { name: "tokenFile", config: { tokenFile } } }],
    contexts: [{ name: "context", cluster: "cluster", user: "user" }],
    currentContext: "context",
  };
}

async function setUp(options: KubeConfigOptions = {}): Promise<Scene> {
  const ca = await createCa();
  const volume = await createVolume({ ca: ca.pem, token: "first\n" });
  const files = `${volume.root}/files`;
  await mkdir(files);
  await writeFile(`${files}/greeting`, "hello");
  const server = await startClusterServer({ ...(await ca.issue()), token: "first", files });
  const events: ReanchorEvent[] = [];
  const config = new KubeConfig({ onEvent: (event) => void events.push(event), ...options });
  config.loadFromOptions(describeCluster(server, volume));
  onTestFinished(async () => await config.close());
  return { server, volume, ca, config, events };
}

/** Moves the server and the file to another CA. */
async function rotate({ server, volume }: Scene): Promise<void> {
  const next = await createCa();
  await volume.write({ ca: next.pem });
  await server.rotate(await next.issue());
}

async function firstOf(stream: Readable): Promise<string> {
  const [chunk] = (await once(stream, "data")) as [Buffer];
  return chunk.toString();
}

interface Use {
  readonly name: string;
  /** Uses the feature, and fails if it does not work. */
  use(scene: {
    config: ClientNodeKubeConfig;
    server: ClusterServer;
    volume: ProjectedVolume;
  }): Promise<void>;
}

const uses: readonly Use[] = [
  {
    name: "CoreV1Api",
    async use({ config }) {
      const api = config.makeApiClient(CoreV1Api);
      expect((await api.listNamespace()).items).toHaveLength(1);
    },
  },
  {
    name: "CoreV1Api with a body",
    async use({ config }) {
      const api = config.makeApiClient(CoreV1Api);
      const body = { metadata: { name: "created" } };
      expect((await api.createNamespace({ body })).metadata?.name).toBe("created");
    },
  },
  {
    name: "KubernetesObjectApi",
    async use({ config }) {
      const api = KubernetesObjectApi.makeApiClient(config);
      const object = { apiVersion: "v1", kind: "Namespace", metadata: { name: "default" } };
      expect((await api.read(object)).metadata?.name).toBe("default");
    },
  },
  {
    name: "Watch",
    async use({ config }) {
      await new Promise<void>((resolve, reject) => {
        let seen = false;
        const watching = new Watch(config).watch(
          "/api/v1/namespaces",
          {},
          (type) => {
            seen = type === "MODIFIED";
            void watching.then((controller) => controller.abort());
          },
          (error) => (seen ? resolve() : reject(error)),
        );
      });
    },
  },
  {
    name: "makeInformer()",
    async use({ config }) {
      const api = config.makeApiClient(CoreV1Api);
      const informer = makeInformer(config, "/api/v1/namespaces", () => api.listNamespace());
      const added = new Promise((resolve) => informer.on("add", resolve));
      const updated = new Promise((resolve) => informer.on("update", resolve));
      await informer.start();
      await Promise.all([added, updated]);
      await informer.stop();
    },
  },
  {
    name: "Log",
    async use({ config }) {
      const stream = new PassThrough();
      const line = firstOf(stream);
      await new Log(config).log("default", "web", "web", stream);
      expect(await line).toBe("a line of the log\n");
    },
  },
  {
    name: "Metrics",
    async use({ config }) {
      expect((await new Metrics(config).getNodeMetrics()).items).toHaveLength(1);
    },
  },
  {
    name: "topNodes() and topPods()",
    async use({ config }) {
      const api = config.makeApiClient(CoreV1Api);
      expect(await topNodes(api)).toHaveLength(1);
      await topPods(api, new Metrics(config));
    },
  },
  {
    name: "Health",
    async use({ config }) {
      expect(await new Health(config).readyz({})).toBe(true);
    },
  },
  {
    name: "Exec",
    async use({ config }) {
      const stdout = new PassThrough();
      const output = firstOf(stdout);
      const status = await new Promise<string | undefined>((resolve, reject) => {
        new Exec(config)
          .exec("default", "web", "web", ["true"], stdout, null, null, false, (result) =>
            resolve(result.status),
          )
          .catch(reject);
      });
      expect([await output, status]).toEqual(["from the command", "Success"]);
    },
  },
  {
    name: "Attach",
    async use({ config }) {
      const stdout = new PassThrough();
      const output = firstOf(stdout);
      const socket = await new Attach(config).attach(
        "default",
        "web",
        "web",
        stdout,
        null,
        null,
        false,
      );
      expect(await output).toBe("from the container");
      socket.close();
    },
  },
  {
    name: "PortForward",
    async use({ config }) {
      for (const to of ["portForward", "portForwardService", "portForwardDeployment"] as const) {
        const output = new PassThrough();
        const received = firstOf(output);
        const forward = new PortForward(config);
        const socket = await forward[to]("default", "web", [80], output, null, new PassThrough());
        expect(await received).toBe("from the port");
        if (socket !== null && "close" in socket) socket.close();
      }
    },
  },
  {
    name: "Cp from a pod",
    async use({ config, volume }) {
      const target = `${volume.root}/copied-${performance.now()}`;
      await new Cp(config).cpFromPod("default", "web", "web", ".", target);
      await until("the file is there", async () => {
        const content = await readFile(`${target}/greeting`, "utf8").catch(() => "");
        return content === "hello";
      });
    },
  },
  {
    name: "Cp to a pod",
    async use({ config, server, volume }) {
      server.received.length = 0;
      await new Cp(config).cpToPod("default", "web", "web", `${volume.root}/files`, "/tmp");
      await until("the file has arrived", () => Buffer.concat(server.received).includes("hello"));
    },
  },
];

describe.each(uses)("$name", ({ use }) => {
  test("works before and after the server and the file have rotated", async () => {
    const scene = await setUp();
    await use(scene);
    scene.events.length = 0;
    await rotate(scene);
    await use(scene);
    expect(types(scene.events)).toEqual([
      "ca-reloaded",
      "generation-opened",
      "generation-retired",
      "retry",
    ]);
    await use(scene);
  });

  test("works in ten rotations, with an overlap, without one, and when the file follows the server", async () => {
    const scene = await setUp({ reloadIntervalMs: 20, trustWaitMs: 60_000 });
    const { server, volume, config } = scene;
    await use(scene);
    let { ca } = scene;
    for (let rotation = 0; rotation < 10; rotation += 1) {
      const next = await createCa();
      const issued = await next.issue();
      const kind = rotation % 3;
      if (kind === 0) await volume.write({ ca: ca.pem + next.pem });
      if (kind === 1) await volume.write({ ca: next.pem });
      await server.rotate(issued);
      const used = use(scene);
      if (kind === 2) {
        await until("it waits", () => config.status()?.waitingForTrust.length === 1);
        expect(server.stats.requests).toBe(0);
      }
      if (kind !== 0) await volume.write({ ca: next.pem });
      await used;
      if (kind === 0) await volume.write({ ca: next.pem });
      ca = next;
    }
    expect(scene.events.filter(({ type }) => type === "waited-for-trust")).toMatchObject(
      Array.from({ length: 3 }, () => ({ trusted: true })),
    );
    await until("replaced trust is gone", () => config.status()?.generations.length === 1);
  });

  test("sends the token in the file", async () => {
    const scene = await setUp({ reloadIntervalMs: 0 });
    await use(scene);
    await scene.volume.write({ token: "second" });
    await scene.server.rotate({ token: "second" });
    await use(scene);
    expect(types(scene.events)).toContain("token-reloaded");
  });

  test("offers no session and no request to a server of a removed anchor", async () => {
    const scene = await setUp({ reloadIntervalMs: 0, trustWaitMs: 0 });
    await use(scene);
    const { requests } = scene.server.stats;
    await scene.volume.write({ ca: (await createCa()).pem });
    await scene.server.drop();
    const failed = scene.config.makeApiClient(VersionApi).getCode();
    expect(await rejection(failed)).toMatchObject({
      cause: { code: "ERR_REANCHOR_UNTRUSTED_SERVER" },
    });
    expect(scene.server.stats.requests).toBe(requests);
  });
});

describe("connections", () => {
  const lists = 20;

  async function handshakesOf(scene: Scene, config: ClientNodeKubeConfig): Promise<number> {
    const api = config.makeApiClient(CoreV1Api);
    const before = scene.server.stats.handshakes;
    for (let number = 0; number < lists; number += 1) {
      await api.listNamespace();
      await connectionIsFree();
    }
    return scene.server.stats.handshakes - before;
  }

  test("client-node alone makes one handshake per request; through this KubeConfig it makes one in total", async () => {
    const scene = await setUp();
    const theirs = new ClientNodeKubeConfig();
    theirs.loadFromOptions(describeCluster(scene.server, scene.volume));
    expect(await handshakesOf(scene, theirs)).toBe(lists);
    expect(await handshakesOf(scene, scene.config)).toBe(1);
    // The connections of all others are still the same.
    await new Metrics(scene.config).getNodeMetrics();
    await new Health(scene.config).readyz({});
    expect(await handshakesOf(scene, scene.config)).toBe(0);
  });

  test("client-node alone can't exec after a rotation", async () => {
    const scene = await setUp();
    const theirs = new ClientNodeKubeConfig();
    theirs.loadFromOptions(describeCluster(scene.server, scene.volume));
    async function exec(): Promise<unknown> {
      const stdout = new PassThrough();
      return await new Exec(theirs).exec(
        "default",
        "web",
        "web",
        "true",
        stdout,
        null,
        null,
        false,
      );
    }
    // client-node also sends the file's final newline, which a WebSocket's header can't contain.
    await scene.volume.write({ token: "first" });
    await exec();
    await rotate(scene);
    expect(await rejection(exec())).toMatchObject({ error: { code: expect.any(String) } });
  });

  test("a list whose connection was lost is retried once, and a creation is not", async () => {
    const { config, server } = await setUp();
    const api = config.makeApiClient(CoreV1Api);
    await api.listNamespace();
    server.dropAtNextRequest(1);
    expect((await api.listNamespace()).items).toHaveLength(1);
    server.dropAtNextRequest(2);
    expect(await rejection(api.listNamespace())).toMatchObject({ message: "fetch failed" });
    server.dropAtNextRequest(1);
    const body = { metadata: { name: "created" } };
    expect(await rejection(api.createNamespace({ body }))).toBeInstanceOf(TypeError);
    expect(server.stats.requests).toBe(6);
  });

  test("a running watch continues across a rotation, and idle connections close", async () => {
    const scene = await setUp({ reloadIntervalMs: 0 });
    const { config, server, volume, ca } = scene;
    let ended = false;
    await new Watch(config).watch(
      "/api/v1/namespaces",
      {},
      () => {},
      () => {
        ended = true;
      },
    );
    const api = config.makeApiClient(CoreV1Api);
    await Promise.all([api.listNamespace(), api.listNamespace()]);
    await volume.write({ ca: ca.pem + (await createCa()).pem });
    await api.listNamespace();
    await until("the watch and one more are open", () => server.open === 2);
    expect(ended).toBe(false);
    expect(config.status()?.generations).toMatchObject([{ retired: true }, { retired: false }]);
  });

  test("close() ends requests, watches and WebSockets, and leaves nothing open", async () => {
    const { config, server } = await setUp();
    const api = config.makeApiClient(CoreV1Api);
    await api.listNamespace();
    let ended = false;
    await new Watch(config).watch(
      "/api/v1/namespaces",
      {},
      () => {},
      () => {
        ended = true;
      },
    );
    const stdout = new PassThrough();
    const attach = new Attach(config);
    const socket = await attach.attach("default", "web", "web", stdout, null, null, false);
    const closed = once(socket, "close");
    await config.close();
    await closed;
    await until("the watch has ended", () => ended);
    await until("no connection is left", () => server.open === 0);
    expect(await rejection(api.listNamespace())).toMatchObject({ code: "ERR_REANCHOR_CLOSED" });
  });

  test("a config that was loaded again opens new connections, and releases the old ones", async () => {
    const { config, server, volume } = await setUp();
    const api = config.makeApiClient(CoreV1Api);
    await api.listNamespace();
    const next = await createCa();
    await server.rotate(await next.issue());
    const caData = Buffer.from(next.pem).toString("base64");
    const described = describeCluster(server, volume);
    config.loadFromOptions({
      ...described,
      clusters: [{ name: "cluster", server: server.origin, caData, skipTLSVerify: false }],
    });
    await api.listNamespace();
    await until("one connection is left", () => server.open === 1);
  });
});

describe("other things that programs do", () => {
  const origin = "https://api.invalid";

  /** A config with just a cluster and a user. */
  function configOf(cluster: object, user: object = {}): KubeConfig {
    const config = new KubeConfig();
    onTestFinished(async () => await config.close());
    config.loadFromClusterAndUser({ name: "one", ...cluster } as Cluster, { name: "me", ...user });
    return config;
  }

  async function statusOf(url: string, options: RequestOptions): Promise<number | undefined> {
    const [response] = (await once(get(url, options), "response")) as [IncomingMessage];
    await readText(response);
    return response.statusCode;
  }

  function contextFor(path = "/version"): RequestContext {
    return new RequestContext(`${origin}${path}`, HttpMethod.GET);
  }

  test("applyToHTTPSOptions() sets the current trust and credentials, for custom agents", async () => {
    const scene = await setUp({ reloadIntervalMs: 0 });
    for (const rotated of [false, true]) {
      if (rotated) await rotate(scene);
      const options: RequestOptions = {};
      await scene.config.applyToHTTPSOptions(options);
      const { ca, headers, rejectUnauthorized } = options;
      expect(rejectUnauthorized).toBe(true);
      const agent = new Agent({ ca, rejectUnauthorized });
      onTestFinished(() => agent.destroy());
      for (const by of [{ agent }, options]) {
        expect(await statusOf(`${scene.server.origin}/readyz`, { headers, ...by })).toBe(200);
      }
    }
  });

  test("applyToHTTPSOptions() fills in certificate, key, server name and that nothing is verified", async () => {
    const clients = await createCa({ commonName: "clients" });
    const ca = await createCa();
    const pair = await ca.issue({ hosts: ["api.internal"] });
    const { server } = await startCluster({ ...pair, clientCa: clients.pem }, ca);
    const { cert, key } = await clients.issue({ client: true, commonName: "alice" });
    const encode = (text: string): string => Buffer.from(text).toString("base64");
    const user = { certData: encode(cert), keyData: encode(key) };
    const verified = { caData: encode(ca.pem), tlsServerName: "api.internal" };
    for (const [cluster, isVerified] of [
      [verified, true],
      [{ skipTLSVerify: true }, false],
    ] as const) {
      const config = configOf({ server: server.origin, ...cluster }, user);
      const options: RequestOptions = {};
      await config.applyToHTTPSOptions(options);
      expect(options.rejectUnauthorized).toBe(isVerified);
      expect(options.servername).toBe(isVerified ? "api.internal" : undefined);
      const { agent, ...filled } = options;
      const own = new Agent({ ...filled, keepAlive: false } as AgentOptions);
      onTestFinished(() => own.destroy());
      // By an agent of one's own, by ours beside the values that it was handed out with, and by ours alone.
      for (const by of [{ ...filled, agent: own }, options, { agent }]) {
        const [response] = (await once(get(`${server.origin}/echo`, by), "response")) as [
          IncomingMessage,
        ];
        expect(await readText(response)).toContain('"clientCommonName":"alice"');
      }
    }
  });

  test.each(["socks4://127.0.0.1:1", "socks4a://127.0.0.1:1", "ftp://127.0.0.1:1"])(
    "a proxy by %s is an error before anything is sent",
    async (proxyUrl) => {
      const { server } = await startCluster();
      const caData = Buffer.from((await createCa()).pem).toString("base64");
      const config = configOf({ server: server.origin, caData, proxyUrl });
      for (const refused of [
        config.makeApiClient(VersionApi).getCode(),
        config.applyToHTTPSOptions({}),
      ]) {
        expect(await rejection(refused)).toMatchObject({
          name: "ConfigError",
          message: expect.stringContaining("proxy"),
        });
      }
      expect((await server.stats()).connections).toBe(0);
    },
  );

  test("a CA whose second block is broken is an error, not half of a bundle", async () => {
    const { ca, server } = await startCluster();
    const broken = ca.pem + ca.pem.replace(/(BEGIN CERTIFICATE-----\n).{40}/, "$1");
    const config = configOf({
      server: server.origin,
      caData: Buffer.from(broken).toString("base64"),
    });
    for (const refused of [
      config.makeApiClient(VersionApi).getCode(),
      config.applyToHTTPSOptions({}),
    ]) {
      expect(await rejection(refused)).toMatchObject({ name: "SourceError" });
    }
    expect((await server.stats()).connections).toBe(0);
  });

  test("warnBeforeExpiryMs warns of the CA and the client certificate of the cluster", async () => {
    const hour = 3_600_000;
    const notAfter = new Date(Date.now() + 5 * hour);
    const clients = await createCa({ commonName: "clients" });
    const ca = await createCa({ notAfter });
    const { server } = await startCluster({ clientCa: clients.pem }, ca);
    const pair = await clients.issue({ client: true, commonName: "alice", notAfter });
    const encode = (text: string): string => Buffer.from(text).toString("base64");
    const events: ReanchorEvent[] = [];
    const config = new KubeConfig({
      onEvent: (event) => void events.push(event),
      warnBeforeExpiryMs: [6 * hour],
    });
    onTestFinished(async () => await config.close());
    config.loadFromClusterAndUser(
      { name: "one", server: server.origin, caData: encode(ca.pem), skipTLSVerify: false },
      { name: "me", certData: encode(pair.cert), keyData: encode(pair.key) },
    );
    const api = config.makeApiClient(VersionApi);
    await api.getCode();
    await api.getCode();
    const warnings = types(events).filter((type) => type.endsWith("-expiring"));
    expect(warnings.toSorted()).toEqual(["ca-expiring", "client-cert-expiring"]);
  });

  test("applyToHTTPSOptions() succeeds whatever the caller had set", async () => {
    const { config, server } = await setUp();
    const stranger = await createCa();
    const options: RequestOptions = {
      ca: stranger.pem,
      passphrase: "secret",
      secureProtocol: "TLS_method",
      rejectUnauthorized: false,
    };
    await config.applyToHTTPSOptions(options);
    await config.applyToHTTPSOptions(options);
    expect(options.rejectUnauthorized).toBe(true);
    expect(await statusOf(`${server.origin}/readyz`, options)).toBe(200);
  });

  test("a cluster without a server, and a config without a cluster, behave as in client-node", async () => {
    for (const config of [configOf({}), new KubeConfig()]) {
      await config.applyToHTTPSOptions({});
      const context = contextFor();
      await config.applySecurityAuthentication(context);
      expect(context.getDispatcher()).toBeUndefined();
    }
  });

  test("only a MockAgent replaces a dispatcher whose trust reloads", async () => {
    const ca = await createCa();
    const caData = Buffer.from(ca.pem).toString("base64");
    const before = getGlobalDispatcher();
    onTestFinished(() => setGlobalDispatcher(before));
    const dispatcherOf = async (config: KubeConfig): Promise<unknown> => {
      const context = contextFor();
      await config.applySecurityAuthentication(context);
      return context.getDispatcher();
    };
    const plain = configOf({ server: origin });
    const rotating = configOf({ server: origin, caData });
    expect(await dispatcherOf(plain)).toBeUndefined();
    expect(await dispatcherOf(rotating)).toBeDefined();
    const other = new Pool(origin);
    onTestFinished(async () => await other.close());
    setGlobalDispatcher(other);
    expect(await dispatcherOf(rotating)).toBeDefined();
    const mock = new MockAgent();
    onTestFinished(async () => await mock.close());
    mock.disableNetConnect();
    mock
      .get(origin)
      .intercept({ path: "/version", method: "GET" })
      .reply(200, { gitVersion: "mocked" }, { headers: { "content-type": "application/json" } });
    setGlobalDispatcher(mock);
    expect(await dispatcherOf(rotating)).toBeUndefined();
    const version = await rotating.makeApiClient(VersionApi).getCode();
    expect(version.gitVersion).toBe("mocked");
  });

  test("a MockAgent of another copy of undici takes its place, and a namesake does not", async () => {
    const require = createRequire(import.meta.url);
    // Loaded once more, its modules are others.
    const cached = Object.keys(require.cache).filter((path) => path.includes("/undici/"));
    const kept = cached.map((path) => [path, require.cache[path]] as const);
    for (const path of cached) delete require.cache[path];
    const { MockAgent: OtherMockAgent } = require("undici") as { MockAgent: typeof MockAgent };
    for (const [path, module] of kept) require.cache[path] = module;
    expect(OtherMockAgent).not.toBe(MockAgent);
    const before = getGlobalDispatcher();
    onTestFinished(() => setGlobalDispatcher(before));
    const caData = Buffer.from((await createCa()).pem).toString("base64");
    const config = configOf({ server: origin, caData });
    const isMocked = async (): Promise<boolean> => {
      const context = contextFor();
      await config.applySecurityAuthentication(context);
      return context.getDispatcher() === undefined;
    };
    const mock = new OtherMockAgent();
    onTestFinished(async () => await mock.close());
    setGlobalDispatcher(mock);
    expect(await isMocked()).toBe(true);
    class Namesake extends Pool {}
    Object.defineProperty(Namesake, "name", { value: MockAgent.name });
    const namesake = new Namesake(origin);
    onTestFinished(async () => await namesake.close());
    setGlobalDispatcher(namesake);
    expect(await isMocked()).toBe(false);
  });

  test("NODE_TLS_REJECT_UNAUTHORIZED does not disable verification when nothing can rotate", async () => {
    env["NODE_TLS_REJECT_UNAUTHORIZED"] = "0";
    onTestFinished(() => {
      delete env["NODE_TLS_REJECT_UNAUTHORIZED"];
    });
    const { server } = await startCluster();
    const config = configOf({ server: server.origin });
    expect(await rejection(config.makeApiClient(VersionApi).getCode())).toMatchObject({
      cause: { code: "ERR_REANCHOR_UNTRUSTED_SERVER" },
    });
  });

  test("copies by Object.create and by a Proxy work", async () => {
    const { config } = await setUp();
    for (const copy of [Object.create(config) as KubeConfig, new Proxy(config, {})]) {
      expect((await copy.makeApiClient(CoreV1Api).listNamespace()).items).toHaveLength(1);
      await copy.applyToHTTPSOptions({});
      expect(copy.status()?.generations).toHaveLength(1);
    }
  });

  test("an authenticator's own CA is used", async () => {
    const { ca, server } = await startCluster();
    const config = configOf({ server: server.origin });
    config.addAuthenticator({
      isAuthProvider: () => true,
      async applyAuthentication(_user, options) {
        options.ca = ca.pem;
      },
    });
    const version = await config.makeApiClient(VersionApi).getCode();
    expect(version.gitVersion).toMatch(/^v/);
  });

  test("tokenFile of a kubeconfig is read, and reloaded after a 401", async () => {
    const { server, volume, events } = await setUp();
    const path = `${volume.root}/kubeconfig`;
    const kubeconfig = `
clusters: [{ name: one, cluster: { server: "${server.origin}", certificate-authority: "${volume.caFile}" } }]
users: [{ name: me, user: { tokenFile: token, token: stale } }]
contexts: [{ name: one, context: { cluster: one, user: me } }]
current-context: one`;
    await writeFile(path, kubeconfig);
    env["KUBECONFIG"] = `${path}:`;
    onTestFinished(() => {
      delete env["KUBECONFIG"];
    });
    const config = new KubeConfig({ onEvent: (event) => void events.push(event) });
    onTestFinished(async () => await config.close());
    config.loadFromDefault();
    const api = config.makeApiClient(CoreV1Api);
    expect((await api.listNamespace()).items).toHaveLength(1);
    await volume.write({ token: "second" });
    await server.rotate({ token: "second" });
    const body = { metadata: { name: "created" } };
    expect((await api.createNamespace({ body })).metadata?.name).toBe("created");
    expect(server.stats.requests).toBe(2);
    expect(types(events)).toContain("token-reloaded");
  });
});

describe("loading", () => {
  test("loadFromCluster() reads the pod's files", async () => {
    const { server, volume } = await setUp();
    const root = `${volume.root}/var/run/secrets/kubernetes.io`;
    await mkdir(root, { recursive: true });
    await symlink(volume.root, `${root}/serviceaccount`);
    env["KUBERNETES_SERVICE_HOST"] = "127.0.0.1";
    env["KUBERNETES_SERVICE_PORT"] = String(server.port);
    onTestFinished(() => {
      delete env["KUBERNETES_SERVICE_HOST"];
      delete env["KUBERNETES_SERVICE_PORT"];
    });
    const config = new KubeConfig();
    onTestFinished(async () => await config.close());
    config.loadFromCluster(volume.root);
    expect((await config.makeApiClient(CoreV1Api).listNamespace()).items).toHaveLength(1);
    expect(config.status()?.ca?.source).toBe(`file ${root}/serviceaccount/ca.crt`);
  });

  test.each(["files", "data", "a file and data"])(
    "loadFromFile() sends a client certificate from %s",
    async (kind) => {
      const clients = await createCa({ commonName: "clients" });
      const { ca, server } = await startCluster({ clientCa: clients.pem });
      const { cert, key } = await clients.issue({ client: true, commonName: "alice" });
      const volume = await createVolume({ ca: ca.pem });
      await writeFile(`${volume.root}/client.crt`, cert);
      await writeFile(`${volume.root}/client.key`, key);
      const encode = (text: string): string => Buffer.from(text).toString("base64");
      const user = {
        ...(kind === "data"
          ? { "client-certificate-data": encode(cert) }
          : { "client-certificate": "client.crt" }),
        ...(kind === "files" ? { "client-key": "client.key" } : { "client-key-data": encode(key) }),
      };
      const kubeconfig = {
        clusters: [
          { name: "c", cluster: { server: server.origin, "certificate-authority": "ca.crt" } },
        ],
        users: [{ name: "u", user }],
        contexts: [{ name: "x", context: { cluster: "c", user: "u" } }],
        "current-context": "x",
      };
      await writeFile(`${volume.root}/config`, JSON.stringify(kubeconfig));
      const config = new KubeConfig({ reloadIntervalMs: 0 });
      onTestFinished(async () => await config.close());
      config.loadFromFile(`${volume.root}/config`);
      const echo = config.makeApiClient(CoreV1Api);
      expect((await echo.listNamespace()).items.length).toBeGreaterThan(0);
      if (kind !== "files") return;
      const other = await clients.issue({ client: true, commonName: "bob" });
      await writeFile(`${volume.root}/client.crt`, other.cert);
      await writeFile(`${volume.root}/client.key`, other.key);
      await echo.listNamespace();
      expect(config.status()?.generations.at(-1)).toMatchObject({ generation: 2 });
    },
  );

  test("client-node runs an exec plugin, and its token and certificate are used", async () => {
    const clients = await createCa({ commonName: "clients" });
    const { ca, server } = await startCluster({ clientCa: clients.pem });
    const { cert, key } = await clients.issue({ client: true, commonName: "alice" });
    const volume = await createVolume({ ca: ca.pem });
    const status = { clientCertificateData: cert, clientKeyData: key };
    await writeFile(`${volume.root}/credential`, JSON.stringify({ status }));
    const config = new KubeConfig();
    onTestFinished(async () => await config.close());
    config.loadFromClusterAndUser(
      { name: "c", server: server.origin, caFile: volume.caFile, skipTLSVerify: false },
      { name: "u", exec: { command: "cat", args: [`${volume.root}/credential`] } },
    );
    const api = config.makeApiClient(CoreV1Api);
    await api.listNamespace();
    await connectionIsFree();
    await api.listNamespace();
    expect(await server.stats()).toMatchObject({ requests: 2, handshakes: 1 });
    expect(config.status()?.clientCert?.source).toBe("plugin of user u");
  });

  test("skipTLSVerify works, and is rejected together with a CA", async () => {
    const { server } = await startCluster();
    const config = new KubeConfig();
    onTestFinished(async () => await config.close());
    const cluster = { name: "c", server: server.origin, skipTLSVerify: true };
    config.loadFromClusterAndUser(cluster, { name: "u" });
    const api = config.makeApiClient(CoreV1Api);
    expect((await api.listNamespace()).items.length).toBeGreaterThan(0);
    const caData = Buffer.from((await createCa()).pem).toString("base64");
    config.loadFromClusterAndUser({ ...cluster, caData }, { name: "u" });
    expect(await rejection(api.listNamespace())).toMatchObject({ name: "ConfigError" });
  });

  test("a certificate without its key is rejected by name, and so is an unknown option", async () => {
    const { server } = await startCluster();
    const config = new KubeConfig();
    onTestFinished(async () => await config.close());
    const cluster = { name: "c", server: server.origin, skipTLSVerify: false };
    config.loadFromClusterAndUser(cluster, { name: "alice", certFile: "/etc/client.crt" });
    expect(await rejection(config.makeApiClient(CoreV1Api).listNamespace())).toMatchObject({
      message: "Cannot connect as user alice: it lacks the key of its client certificate",
    });
    expect(() => new KubeConfig({ reloadMs: 1 } as never)).toThrow(/option reloadMs of KubeConfig/);
  });

  test("http is left to client-node, which rejects it unless verification is disabled", async () => {
    const config = new KubeConfig();
    onTestFinished(async () => await config.close());
    config.loadFromClusterAndUser({ name: "c", server: "http://127.0.0.1:1" } as never, {
      name: "u",
    });
    expect(await rejection(config.makeApiClient(CoreV1Api).listNamespace())).toMatchObject({
      message: expect.stringContaining("HTTP protocol is not allowed"),
    });
  });
});
