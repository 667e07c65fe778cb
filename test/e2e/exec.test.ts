/**
 * Commands in pods at a real API server, with WebSockets that are translated there or at the kubelet.
 *
 * @module
 */

import { createHash, randomBytes } from "node:crypto";
import process from "node:process";
import { isDeepStrictEqual } from "node:util";
import { describe, expect, onTestFinished, test } from "vitest";
import type { ConnectOptions } from "../../src/index.ts";
import { Pod } from "../../src/resources/index.ts";
import { entry } from "../contract/support/entry.ts";
import { createPairFiles } from "../contract/support/pair-files.ts";
import { eventually } from "../support/cluster.ts";
import { type Topology, startNode } from "../support/node-process.ts";
import { figure } from "./support/figures.ts";
import { findKubectl } from "./support/kubectl.ts";
import { createPod, createPodAccount, createSharedFolder, shell, useNode } from "./support/pods.ts";
import { cluster, connect, connectAs, rejection, types, ways } from "./support/scene.ts";

const kubectl = await findKubectl(cluster);
const topologies: readonly Topology[] = ["translated", "proxied"];

const MEGABYTE = 2 ** 20;
/** The bytes that are sent through a command and back. */
const SENT_MEGABYTES = 100;
/** The output of a command whose reader pauses now and then. */
const LONG_OUTPUT_BYTES = 10 ** 9;
/** How many commands run in sequence. */
const COMMANDS = 1_000;
/** Idle connections that a runtime keeps, and does not close on request. */
const SPARE_SOCKETS = 4;

