/**
 * A watch survives every rotation and restart, and emits each change once and in order.
 *
 * @module
 */

import { describe, expect, test } from "vitest";
import type { ClusterConfig, ConnectOptions } from "../../src/index.ts";
import { Pod } from "../../src/resources/index.ts";
import type { Echo, ServeOptions, TestServer } from "../support/api-server.ts";
import { type TestCa, createCa } from "../support/pki.ts";
import { entry } from "./support/entry.ts";
import { createPairFiles } from "./support/pair-files.ts";
import { type PodWriter, type Told, createPodWriter, listen } from "./support/pods.ts";
import {
  type ObservedClient,
  connectClient,
  createVolume,
  startCluster,
  types,
  until,
} from "./support/scene.ts";
import { ways } from "./support/ways.ts";

/** How many pods are written before, during and after the rotation. */
const WRITES = [60, 80, 60] as const;

interface Scene extends ObservedClient {
  readonly ca: TestCa;
  readonly server: TestServer;
  readonly writer: PodWriter;
  readonly told: Told;
}

interface SceneOptions {
  readonly serve?: Partial<ServeOptions>;
  /** How the server is trusted and authenticates clients. By default it has one CA. */
  readonly config?: (ca: TestCa) => Promise<Partial<ClusterConfig>>;
  readonly settings?: Partial<ConnectOptions>;
}

