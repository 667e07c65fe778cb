/**
 * Six clients side by side through three rotations of a cluster's CA: `npm run demo`.
 *
 * @module
 */

import { writeFile } from "node:fs/promises";
import process from "node:process";
import { setTimeout as sleep } from "node:timers/promises";
import { parseArgs } from "node:util";
import { type RunningClient, definitions, startClient } from "./clients.ts";
import { type Cluster, startCluster } from "./cluster.ts";
import { svg } from "./svg.ts";
import { legend, painter, picture, secondLine, summary, verdictLine } from "./terminal.ts";
import { type TrustStep, outcome, verdict } from "./timeline.ts";

const TOTAL_MS = 17_000;
const START_LIMIT_MS = 10_000;

const HELP = `Runs six clients of a local API server side by side, and rotates the server's CA three times.

Usage: npm run demo [-- --svg FILE]

  --svg FILE   writes the timeline as a picture
  --help       says this

Ends by itself in under 40 s, with exit code 0 only if reanchor failed no request but those that began
while the file lacked the server's CA, or in the 150 ms after it came.`;

interface Plan {
  readonly at: number;
  readonly what: string;
  readonly server?: number;
  readonly file?: readonly number[];
}

/** Authorities by their numbers. The second rotation has no overlap. */
const plan: readonly Plan[] = [
  { at: 2_000, what: "rotation 1: the file holds CA 1 and CA 2", file: [1, 2] },
  { at: 3_000, what: "rotation 1: the server goes over to CA 2", server: 2 },
  { at: 4_500, what: "rotation 1: the file holds CA 2 alone", file: [2] },
  { at: 7_000, what: "rotation 2: the server goes over to CA 3, which the file lacks", server: 3 },
  { at: 8_000, what: "rotation 2: the file holds CA 3", file: [3] },
  { at: 11_000, what: "rotation 3: the file holds CA 3 and CA 4", file: [3, 4] },
  { at: 12_000, what: "rotation 3: the server goes over to CA 4", server: 4 },
  { at: 13_500, what: "rotation 3: the file holds CA 4 alone", file: [4] },
];

const { values } = parseArgs({
  options: { svg: { type: "string" }, help: { type: "boolean", default: false } },
});
if (values.help) {
  console.log(HELP);
  process.exit(0);
}

const isTerminal = process.stdout.isTTY === true && process.env["TERM"] !== "dumb";
const paint = painter(isTerminal && !process.env["NO_COLOR"]);

let cluster: Cluster | undefined;
let clients: RunningClient[] = [];

async function stop(): Promise<void> {
  await Promise.all(clients.map((client) => client.stop()));
  await cluster?.stop();
}

for (const signal of ["SIGINT", "SIGTERM"] as const) {
  process.once(signal, () => {
    if (isTerminal) process.stdout.write("\u001B[?25h\n");
    void stop().finally(() => process.exit(130));
  });
}

try {
  process.exitCode = (await main()) ? 0 : 1;
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
} finally {
  if (isTerminal) process.stdout.write("\u001B[?25h");
  await stop();
}

async function main(): Promise<boolean> {
  console.log("Starting an API server for each of six clients, and the clients …");
  const running = await startCluster(definitions.length);
  cluster = running;
  for (let number = 2; number <= 4; number += 1) await running.nextCa();

  let began = Number.POSITIVE_INFINITY;
  clients = definitions.map((definition, index) => {
    const server = running.servers[index];
    if (server === undefined) throw new Error(`there is no server for ${definition.name}`);
    const { origin, port } = server;
    return startClient(
      definition,
      { root: running.root, token: running.token, origin, port },
      () => began,
    );
  });
  const late = sleep(START_LIMIT_MS, undefined, { ref: false }).then(() => {
    throw new Error(`Not all clients made a request within ${START_LIMIT_MS / 1_000} s`);
  });
  await Promise.race([Promise.all(clients.map(({ started }) => started)), late]);
  console.log(`${legend(paint)}\n`);

  const records = clients.map(({ record }) => record);
  began = performance.timeOrigin + performance.now();
  const elapsed = (): number => performance.timeOrigin + performance.now() - began;
  const steps: TrustStep[] = [
    { at: 0, settledAt: 0, what: "server and file have CA 1", server: 1, file: [1] },
  ];
  let drawn = 0;
  let second = 0;

  function show(): void {
    for (const { died } of clients) {
      const end = died();
      if (end !== undefined) throw new Error(end);
    }
    if (isTerminal) {
      const lines = picture(records, steps, elapsed(), TOTAL_MS, paint);
      const up = drawn === 0 ? "\u001B[?25l" : `\u001B[${drawn}A`;
      process.stdout.write(`${up}${lines.map((line) => `\u001B[2K${line}\n`).join("")}`);
      drawn = lines.length;
    } else if (Math.floor(elapsed() / 1_000) > second) {
      second += 1;
      console.log(secondLine(records, second));
    }
  }

  async function showUntil(at: number): Promise<void> {
    while (elapsed() < at) {
      show();
      await sleep(Math.max(0, Math.min(100, at - elapsed())));
    }
  }

  for (const { at, what, server, file } of plan) {
    await showUntil(at);
    const before = steps.at(-1) as TrustStep;
    // What makes trust possible counts from its end, what takes it away from its beginning.
    const beginning = elapsed();
    if (server !== undefined) await running.rotateServers(server);
    if (file !== undefined) await running.writeFile(file);
    const settledAt = elapsed();
    steps.push({
      at: server === undefined ? settledAt : beginning,
      settledAt,
      what,
      server: server ?? before.server,
      file: file ?? before.file,
    });
    if (!isTerminal) console.log(`${(beginning / 1_000).toFixed(1).padStart(6)} s  ${what}`);
  }
  await showUntil(TOTAL_MS);
  show();

  const handshakes = await Promise.all(
    running.servers.map(async (server) => (await server.stats()).handshakes),
  );
  const judgement = verdict(records, steps);
  const outcomes = records.map((record) => outcome(record, steps));
  console.log(
    ["", ...summary(outcomes, handshakes, paint), "", verdictLine(judgement, paint)].join("\n"),
  );
  if (values.svg !== undefined) {
    await writeFile(values.svg, svg(records, steps, TOTAL_MS));
    console.log(`The picture is in ${values.svg}.`);
  }
  return judgement.passed;
}