describe.each(topologies)("%s", (topology) => {
  const node = useNode(topology);

  async function scene(settings: ConnectOptions = {}) {
    const account = await createPodAccount();
    const { kube, events } = await connectAs(account, { settings });
    const name = await createPod(account, node());
    return { account, kube, pods: kube.resource(Pod), events, name };
  }

  /**
   * API servers and kubelets drop what a command wrote last, with its exit code, if passing on its input fails first
   * (kubernetes/kubernetes#124335). kubectl loses it as often. Between the two, the connection is lost. Between the
   * kubelet and the container runtime, success is reported instead.
   */
  function isLost(result: unknown): boolean {
    if (topology === "proxied" && result instanceof entry.ConnectionError) return true;
    return isDeepStrictEqual(result, { code: 0, stdout: "", stderr: "" });
  }

  describe.each(ways)("$way", ({ settings }) => {
    test("execText() returns what kubectl exec prints, and the exit code", async () => {
      const { account, pods, name } = await scene(settings);
      const command = shell("cat; echo out; echo ünïcode >&2; exit 3");
      const stdin = "a line\nand no end";
      const result = await pods.execText(name, command, { stdin });
      expect(result).toEqual({ code: 3, stdout: `${stdin}out\n`, stderr: "ünïcode\n" });
      expect(await websocketRequests("exec", topology)).toBeGreaterThan(0);
      if (kubectl === undefined) return;
      const args = ["exec", "-i", name, "--", ...command];
      const expected = await kubectl(account.namespace, args, stdin);
      expect({ code: expected.code, stdout: expected.stdout }).toEqual({
        code: result.code,
        stdout: result.stdout,
      });
      expect(expected.stderr).toContain(result.stderr);
    });

    test("exec() rejects a command that does not exist or is not allowed", async () => {
      const { account, pods, kube, name } = await scene(settings);
      const run = (options: object = {}, pod = name, command = ["true"]): Promise<unknown> =>
        rejection(pods.execText(pod, command, options));
      expect(await run({}, "nobody")).toMatchObject({ name: "ApiError", status: 404 });
      expect(await run({ container: "other" })).toMatchObject({ name: "ApiError", status: 400 });
      expect(await run({}, name, ["no-such-program"])).toMatchObject({
        name: "ApiError",
        message: expect.stringContaining("executable file not found") as string,
      });
      const elsewhere = kube.resource(Pod, { namespace: "default" });
      const forbidden = await rejection(elsewhere.execText(name, ["true"]));
      expect(forbidden).toMatchObject({ name: "ApiError", status: 403 });

      const several = await createPod(account, node(), { name: "several", containers: [{}, {}] });
      expect(await run({}, several)).toMatchObject({
        name: "ApiError",
        status: 400,
        message: expect.stringContaining("choose one of: [main other-1]") as string,
      });
      expect(await pods.execText(several, ["true"], { container: "other-1" })).toMatchObject({
        code: 0,
      });

      const folder = await createSharedFolder();
      const waiting = await createPod(account, node(), {
        name: "waiting",
        waits: false,
        initContainers: [{ name: "init", command: shell(folder.waitFor("init")) }],
      });
      expect(await run({}, waiting)).toMatchObject({
        name: "ApiError",
        message: expect.stringContaining("container not found") as string,
      });
      await folder.open("init");
    });

    test("exec() with tty is a terminal, with a size that changes", async () => {
      const { pods, name } = await scene(settings);
      const until = (size: string): string =>
        `until [ "$(stty size)" = "${size}" ]; do sleep 0.05; done; echo it is ${size}`;
      const command = shell(until("40 120"), "read line", until("24 80"), "tty; exit 4");
      const run = await pods.exec(name, command, { stdin: "pipe", tty: true });
      const writer = run.stdin.getWriter();
      const output = followText(run.stdout);
      await run.resize({ columns: 120, rows: 40 });
      await eventually("it has its size", async () => output.text === "it is 40 120\r\n");
      await run.resize({ columns: 80, rows: 24 });
      await writer.write(new TextEncoder().encode("a line\n"));
      expect(await run.exit).toEqual({ code: 4 });
      await output.ended;
      // A terminal echoes the input, and ends lines in its own way.
      expect(output.text).toMatch(
        /^it is 40 120\r\na line\r\nit is 24 80\r\n\/dev\/(?:pts\/\d+|ttys\d+)\r\n$/,
      );
    });

    test("attach() connects to the program that a container runs", async () => {
      const { account, pods } = await scene(settings);
      const reader = {
        containers: [
          {
            command: shell("while read line; do echo got $line; done; exit 5"),
            stdin: true,
            stdinOnce: true,
          },
        ],
      };
      const name = await createPod(account, node(), { ...reader, name: "attached" });
      const run = await pods.attach(name, { stdin: "pipe" });
      const writer = run.stdin.getWriter();
      const output = followText(run.stdout);
      const silent = followText(run.stderr);
      await writer.write(new TextEncoder().encode("one\n"));
      await eventually("it answers", async () => output.text === "got one\n");
      await writer.write(new TextEncoder().encode("two\n"));
      await writer.close();
      // The exit code is that of the container's program, not of attaching.
      expect(await run.exit).toEqual({ code: 0 });
      await Promise.all([output.ended, silent.ended]);
      expect(output.text).toBe("got one\ngot two\n");
      expect(await pods.logText(name)).toBe(output.text);
      if (kubectl !== undefined) {
        const other = await createPod(account, node(), { ...reader, name: "attached-by-kubectl" });
        const input = "one\ntwo\n";
        const printed = await kubectl(account.namespace, ["attach", "-i", other], input);
        expect({ code: printed.code, stdout: printed.stdout }).toEqual({
          code: 0,
          stdout: output.text,
        });
      }
      await eventually("the container has ended", async () => {
        const [status] = (await pods.get(name)).status?.containerStatuses ?? [];
        return status?.state?.terminated?.exitCode === 5;
      });
    });

    test("exec() returns the exit code of a command that ends before it has read its input", async () => {
      const { pods, name } = await scene(settings);
      const stdin = new Uint8Array(50 * MEGABYTE);
      const run = async (): Promise<object> =>
        await pods.execText(name, ["head", "-c", "5"], { stdin }).catch((error: Error) => error);
      const results = [await run()];
      while (isLost(results.at(-1)) && results.length < 50) results.push(await run());
      expect(results.at(-1)).toEqual({ code: 0, stdout: "\0".repeat(5), stderr: "" });
    });

    test("exec() returns the exit code of a command that drops the rest of its input", async () => {
      const { pods, name } = await scene(settings);
      const command = shell("head -c 5", "cat > /dev/null", "exit 3");
      const stdin = new Uint8Array(5 * MEGABYTE);
      for (let round = 0; round < 10; round += 1) {
        const result = await pods.execText(name, command, { stdin });
        expect(result).toEqual({ code: 3, stdout: "\0".repeat(5), stderr: "" });
      }
    });
  });

  test(`exec() sends ${SENT_MEGABYTES} MB through cat and back intact`, async () => {
    const { pods, name } = await scene();
    const run = await pods.exec(name, ["cat"], { stdin: "pipe", stderr: false });
    const sent = createHash("sha256");
    const received = createHash("sha256");
    const startedAt = performance.now();
    const writing = (async () => {
      const writer = run.stdin.getWriter();
      for (let at = 0; at < SENT_MEGABYTES; at += 1) {
        const bytes = randomBytes(MEGABYTE);
        sent.update(bytes);
        await writer.write(bytes);
      }
      await writer.close();
    })();
    let size = 0;
    for await (const bytes of run.stdout) {
      received.update(bytes);
      size += bytes.length;
    }
    await writing;
    expect(await run.exit).toEqual({ code: 0 });
    expect(size).toBe(SENT_MEGABYTES * MEGABYTE);
    expect(received.digest("hex")).toBe(sent.digest("hex"));
    const seconds = (performance.now() - startedAt) / 1_000;
    await figure(`exec, ${topology}: MB/s through cat`, Math.round(SENT_MEGABYTES / seconds));
  });

  test("exec() receives no more than its reader reads", async () => {
    const { pods, name } = await scene();
    const endless = ["head", "-c", String(10 ** 9), "/dev/zero"];
    const run = await pods.exec(name, endless, { stderr: false });
    const reader = run.stdout.getReader();
    await reader.read();
    const before = process.memoryUsage().rss;
    // Only waiting can show that nothing arrives.
    await new Promise((resolve) => void setTimeout(resolve, 1_500));
    const megabytes = (process.memoryUsage().rss - before) / MEGABYTE;
    await figure(`exec, ${topology}: MB more while the reader sleeps`, Math.round(megabytes));
    expect(megabytes).toBeLessThan(64);
    await reader.read();
    await run.close();
    await expect(run.exit).rejects.toThrow();
  });

  // Once is enough: the result does not depend on the topology.
  if (topology === "proxied") {
    test("exec() downloads 1 GB for a reader that sleeps, in little memory", async () => {
      const { pods, name } = await scene();
      const command = ["head", "-c", String(LONG_OUTPUT_BYTES), "/dev/zero"];
      const run = await pods.exec(name, command, { stderr: false });
      const before = process.memoryUsage().rss;
      let most = 0;
      let read = 0;
      let sleptAt = 0;
      for await (const bytes of run.stdout) {
        read += bytes.length;
        if (read - sleptAt < LONG_OUTPUT_BYTES / 20) continue;
        sleptAt = read;
        await new Promise((resolve) => void setTimeout(resolve, 100));
        most = Math.max(most, process.memoryUsage().rss - before);
      }
      expect(await run.exit).toEqual({ code: 0 });
      expect(read).toBe(LONG_OUTPUT_BYTES);
      await figure("exec: MB more at most while 1 GB is read", Math.round(most / MEGABYTE));
      expect(most / MEGABYTE).toBeLessThan(200);
    });
  }

  test("exec() loses nothing of a command that ends before its slow reader has read everything", async () => {
    const { pods, name } = await scene();
    const size = 10 * MEGABYTE;
    const command = ["head", "-c", String(size), "/dev/zero"];
    const run = await pods.exec(name, command, { stderr: false });
    let read = 0;
    for await (const bytes of run.stdout) {
      read += bytes.length;
      await new Promise((resolve) => void setTimeout(resolve, 1));
    }
    expect(await run.exit).toEqual({ code: 0 });
    expect(read).toBe(size);
  });

  test(`${COMMANDS} commands in a row leave no socket, no generation and no memory`, async () => {
    const { kube, pods, name } = await scene();
    await cluster.cutConnections(); // Connections that other tests have left.
    // Whatever a runtime keeps for good, it keeps from the first commands on.
    for (let at = 0; at < 50; at += 1) await pods.execText(name, ["true"]);
    const before = process.memoryUsage().rss;
    const startedAt = performance.now();
    for (let at = 0; at < COMMANDS; at += 1) {
      const { stdout, code } = await pods.execText(name, ["echo", String(at)]);
      expect({ stdout, code }).toEqual({ stdout: `${at}\n`, code: 0 });
    }
    const ms = (performance.now() - startedAt) / COMMANDS;
    const megabytes = (process.memoryUsage().rss - before) / MEGABYTE;
    await figure(`exec, ${topology}: ms for a small command`, Math.round(ms * 10) / 10);
    await figure(`exec, ${topology}: MB more after ${COMMANDS}`, Math.round(megabytes));
    expect(megabytes).toBeLessThan(100);
    expect(kube.status().generations).toHaveLength(1);
    await kube.close();
    await eventually("their sockets are closed", async () => {
      return (await cluster.connections()).open <= SPARE_SOCKETS;
    });
  });

  test("exec() rejects when its connection is cut, and the next one succeeds", async () => {
    const { pods, name } = await scene();
    const cuts: readonly (() => Promise<void>)[] =
      // If the kubelet goes away, a translating API server reports success instead. That is its bug.
      topology === "proxied"
        ? [cluster.cutConnections, node().cutConnections]
        : [cluster.cutConnections];
    for (const cut of cuts) {
      const run = await pods.exec(name, shell("echo on; cat"), { stdin: "pipe" });
      const output = followText(run.stdout);
      await eventually("it runs", async () => output.text === "on\n");
      await cut();
      expect(await rejection(run.exit)).toBeInstanceOf(entry.ConnectionError);
      await expect(output.ended).rejects.toThrow();
      expect(await pods.execText(name, ["echo", "again"])).toMatchObject({ stdout: "again\n" });
    }
  });

  test("exec() ends when its node is killed", async () => {
    const { account, pods } = await scene();
    const dying = await startNode(cluster, topology);
    onTestFinished(() => dying.stop());
    const name = await createPod(account, dying, { name: "dying" });
    const run = await pods.exec(name, shell("echo on; cat"), { stdin: "pipe" });
    const output = followText(run.stdout);
    output.ended.catch(() => {});
    await eventually("it runs", async () => output.text === "on\n");
    await dying.kill();
    const [outcome] = await Promise.allSettled([run.exit]);
    if (topology === "proxied") {
      expect(outcome).toMatchObject({ status: "rejected", reason: { name: "ConnectionError" } });
    } else {
      // The API server's translator reports success. Therefore copies check the end of the archive.
      expect(outcome).toEqual({ status: "fulfilled", value: { code: 0 } });
    }
    await expect(pods.execText(name, ["true"])).rejects.toMatchObject({ name: "ApiError" });
  });
});

