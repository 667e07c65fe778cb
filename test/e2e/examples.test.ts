/**
 * The programs of `examples/shell` and `examples/port-forward`, run as a user runs them, against a real API server.
 *
 * @module
 */

import { type ChildProcess, execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { readFile, writeFile } from "node:fs/promises";
import { type AddressInfo, connect as connectTo, createServer } from "node:net";
import { join } from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { expect, onTestFinished, test } from "vitest";
import { lane } from "../contract/support/entry.ts";
import { traits } from "../contract/support/traits.ts";
import { writeAdminKubeconfig } from "../support/admin-kubeconfig.ts";
import { eventually } from "../support/cluster.ts";
import { createPod, createPodAccount, useNode } from "./support/pods.ts";
import { cluster } from "./support/scene.ts";
import { createProjectFolder } from "../support/temporary-folder.ts";

const root = fileURLToPath(new URL("../..", import.meta.url));
const node = useNode("proxied");

/** How this runtime runs a TypeScript program. */
const flags = traits.runFlags;

interface Program {
  readonly child: ChildProcess;
  /** The output so far. */
  output(): string;
  /** Types something. */
  type(text: string): void;
  /** Changes the size of its terminal. */
  resize(size: Terminal): Promise<void>;
}

/** A terminal of so many rows and columns. */
interface Terminal {
  readonly rows: number;
  readonly columns: number;
}

/** Starts an example's program, in a terminal if requested. */
async function start(
  example: string,
  namespace: string,
  args: readonly string[],
  terminal?: Terminal,
): Promise<Program> {
  const folder = await createProjectFolder();
  const source = await readFile(join(root, `examples/${example}/main.ts`), "utf8");
  const path = (file: string): string => JSON.stringify(join(root, file));
  const program = join(folder, "main.ts");
  await writeFile(
    program,
    source
      .replace('"reanchor"', path(`runtimes/${lane}.ts`))
      .replace('"reanchor/resources"', path("src/resources/index.ts")),
  );
  const admin = JSON.parse(await readFile(await writeAdminKubeconfig(cluster), "utf8")) as {
    contexts: { context: { namespace?: string } }[];
  };
  for (const { context } of admin.contexts) context.namespace = namespace;
  const kubeconfig = join(folder, "kubeconfig");
  await writeFile(kubeconfig, JSON.stringify(admin));
  const command = [process.execPath, ...flags, program, ...args];
  const device = join(folder, "terminal");
  const [file = "", ...rest] =
    terminal === undefined ? command : inTerminal(command, terminal, device);
  const child = spawn(file, rest, {
    cwd: root,
    env: { ...process.env, KUBECONFIG: kubeconfig },
    stdio: ["pipe", "pipe", "inherit"],
  });
  onTestFinished(() => void child.kill("SIGKILL"));
  let output = "";
  child.stdout.on("data", (chunk: Buffer) => {
    output += chunk.toString();
  });
  return {
    child,
    output: () => output,
    type: (text) => void child.stdin.write(text),
    async resize(size) {
      const place = (await readFile(device, "utf8")).trim();
      await promisify(execFile)("stty", ["-F", place, ...sizeFlags(size)]);
    },
  };
}

/** `script` of util-linux runs a program in a terminal; `undefined` if it is not installed. */
const script: string | undefined = await new Promise((resolve) => {
  const asked = spawn("script", ["--version"], { stdio: ["ignore", "pipe", "ignore"] });
  let version = "";
  asked.stdout.on("data", (chunk: Buffer) => {
    version += chunk.toString();
  });
  asked.once("error", () => resolve(undefined));
  asked.once("close", () => resolve(version.includes("util-linux") ? "script" : undefined));
});

/** Runs a command in a new terminal, whose path is written to a file. */
function inTerminal(command: readonly string[], size: Terminal, file: string): string[] {
  const quoted = command.map((word) => `'${word.replaceAll("'", String.raw`'\''`)}'`).join(" ");
  const line = `stty ${sizeFlags(size).join(" ")}; tty > '${file}'; exec ${quoted}`;
  return [script ?? "", "--quiet", "--return", "--command", line, "/dev/null"];
}

function sizeFlags({ rows, columns }: Terminal): string[] {
  return ["rows", String(rows), "cols", String(columns)];
}

test("examples/shell runs a command in a pod's terminal, and ends with its exit code", async () => {
  const account = await createPodAccount();
  const pod = await createPod(account, node());
  const shell = await start("shell", account.namespace, [
    pod,
    "sh",
    "-c",
    "tty; read line; echo got $line; exit 5",
  ]);
  const exited = once(shell.child, "exit");
  await eventually("it has a terminal", async () => shell.output().includes("/dev/"));
  shell.type("hello\n");
  expect(await exited).toEqual([5, null]);
  expect(shell.output()).toContain("got hello");
});

if (script !== undefined) {
  test("examples/shell forwards keys and the size of its own terminal", async () => {
    const account = await createPodAccount();
    const pod = await createPod(account, node());
    const shell = await start("shell", account.namespace, [pod], {
      rows: 33,
      columns: 101,
    });
    const exited = once(shell.child, "exit");
    const untilItIs = (size: string): string =>
      `until [ "$(stty size)" = "${size}" ]; do sleep 0.05; done`;
    shell.type(`${untilItIs("33 101")}; echo $((6 * 7)) fi''rst\n`);
    await eventually("it has its size", async () => shell.output().includes("42 first"));
    await shell.resize({ rows: 44, columns: 122 });
    shell.type(`${untilItIs("44 122")}; echo sec''ond\n`);
    await eventually("it has its new size", async () => shell.output().includes("second"));
    shell.type("echo re''ady; sleep 1000\n");
    await eventually("it sleeps", async () => shell.output().includes("ready"));
    // In raw mode, Ctrl-C is a key for the pod's terminal, not a signal for this program.
    shell.type("\u0003");
    shell.type("exit 7\n");
    expect(await exited).toEqual([7, null]);
    expect(shell.output()).not.toContain("\r\r\n");
  });
}

test("examples/port-forward forwards a Service, and ends on SIGTERM", async () => {
  const server = createServer((socket) => {
    socket.on("error", () => {});
    socket.pipe(socket);
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  onTestFinished(() => void server.close());
  const { port } = server.address() as AddressInfo;
  const account = await createPodAccount();
  await createPod(account, node(), { labels: { app: "db" } });
  await cluster.admin("POST", `/api/v1/namespaces/${account.namespace}/services`, {
    metadata: { name: "db" },
    spec: { selector: { app: "db" }, ports: [{ port: 5432, targetPort: port }] },
  });
  const forward = await start("port-forward", account.namespace, ["db", "5432", "0"]);
  const exited = once(forward.child, "exit");
  await eventually("it listens", async () => forward.output().includes("is forwarded"));
  const local = Number(/127\.0\.0\.1:(\d+)/.exec(forward.output())?.[1]);
  const socket = connectTo({ host: "127.0.0.1", port: local });
  socket.write("select 1");
  const [answer] = (await once(socket, "data")) as [Buffer];
  expect(answer.toString()).toBe("select 1");
  socket.destroy();
  // Deno's `kill()` of a child reports that the signal ended it, whatever actually did.
  process.kill(forward.child.pid ?? 0, "SIGTERM");
  expect(await exited).toEqual([0, null]);
});
