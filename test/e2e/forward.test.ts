/**
 * Ports of pods at a real API server. A pod's localhost is this machine's: the servers run in the test.
 *
 * @module
 */

import { spawn } from "node:child_process";
import { createHash, randomBytes } from "node:crypto";
import { once } from "node:events";
import { type AddressInfo, type Socket, connect as connectTo, createServer } from "node:net";
import { describe, expect, onTestFinished, test } from "vitest";
import type { ConnectOptions } from "../../src/index.ts";
import { Deployment, Pod, Service } from "../../src/resources/index.ts";
import { entry } from "../contract/support/entry.ts";
import { writeAdminKubeconfig } from "../support/admin-kubeconfig.ts";
import { eventually } from "../support/cluster.ts";
import { type Topology, startNode } from "../support/node-process.ts";
import { figure } from "./support/figures.ts";
import { findKubectl } from "./support/kubectl.ts";
import { createPod, createPodAccount, useNode } from "./support/pods.ts";
import { cluster, connectAs, rejection, ways } from "./support/scene.ts";

const topologies: readonly Topology[] = ["translated", "proxied"];

const isKubectlInstalled = (await findKubectl(cluster)) !== undefined;

const MEGABYTE = 2 ** 20;
const SENT_MEGABYTES = 20;
/** How many connections are forwarded at once. */
const CONNECTIONS = 200;
/** Idle connections that a runtime keeps, and does not close on request. */
const SPARE_SOCKETS = 4;

/** A server that echoes what it receives, and its port. */
async function startEcho(): Promise<number> {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on("error", () => {});
    socket.on("close", () => sockets.delete(socket));
    socket.pipe(socket);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  onTestFinished(async () => {
    for (const socket of sockets) socket.destroy();
    await new Promise((resolve) => server.close(resolve));
  });
  return (server.address() as AddressInfo).port;
}

/** A port of this machine on which nothing listens. */
async function closedPort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

/** Sends a text to a local port, and resolves with an echo of the same length. */
async function exchange(port: number, text: string): Promise<string> {
  const socket = connectTo({ host: "127.0.0.1", port });
  return await new Promise<string>((resolve, reject) => {
    let answer = "";
    socket.once("error", reject);
    socket.once("close", () => reject(new Error(`Cannot read more than ${answer.length} bytes`)));
    socket.setEncoding("utf8").on("data", (more: string) => {
      answer += more;
      if (answer.length < text.length) return;
      resolve(answer);
      socket.destroy();
    });
    socket.write(text);
  });
}