describe("rotations", () => {
  const node = useNode("proxied");

  async function scene() {
    const account = await createPodAccount();
    const name = await createPod(account, node());
    return { account, name };
  }

  test("exec() continues when the CA rotates, and the next one reloads the CA", async () => {
    const { account, name } = await scene();
    const { kube, events } = await connectAs(account);
    const pods = kube.resource(Pod);
    const run = await pods.exec(name, ["cat"], { stdin: "pipe" });
    await cluster.rotateServingCa({ volume: account.volume, overlap: false });
    expect(await pods.execText(name, ["echo", "next"])).toMatchObject({ stdout: "next\n" });
    expect(types(events)).toContain("ca-reloaded");
    const output = followText(run.stdout);
    const writer = run.stdin.getWriter();
    await writer.write(new TextEncoder().encode("still here"));
    await writer.close();
    expect(await run.exit).toEqual({ code: 0 });
    await output.ended;
    expect(output.text).toBe("still here");
  });

  test("exec() runs on when its token is replaced and no longer valid", async () => {
    const { account, name } = await scene();
    const { kube, events } = await connectAs(account);
    const pods = kube.resource(Pod);
    const run = await pods.exec(name, ["cat"], { stdin: "pipe" });
    await account.rotateToken();
    expect(await pods.execText(name, ["echo", "next"])).toMatchObject({ stdout: "next\n" });
    expect(types(events)).toContain("token-reloaded");
    const output = followText(run.stdout);
    const writer = run.stdin.getWriter();
    await writer.write(new TextEncoder().encode("still here"));
    await writer.close();
    expect(await run.exit).toEqual({ code: 0 });
    await output.ended;
    expect(output.text).toBe("still here");
  });

  test("exec() reloads its token after a 401", async () => {
    const { account, name } = await scene();
    await account.volume.write({ token: "no-longer-valid" });
    const { kube, events } = await connectAs(account);
    const pods = kube.resource(Pod);
    expect(await rejection(pods.execText(name, ["true"]))).toMatchObject({ status: 401 });
    await account.volume.write({ token: await account.issueToken() });
    expect(await pods.execText(name, ["echo", "next"])).toMatchObject({ stdout: "next\n" });
    expect(types(events)).toContain("token-reloaded");
    expect(events).toContainEqual(
      expect.objectContaining({ type: "retry", reason: "unauthorized" }),
    );
  });

  test("exec() uses a client certificate that was replaced", async () => {
    const { account, name } = await scene();
    const issue = async (notAfter: Date) =>
      await cluster.issueClientCertificate({
        commonName: "jane",
        organizations: ["system:masters"],
        notAfter,
      });
    const expiresAt = Date.now() + 4_000;
    const files = await createPairFiles(await issue(new Date(expiresAt)));
    const { kube, events } = await connect({
      config: {
        server: cluster.origin,
        ca: entry.staticCaSource(await cluster.servingCa()),
        clientCert: entry.fileClientCertSource(files.paths),
        namespace: account.namespace,
      },
    });
    const pods = kube.resource(Pod);
    expect(await pods.execText(name, ["echo", "first"])).toMatchObject({ stdout: "first\n" });
    const run = await pods.exec(name, ["cat"], { stdin: "pipe" });
    await files.write(await issue(new Date(Date.now() + 86_400_000)));
    await eventually("the first one has expired", async () => Date.now() > expiresAt + 500);
    expect(await pods.execText(name, ["echo", "next"])).toMatchObject({ stdout: "next\n" });
    expect(types(events)).toContain("client-cert-reloaded");
    await run.stdin.close();
    expect(await run.exit).toEqual({ code: 0 });
  });
});

interface FollowedText {
  readonly text: string;
  readonly ended: Promise<void>;
}

/** Reads a stream, and collects its text as it arrives. */
function followText(stream: ReadableStream<Uint8Array>): FollowedText {
  const decoder = new TextDecoder();
  let text = "";
  const ended = (async () => {
    for await (const bytes of stream) text += decoder.decode(bytes, { stream: true });
  })();
  // A caller that needs the error awaits it.
  ended.catch(() => {});
  return {
    get text() {
      return text;
    },
    ended,
  };
}

/** How many WebSockets the server reports to have served in a topology. */
async function websocketRequests(subresource: string, topology: Topology): Promise<number> {
  const proxyType = topology === "proxied" ? "proxied_to_kubelet" : "translated_at_apiserver";
  const metrics = String(await cluster.admin("GET", "/metrics"));
  const line = new RegExp(
    `^apiserver_websocket_streaming_requests_total\\{proxy_type="${proxyType}",subresource="${subresource}"\\} (\\d+)$`,
    "m",
  );
  return Number(line.exec(metrics)?.[1] ?? 0);
}