describe.each(ways)("a watch over $way", ({ http2, settings, httpVersion }) => {
  /** Starts to watch pods, some of which exist already. */
  async function watchPods(options: SceneOptions = {}): Promise<Scene> {
    const { ca, server } = await startCluster({ fakeApi: {}, http2, ...options.serve });
    const writer = await createPodWriter(server);
    const config = await options.config?.(ca);
    const client = await connectClient({
      config: { server: server.origin, ca: entry.staticCaSource(ca.pem), ...config },
      ...settings,
      ...options.settings,
    });
    const told = listen(client.kube.resource(Pod).watch());
    await until("the watch is open", async () => (await openWatches(server)) === 1);
    return { ...client, ca, server, writer, told };
  }

  /** Writes throughout, and compares every event with the writes. */
  async function expectEach({ writer, told }: Scene, act: () => Promise<unknown>): Promise<void> {
    const [before, during, after] = WRITES;
    await writer.write(before);
    await Promise.all([act(), writer.write(during)]);
    await writer.write(after);
    await told.count(writer.expected.length);
    expect(told.events).toEqual(writer.expected);
    expect(told.synced).toHaveLength(1);
  }

  /** The initial list was emitted once, and every later watch continued from a version. */
  async function expectWatches({ server }: Scene, least: number, most = Infinity): Promise<void> {
    const watches = (await server.fake.requests()).filter(({ verb }) => verb === "watch");
    const fromTheBeginning = watches.filter(({ query }) => query["sendInitialEvents"] === "true");
    expect(fromTheBeginning).toHaveLength(1);
    expect(watches.length).toBeGreaterThanOrEqual(least);
    expect(watches.length).toBeLessThanOrEqual(most);
  }

  test("misses nothing when the CA is rotated with overlap", async () => {
    const { ca, volume, scene } = await watchByCaFile();
    const successor = await createCa();
    await expectEach(scene, async () => {
      await volume.write({ ca: ca.pem + successor.pem });
      await scene.server.swap({ ...(await successor.issue()), forgetSessions: true });
      await scene.server.dropConnections();
      await scene.told.count(WRITES[0] + 1);
      await volume.write({ ca: successor.pem });
    });
    await expectWatches(scene, 2);
    expect(types(scene.events)).toContain("ca-reloaded");
    expect(await scene.kube.get("/echo")).toMatchObject({ httpVersion });
  });

  test("misses nothing when the old CA is removed before the new one is known", async () => {
    const { volume, scene } = await watchByCaFile({ trustWaitMs: 100 });
    const successor = await createCa();
    await expectEach(scene, async () => {
      await scene.server.swap({ ...(await successor.issue()), forgetSessions: true });
      await scene.server.dropConnections();
      await untilInterruptedBy(scene, "UntrustedServerError");
      await volume.write({ ca: successor.pem });
    });
    await expectWatches(scene, 2);
  });

  test("misses nothing when the old CA is removed, and waits for the new one", async () => {
    const { volume, scene } = await watchByCaFile({ trustWaitMs: 60_000 });
    const successor = await createCa();
    await expectEach(scene, async () => {
      await scene.server.swap({ ...(await successor.issue()), forgetSessions: true });
      await scene.server.dropConnections();
      await until("it waits", () => scene.kube.status().waitingForTrust.length === 1);
      await volume.write({ ca: successor.pem });
    });
    await expectWatches(scene, 2, 2);
  });

  test("is not even interrupted when the bundle changes and no connection is lost", async () => {
    const { ca, volume, scene, source } = await watchByCaFile();
    await expectEach(scene, async () => {
      await volume.write({ ca: ca.pem + (await createCa()).pem });
      await source.reload();
      await scene.kube.get("/version");
    });
    await expectWatches(scene, 1, 1);
    expect(scene.kube.status().generations.at(-1)).toMatchObject({ generation: 2 });
  });

  test("misses nothing when drainTimeoutMs ends its stream of the old generation", async () => {
    const { ca, volume, scene, source } = await watchByCaFile({ drainTimeoutMs: 50 });
    await expectEach(scene, async () => {
      await volume.write({ ca: ca.pem + (await createCa()).pem });
      await source.reload();
      await untilInterruptedBy(scene, "ConnectionError");
    });
    await expectWatches(scene, 2, 2);
    await until("the old trust is gone", () => scene.kube.status().generations.length === 1);
  });

  test("misses nothing when the client certificate is rotated", async () => {
    const [clients, successors] = [await createCa(), await createCa()];
    const files = await createPairFiles(await clients.issue({ client: true, commonName: "alice" }));
    const scene = await watchPods({
      serve: { clientCa: clients.pem, token: "nobody has it" },
      config: async () => ({ clientCert: entry.fileClientCertSource(files.paths) }),
    });
    await expectEach(scene, async () => {
      await files.write(await successors.issue({ client: true, commonName: "bob" }));
      await scene.server.swap({ clientCa: successors.pem, forgetSessions: true });
      await scene.server.dropConnections();
    });
    await expectWatches(scene, 2);
    expect(types(scene.events)).toContain("client-cert-reloaded");
    expect((await scene.kube.get<Echo>("/echo")).clientCommonName).toBe("bob");
  });

  test("misses nothing when the token is rotated", async () => {
    const { scene, volume } = await watchByToken();
    await expectEach(scene, async () => {
      await volume.write({ token: "second" });
      await scene.server.swap({ token: "second" });
      await scene.server.dropConnections();
    });
    const requests = await scene.server.requests();
    const tokens = requests.map(({ headers }) => headers["authorization"]);
    // The old token, which is rejected, and the new one.
    expect(tokens).toEqual(["Bearer first", "Bearer first", "Bearer second"]);
    expect(types(scene.events)).toContain("token-reloaded");
  });

  test("keeps trying while its token is rejected, and misses nothing", async () => {
    const { scene, volume } = await watchByToken();
    await expectEach(scene, async () => {
      await scene.server.swap({ token: "second" });
      await scene.server.dropConnections();
      await untilInterruptedBy(scene, "ApiError");
      await volume.write({ token: "second" });
    });
    await expectWatches(scene, 2);
  });

  test("misses nothing that is written while the server is down", async () => {
    const scene = await watchPods();
    await expectEach(scene, async () => {
      await scene.server.stop();
      await untilInterruptedBy(scene, "ConnectionError", 2);
      await scene.writer.write(20);
      await scene.server.restart();
    });
    await expectWatches(scene, 2);
  });

  test("misses nothing when the server shuts down gracefully", async () => {
    const scene = await watchPods();
    await expectEach(scene, async () => {
      await scene.server.drainConnections();
      await scene.server.fake.endWatches();
    });
    await expectWatches(scene, 2, 2);
    expect((await scene.server.stats()).connections).toBeGreaterThan(1);
  });

  test("misses nothing when the server sends GOAWAY, which only HTTP/2 has", async () => {
    const scene = await watchPods();
    await expectEach(scene, () => scene.kube.get("/goaway?key=watch"));
    const watches = httpVersion === "2.0" ? 2 : 1;
    await expectWatches(scene, watches, watches);
  });

  async function watchByCaFile(options: Partial<ConnectOptions> = {}) {
    const volume = await createVolume({});
    const source = entry.fileCaSource(volume.caFile);
    const scene = await watchPods({
      settings: options,
      async config({ pem }) {
        await volume.write({ ca: pem });
        return { ca: source };
      },
    });
    return { ca: scene.ca, volume, scene, source };
  }

  async function watchByToken() {
    const volume = await createVolume({ token: "first" });
    const token = entry.fileTokenSource(volume.tokenFile);
    const scene = await watchPods({ serve: { token: "first" }, config: async () => ({ token }) });
    return { scene, volume };
  }
});

async function openWatches({ fake }: TestServer): Promise<number> {
  return (await fake.openWatches()).length;
}

/** Waits until the watch has failed this often, the last time with an error of this name. */
async function untilInterruptedBy({ events }: Scene, name: string, times = 1): Promise<void> {
  await until(`the watch is interrupted by ${name}`, () => {
    const interruptions = events.filter((event) => event.type === "watch-interrupted");
    return interruptions.length >= times && interruptions.at(-1)?.error.name === name;
  });
}