describe.each(topologies)("%s", (topology) => {
  const node = useNode(topology);

  async function scene(settings: ConnectOptions = {}) {
    const account = await createPodAccount();
    const { kube } = await connectAs(account, { settings });
    const name = await createPod(account, node(), { labels: { app: "echo" } });
    return { account, kube, pods: kube.resource(Pod), name, port: await startEcho() };
  }

  describe.each(ways)("$way", ({ settings }) => {
    test("connect() opens a connection to a port of the pod", async () => {
      const { pods, name, port } = await scene(settings);
      const tunnel = await pods.portForward(name, port);
      const connection = await tunnel.connect();
      const writer = connection.writable.getWriter();
      const reader = connection.readable.getReader();
      for (const word of ["one", "two"]) {
        await writer.write(new TextEncoder().encode(word));
        const { value } = await reader.read();
        expect(new TextDecoder().decode(value)).toBe(word);
      }
      await connection.close();
    });

    test("a port on which nothing listens is reported as such", async () => {
      const { pods, name } = await scene(settings);
      const tunnel = await pods.portForward(name, await closedPort());
      const { readable } = await tunnel.connect();
      await expect(readable.getReader().read()).rejects.toThrow("connection refused");
    });

    test.runIf(isKubectlInstalled)("listen() carries what kubectl port-forward does", async () => {
      const { account, pods, name, port } = await scene(settings);
      await using listener = await (await pods.portForward(name, port)).listen();
      const kubeconfig = await writeAdminKubeconfig(cluster);
      const kubectl = spawn(
        "kubectl",
        [
          `--kubeconfig=${kubeconfig}`,
          `--namespace=${account.namespace}`,
          "port-forward",
          name,
          `:${port}`,
        ],
        { stdio: ["ignore", "pipe", "inherit"] },
      );
      onTestFinished(() => void kubectl.kill("SIGKILL"));
      let printed = "";
      kubectl.stdout.on("data", (chunk: Buffer) => void (printed += chunk.toString()));
      const forwarded = /127\.0\.0\.1:(\d+) -> (\d+)/;
      await eventually("kubectl listens", async () => forwarded.test(printed));
      const [, itsPort, remotePort] = forwarded.exec(printed) ?? [];
      expect(Number(remotePort)).toBe(port);
      const text = "through the pod ".repeat(10_000);
      expect(await exchange(listener.port, text)).toBe(await exchange(Number(itsPort), text));
    });

    test("portForward() of a Service or a Deployment leads to a ready pod", async () => {
      const { account, kube, port } = await scene(settings);
      const core = `/api/v1/namespaces/${account.namespace}`;
      const ports = [{ name: "echo", port: 80, targetPort: port }];
      await cluster.admin("POST", `${core}/services`, {
        metadata: { name: "echo" },
        spec: { selector: { app: "echo" }, ports },
      });
      const containers = [{ name: "main", image: "none" }];
      await cluster.admin("POST", `/apis/apps/v1/namespaces/${account.namespace}/deployments`, {
        metadata: { name: "echo" },
        spec: {
          selector: { matchLabels: { app: "echo" } },
          template: { metadata: { labels: { app: "echo" } }, spec: { containers } },
        },
      });
      const tunnels = [
        await kube.resource(Service).portForward("echo", "echo"),
        await kube.resource(Service).portForward("echo", 80),
        await kube.resource(Deployment).portForward("echo", port),
      ];
      for (const tunnel of tunnels) {
        await using listener = await tunnel.listen();
        expect(await exchange(listener.port, "through the selector")).toBe("through the selector");
      }
    });
  });

  test.each(["own", "shared"] as const)(
    `listen() forwards ${CONNECTIONS} connections at once, and leaves none (%s)`,
    async (connections) => {
      const { kube, pods, name, port } = await scene();
      await cluster.cutConnections(); // Connections that other tests have left.
      const tunnel = await pods.portForward(name, port, { connections });
      const listener = await tunnel.listen({ port: 0 });
      expect(listener.host).toBe("127.0.0.1");
      const texts = Array.from({ length: CONNECTIONS }, (_, at) => `${at} `.repeat(1_000));
      // The first round's connections are aborted. That must not affect the second round's.
      for (const round of [1, 2]) {
        const startedAt = performance.now();
        const answers = await Promise.all(texts.map((text) => exchange(listener.port, text)));
        const ms = performance.now() - startedAt;
        expect(answers).toEqual(texts);
        const title = `forward, ${topology}, ${connections}`;
        await figure(`${title}: ms for ${CONNECTIONS} connections, ${round}`, Math.round(ms));
      }
      await listener.close();
      await kube.close();
      await eventually("their sockets are closed", async () => {
        return (await cluster.connections()).open <= SPARE_SOCKETS;
      });
    },
  );

  test("a shared connection outlives another that can't reach its port", async () => {
    const { pods, name } = await scene();
    const echo = createServer((socket) => void socket.on("error", () => {}).pipe(socket));
    await once(echo.listen(0, "127.0.0.1"), "listening");
    const { port } = echo.address() as AddressInfo;
    const tunnel = await pods.portForward(name, port, { connections: "shared" });
    await using connection = await tunnel.connect();
    const writer = connection.writable.getWriter();
    const reader = connection.readable.getReader();
    for (const word of ["one", "two", "three"]) {
      await writer.write(new TextEncoder().encode(word));
      expect(new TextDecoder().decode((await reader.read()).value)).toBe(word);
      echo.close(); // It accepts no more connections.
      const { readable } = await tunnel.connect();
      await expect(readable.getReader().read()).rejects.toThrow("connection refused");
    }
  });

  test(`connect() sends ${SENT_MEGABYTES} MB there and back intact`, async () => {
    const { pods, name, port } = await scene();
    const tunnel = await pods.portForward(name, port);
    const connection = await tunnel.connect();
    const sent = createHash("sha256");
    const received = createHash("sha256");
    const startedAt = performance.now();
    const writing = (async () => {
      const writer = connection.writable.getWriter();
      for (let at = 0; at < SENT_MEGABYTES; at += 1) {
        const bytes = randomBytes(MEGABYTE);
        sent.update(bytes);
        await writer.write(bytes);
      }
    })();
    let size = 0;
    const reader = connection.readable.getReader();
    while (size < SENT_MEGABYTES * MEGABYTE) {
      const { value } = await reader.read();
      if (value === undefined) throw new Error(`Cannot read more than ${size} bytes`);
      received.update(value);
      size += value.length;
    }
    await writing;
    const seconds = (performance.now() - startedAt) / 1_000;
    await connection.close();
    expect(received.digest("hex")).toBe(sent.digest("hex"));
    await figure(`forward, ${topology}: MB/s there and back`, Math.round(SENT_MEGABYTES / seconds));
  });

  test("a connection ends by itself when its node is killed, even if nobody writes", async () => {
    const { account, pods, port } = await scene();
    const dying = await startNode(cluster, topology);
    onTestFinished(() => dying.stop());
    const name = await createPod(account, dying, { name: "dying" });
    const connection = await (await pods.portForward(name, port)).connect();
    const reader = connection.readable.getReader();
    await connection.writable.getWriter().write(new TextEncoder().encode("on"));
    await reader.read();
    await dying.kill();
    expect(await rejection(reader.read())).toBeInstanceOf(entry.ConnectionError);
  });

  test("a connection that is cut ends, and the next one succeeds", async () => {
    const { pods, name, port } = await scene();
    const tunnel = await pods.portForward(name, port);
    for (const cut of [cluster.cutConnections, node().cutConnections]) {
      const connection = await tunnel.connect();
      const writer = connection.writable.getWriter();
      const reader = connection.readable.getReader();
      await writer.write(new TextEncoder().encode("on"));
      await reader.read();
      await cut();
      // An API server that tunnels notices only with the next bytes that the kubelet has gone.
      await writer.write(new TextEncoder().encode("off")).catch(() => {});
      const [outcome] = await Promise.allSettled([reader.read()]);
      if (outcome.status === "fulfilled") expect(outcome.value.done).toBe(true);
      else expect(outcome.reason).toBeInstanceOf(entry.ConnectionError);
      await connection.close();
      await using listener = await tunnel.listen();
      expect(await exchange(listener.port, "again")).toBe("again");
    }
  });
});
