/**
 * Forwarded ports against kubectl, at a real kube-apiserver and a stand-in for a node.
 *
 * @module
 */

import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { type AddressInfo, type Socket, connect, createServer } from "node:net";
import { fileURLToPath } from "node:url";
import { bin } from "../../tools/run.ts";
import { until } from "../support/until.ts";
import { type BenchContext, type Figure, atMost } from "./figures.ts";
import { NAMESPACE, POD, openPodStage } from "./pod-stage.ts";
import { type RuntimeName, runtimeTitles } from "./program.ts";
import { alternate, median, ratio } from "./statistics.ts";

/** How many connections are opened at once. */
const CONNECTIONS = 200;
/** What one connection sends, and gets back. */
const MEGABYTES = 50;

const runtimes: readonly RuntimeName[] = ["node", "deno", "bun"];
const ways = ["shared", "own"] as const;
type Way = (typeof ways)[number];
type Contender = "kubectl" | `${RuntimeName} ${Way}`;
const contenders: readonly Contender[] = [
  "kubectl",
  ...runtimes.flatMap((runtime) => ways.map((way): Contender => `${runtime} ${way}`)),
];

const commands: Readonly<Record<RuntimeName, readonly string[]>> = {
  node: [process.execPath],
  deno: [bin("deno"), "run", "-A"],
  bun: [bin("bun")],
};

/** Opens connections, and sends bytes there and back, through each contender in turn. */
export async function measurePorts({ dist, isQuick, say }: BenchContext): Promise<Figure[]> {
  await using stage = await openPodStage(say, 0);
  const { kubeconfig } = stage;
  const echo = createServer((socket) => {
    socket.on("error", () => {}); // It is given up at the end of a round.
    socket.pipe(socket);
  });
  echo.listen({ port: 0, host: "127.0.0.1", backlog: CONNECTIONS });
  await once(echo, "listening");
  const { port } = echo.address() as AddressInfo;

  const forwarders = new Map<Contender, Forwarder>();
  try {
    for (const contender of contenders) {
      const flags = [`--kubeconfig=${kubeconfig}`, `--namespace=${NAMESPACE}`];
      const program = fileURLToPath(new URL("programs/port-forward.mjs", import.meta.url));
      const [name, connections] = contender.split(" ") as ["kubectl"] | [RuntimeName, Way];
      const argument = JSON.stringify({ dist, kubeconfig, pod: POD, port, connections });
      const command =
        name === "kubectl"
          ? ["kubectl", ...flags, "port-forward", `pod/${POD}`, `:${port}`]
          : [...commands[name], program, argument];
      forwarders.set(contender, await startForwarder(command));
    }
    const localPort = (contender: Contender): number => forwarders.get(contender)?.port ?? 0;
    const rounds = isQuick ? 2 : 7;
    const opened = await alternate(contenders, rounds, async (contender, round) => {
      say(`ports, ${CONNECTIONS} connections, ${contender}: ${round + 1} of ${rounds}`);
      return await timeConnections(localPort(contender));
    });
    const sent = await alternate(contenders, rounds, async (contender, round) => {
      say(`ports, ${MEGABYTES} MB, ${contender}: ${round + 1} of ${rounds}`);
      return await timeEcho(localPort(contender));
    });
    const figuresOf = (runtime: RuntimeName, way: Way): Figure[] => {
      const contender = `${runtime} ${way}` as const;
      const title = `${runtimeTitles[runtime]}, ${titles[way]}, against kubectl`;
      return [
        {
          name: `${CONNECTIONS} forwarded connections at once, ${title}`,
          value: ratio(opened[contender], opened.kubectl).median,
          unit: "times",
          goal: way === "shared" ? atMost(1) : undefined,
          detail: `${median(opened[contender]).toFixed(0)} ms against ${median(opened.kubectl).toFixed(0)} ms`,
        },
        {
          name: `${MEGABYTES} MB there and back by a forwarded port, ${title}`,
          value: ratio(sent[contender], sent.kubectl).median,
          unit: "times",
          goal: undefined,
          detail: `${median(sent[contender]).toFixed(0)} ms against ${median(sent.kubectl).toFixed(0)} ms`,
        },
      ];
    };
    return runtimes.flatMap((runtime) => ways.flatMap((way) => figuresOf(runtime, way)));
  } finally {
    for (const { child } of forwarders.values()) child.kill();
    echo.close();
  }
}

const titles: Readonly<Record<Way, string>> = {
  shared: "over one connection",
  own: "each over one of its own",
};

interface Forwarder {
  readonly child: ChildProcess;
  /** Where it listens. */
  readonly port: number;
}

async function startForwarder([command = "", ...args]: readonly string[]): Promise<Forwarder> {
  const child = spawn(command, args, { stdio: ["ignore", "pipe", "ignore"] });
  let output = "";
  child.stdout.on("data", (chunk: Buffer) => {
    output += chunk.toString();
  });
  const find = (): string | undefined => /127\.0\.0\.1:(\d+)/.exec(output)?.[1];
  await until(`${command} forwards`, async () => find() !== undefined);
  return { child, port: Number(find()) };
}

async function timeConnections(port: number): Promise<number> {
  const sockets: Socket[] = [];
  const startedAt = performance.now();
  const open = async (): Promise<void> => {
    const socket = connect({ host: "127.0.0.1", port });
    sockets.push(socket);
    socket.write("hello");
    await once(socket, "data");
  };
  await Promise.all(Array.from({ length: CONNECTIONS }, open));
  const ms = performance.now() - startedAt;
  for (const socket of sockets) socket.destroy();
  return ms;
}

async function timeEcho(port: number): Promise<number> {
  const socket = connect({ host: "127.0.0.1", port });
  const piece = Buffer.alloc(64 * 1024);
  const size = MEGABYTES * 1e6;
  let received = 0;
  const startedAt = performance.now();
  const isBack = new Promise<void>((resolve, reject) => {
    socket.once("error", reject);
    socket.on("data", (chunk: Buffer) => {
      received += chunk.length;
      if (received >= size) resolve();
    });
  });
  for (let sent = 0; sent < size; sent += piece.length) {
    if (!socket.write(piece)) await once(socket, "drain");
  }
  await isBack;
  socket.destroy();
  return performance.now() - startedAt;
}
