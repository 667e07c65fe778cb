/**
 * Exec plugins as real programs. The cases have the names that client-go uses
 * (`plugin/pkg/client/auth/exec/exec_test.go`).
 *
 * @module
 */

import { spawn } from "node:child_process";
import { chmod, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { stripVTControlCharacters } from "node:util";
import { describe, expect, onTestFinished, test } from "vitest";
import { type ExecPlugin, createExecSource } from "../../src/config/kubeconfig/exec-plugin.ts";
import { SourceError } from "../../src/errors.ts";
import type { Programs } from "../../src/runtime.ts";
import { ManualClock } from "../../src/testing/manual-clock.ts";
import { createCa } from "../support/pki.ts";
import { entry, lane } from "./support/entry.ts";
import { traits } from "./support/traits.ts";
import { shown } from "./support/inspect.ts";
import { rejection, timedRuntime, until } from "./support/scene.ts";
import { createFolder } from "../support/temporary-folder.ts";

const v1 = "client.authentication.k8s.io/v1";
const v1beta1 = "client.authentication.k8s.io/v1beta1";
const SECRET = "c2VzYW1lLW9wZW4tc2VzYW1l";

const node = path("../../node_modules/node/bin/node");
const script = path("./support/programs/exec-plugin.mjs");

const clusterInfo = {
  server: "https://api.example:6443",
  "certificate-authority-data": "YmF6",
  config: { audience: "snorlax" },
};

function path(relative: string): string {
  return fileURLToPath(new URL(relative, import.meta.url));
}

/** A plugin that runs the script in one of its modes. */
function pluginOf(
  way: string,
  env: Readonly<Record<string, string>> = {},
  more: Partial<ExecPlugin> = {},
): ExecPlugin {
  return {
    apiVersion: v1,
    command: node,
    args: [script, way],
    env: Object.entries(env).map(([name, value]) => ({ name, value })),
    installHint: undefined,
    provideClusterInfo: false,
    interactiveMode: "Never",
    ...more,
  };
}

function sourceOf(plugin: ExecPlugin, clock = new ManualClock()) {
  return createExecSource(timedRuntime(clock), plugin, {
    cluster: () => Promise.resolve(clusterInfo),
  });
}

/** A plugin that prints this content. */
function printing(content: object, more?: Partial<ExecPlugin>): ExecPlugin {
  return pluginOf("print", { PLUGIN_OUTPUT: JSON.stringify(content) }, more);
}

/** The error of loading. Checks that it never contains a secret. */
async function failureOf(plugin: ExecPlugin): Promise<SourceError> {
  const error = await rejection(sourceOf(plugin).current());
  expect(shown(error)).not.toContain(SECRET);
  if (error instanceof SourceError) return error;
  throw error;
}

/** The log of runs, and the processes of each run. They are killed when the test ends. */
async function createLog() {
  const file = join(await createFolder(), "log");
  async function runs(): Promise<number[][]> {
    const content = await readFile(file, "utf8").catch(() => "");
    const lines = content.split("\n").slice(0, -1);
    return lines.map((line) => line.split(" ").map(Number));
  }
  onTestFinished(async () => {
    for (const id of (await runs()).flat()) {
      try {
        process.kill(id, "SIGKILL");
      } catch {
        // It has ended by itself, as most do.
      }
    }
  });
  return { file, runs };
}

/** Whether a process is running, and not a zombie. */
async function isRunning(id: number): Promise<boolean> {
  try {
    process.kill(id, 0);
  } catch {
    return false;
  }
  const stat = await readFile(`/proc/${id}/stat`, "utf8").catch(() => "");
  return !/\) [ZX] /.test(stat);
}

const flags: Readonly<Record<typeof lane, readonly string[]>> = {
  node: [],
  bun: [],
  deno: ["run", "--no-check", "--config", path("../../deno.offline.json")],
};

interface InOwnProcess {
  readonly options?: { readonly timeoutMs?: number; readonly patienceMs?: number };
  /** What is typed at the terminal. Without it, there is no terminal. */
  readonly typed?: string;
  /** The Deno permissions that it gets. */
  readonly permissions?: readonly string[];
  /** Whether a process may stay behind that holds its standard error open. */
  readonly leavesPrograms?: boolean;
}

/** Uses a plugin in a process of this lane's runtime, to see what comes out beside its credential. */
async function runInOwnProcess(
  plugin: ExecPlugin,
  { options = {}, typed, permissions = ["-A"], leavesPrograms = false }: InOwnProcess = {},
) {
  const program = [
    process.execPath,
    ...flags[lane],
    ...(traits.hasPermissions ? permissions : []),
    path("./support/programs/exec-source.ts"),
    JSON.stringify(plugin),
    JSON.stringify(options),
  ];
  const bun = path("../../node_modules/bun/bin/bun.exe");
  const terminal = [bun, path("./support/programs/in-terminal.mjs"), typed ?? "", "Password: "];
  const [command = "", ...args] = typed === undefined ? program : [...terminal, ...program];
  const child = spawn(command, args, {
    env: { ...process.env, NODE_OPTIONS: "", NO_COLOR: "1" },
    stdio: ["ignore", "pipe", "pipe"],
  });
  onTestFinished(() => void child.kill("SIGKILL"));
  const output = { stdout: "", stderr: "" };
  child.stdout.on("data", (bytes: Uint8Array) => {
    output.stdout += new TextDecoder().decode(bytes);
  });
  child.stderr.on("data", (bytes: Uint8Array) => {
    output.stderr += new TextDecoder().decode(bytes);
  });
  const code = await new Promise((resolve, reject) => {
    child.once("error", reject);
    child.once(leavesPrograms ? "exit" : "close", resolve);
  });
  await until("it has printed a line", () => output.stdout.endsWith("\n"));
  return { code, ...output };
}

describe("what a plugin returns", () => {
  test.each([v1, v1beta1])("bearer token, %s", async (apiVersion) => {
    const status = { token: "sesame\n", expirationTimestamp: "2026-01-01T12:00:00Z" };
    const content = { kind: "ExecCredential", apiVersion, status };
    expect(await sourceOf(printing(content, { apiVersion })).current()).toEqual({
      token: "sesame",
      clientCert: undefined,
      expiresAt: Date.parse("2026-01-01T12:00:00Z"),
    });
  });

  test("certificate and its key", async () => {
    const ca = await createCa();
    const { cert, key } = await ca.issue({ client: true, commonName: "admin" });
    const status = { clientCertificateData: cert, clientKeyData: key };
    const source = sourceOf(printing({ kind: "ExecCredential", apiVersion: v1, status }));
    expect(await source.current()).toEqual({
      token: undefined,
      clientCert: { certificate: cert, key },
      expiresAt: undefined,
    });
    expect(shown(source)).not.toContain(key.split("\n")[1]);
  });

  test.each(["utf-8", "utf-16le", "utf-16be"])(
    "text in %s with a byte order mark",
    async (encoding) => {
      const status = { token: "sesame" };
      const text = `\u{feff}${JSON.stringify({ kind: "ExecCredential", apiVersion: v1, status })}`;
      const bytes = Buffer.from(text, encoding === "utf-8" ? "utf8" : "utf16le");
      if (encoding === "utf-16be") bytes.swap16();
      const plugin = pluginOf("print bytes", { PLUGIN_OUTPUT: bytes.toString("base64") });
      expect((await sourceOf(plugin).current()).token).toBe("sesame");
    },
  );

  test("YAML, with none of it on standard error", async () => {
    const PLUGIN_OUTPUT = `kind: ExecCredential\napiVersion: ${v1}\nstatus:\n  token: !vault sesame\n`;
    expect(await runInOwnProcess(pluginOf("print", { PLUGIN_OUTPUT }))).toEqual({
      code: 0,
      stdout: "sesame\n",
      stderr: "",
    });
  });

  test("expired: run again at the next use", async () => {
    const log = await createLog();
    const clock = new ManualClock();
    const expirationTimestamp = new Date(clock.wallNow() + 3_600_000).toISOString();
    const plugin = pluginOf("count", {
      PLUGIN_LOG: log.file,
      PLUGIN_OUTPUT: expirationTimestamp,
    });
    const source = sourceOf(plugin, clock);
    expect((await source.current()).token).toBe("run-1");
    await clock.advance(3_589_999);
    expect((await source.current()).token).toBe("run-1");
    await clock.advance(1);
    expect((await source.current()).token).toBe("run-2");
  });

  test("401 refreshes: reload() runs it again, and concurrent callers run it once", async () => {
    const log = await createLog();
    const clock = new ManualClock();
    const source = sourceOf(pluginOf("count", { PLUGIN_LOG: log.file }), clock);
    await Promise.all(Array.from({ length: 20 }, () => source.current()));
    expect(await log.runs()).toHaveLength(1);
    await clock.advance(1_000);
    const reloads = await Promise.all(Array.from({ length: 20 }, () => source.reload()));
    expect(new Set(reloads.map(({ token }) => token))).toEqual(new Set(["run-2"]));
  });
});

describe("what a plugin receives", () => {
  test.each([
    ["on", v1, true, { interactive: false, cluster: clusterInfo }],
    ["off", v1, false, { interactive: false }],
    ["off", v1beta1, false, { interactive: false }],
  ])("cluster info %s, %s", async (_, apiVersion, provideClusterInfo, spec) => {
    const source = sourceOf(pluginOf("echo", {}, { apiVersion, provideClusterInfo }));
    const { token = "" } = await source.current();
    expect(JSON.parse(atob(token))).toEqual({ apiVersion, spec });
  });

  test("PATH among its variables, which is not where its command is looked up", async () => {
    const folder = await createFolder();
    const write = async (name: string, token: string): Promise<void> => {
      const output = JSON.stringify({ kind: "ExecCredential", apiVersion: v1, status: { token } });
      await writeFile(join(folder, name), `#!/bin/sh\necho '${output}'\n`, { mode: 0o755 });
    };
    // A program of that name is in this process's own PATH, and prints something else.
    await write("sh", "not this one");
    const status = { token: "TOKEN" };
    const output = JSON.stringify({ kind: "ExecCredential", apiVersion: v1, status });
    const args = ["-c", `echo '${output.replace("TOKEN", `'"$PATH"'`)}'`];
    const plugin = pluginOf("", { PATH: folder }, { command: "sh", args });
    expect((await sourceOf(plugin).current()).token).toBe(folder);
    await write("reanchor-only-there", "not this one either");
    expect(
      await failureOf(pluginOf("", { PATH: folder }, { command: "reanchor-only-there" })),
    ).toMatchObject({ reason: "missing" });
  });

  test("this process's own variables beside the plugin's", async () => {
    const plugin = pluginOf("environment", { PLUGIN_OUTPUT: "added" });
    const { token } = await sourceOf(plugin).current();
    expect(token).toBe(`${encodeURIComponent(process.env["PATH"] ?? "")} added`);
  });

  test("interactive mode Never or IfAvailable without a terminal: nothing to read", async () => {
    for (const interactiveMode of ["Never", "IfAvailable"] as const) {
      const outcome = await runInOwnProcess(pluginOf("ask", {}, { interactiveMode }));
      expect(outcome).toEqual({ code: 0, stdout: "nobody\n", stderr: "Password: " });
    }
  });

  test("interactive mode Always without a terminal: it is not run", async () => {
    const outcome = await runInOwnProcess(pluginOf("ask", {}, { interactiveMode: "Always" }));
    expect(outcome).toEqual({
      code: 0,
      stdout: expect.stringContaining("standard input is unavailable"),
      stderr: "",
    });
  });

  test("interactive mode IfAvailable or Always at a terminal: what the user types", async () => {
    for (const interactiveMode of ["IfAvailable", "Always"] as const) {
      const plugin = pluginOf("ask", {}, { interactiveMode });
      const { stdout } = await runInOwnProcess(plugin, { typed: "sesame" });
      expect(stdout).toContain("Password: ");
      expect(stdout).toContain("sesame at tty\r\n");
    }
  });

  test("interactive mode Never at a terminal: nothing to read", async () => {
    const plugin = pluginOf("ask", {}, { interactiveMode: "Never" });
    const { stdout } = await runInOwnProcess(plugin, { typed: "sesame" });
    expect(stdout).toContain("nobody\r\n");
  });

  test("it is informed at a terminal that it may prompt", async () => {
    const plugin = pluginOf("echo", {}, { interactiveMode: "IfAvailable" });
    const { stdout } = await runInOwnProcess(plugin, { typed: "" });
    const token = stripVTControlCharacters(stdout); // Deno moves the cursor first.
    expect(JSON.parse(atob(token))).toEqual({
      apiVersion: v1,
      spec: { interactive: true },
    });
  });
});

describe("failures", () => {
  const from = `Cannot load credential from exec plugin ${node}: `;

  test.each([
    ["no kind", { apiVersion: v1, status: { token: SECRET } }, "kind must be ExecCredential"],
    ["no status", { kind: "ExecCredential", apiVersion: v1 }, "status must be an object"],
    [
      "certificate without key",
      { kind: "ExecCredential", apiVersion: v1, status: { clientCertificateData: SECRET } },
      "its output has status.clientCertificateData without status.clientKeyData",
    ],
    [
      "another version",
      { kind: "ExecCredential", apiVersion: v1beta1, status: { token: SECRET } },
      `it was asked for ${v1} and answered with ${v1beta1}`,
    ],
  ])("%s", async (_, content, message) => {
    const error = await failureOf(printing(content));
    expect(error).toMatchObject({ name: "SourceError", reason: "invalid" });
    expect(error.message).toContain(from);
    expect(error.message).toContain(message);
  });

  test("unknown binary: where it was looked for, and the install hint", async () => {
    const more = { installHint: "Install it with brew", args: [SECRET] };
    const command = "reanchor-no-such-plugin";
    expect(await failureOf(pluginOf("", {}, { ...more, command }))).toMatchObject({
      reason: "missing",
      message: `Cannot load credential from exec plugin ${command}: there is no such program in PATH; Install it with brew`,
    });
    const file = join(await createFolder(), "plugin");
    expect(await failureOf(pluginOf("", {}, { ...more, command: file }))).toMatchObject({
      reason: "missing",
      message: expect.stringMatching(/: there is no such program, .*; Install it with brew$/),
    });
  });

  test("a file that is not executable: permission denied", async () => {
    const command = join(await createFolder(), "plugin");
    await writeFile(command, "#!/bin/sh\n");
    await chmod(command, 0o600);
    expect(await failureOf(pluginOf("", {}, { command, args: [SECRET] }))).toMatchObject({
      reason: "denied",
      message: expect.stringContaining("it may not be run"),
    });
  });

  test("failing binary: its exit code, and its standard error", async () => {
    const plugin = pluginOf("fail", { PLUGIN_OUTPUT: SECRET });
    expect(await failureOf(plugin)).toMatchObject({ reason: "failed" });
    expect(await runInOwnProcess(plugin)).toEqual({
      code: 0,
      stdout: `${from}it ended with exit code 73; it said: there is no profile of that name\n`,
      stderr: "there is no profile of that name\n",
    });
  });

  test("failing binary: the end of its output, cleaned, without possible secrets", async () => {
    const pem = `-----BEGIN PRIVATE KEY-----\n${SECRET}\n-----END PRIVATE KEY-----`;
    const jwt = `eyJhbGciOiJFUzI1NiJ9.${SECRET}.${SECRET}`;
    const said = `\u001b[31mno\u0007\r\nway\u001b[0m ${pem} Bearer ${SECRET} ${jwt} the end`;
    const plugin = pluginOf("fail at length", { PLUGIN_OUTPUT: said });
    const { stdout } = await runInOwnProcess(plugin);
    const message = stdout.trimEnd();
    expect(message.endsWith("no way (PEM) Bearer (token) (token) the end")).toBe(true);
    const words = message.slice(`${from}it ended with exit code 1; it said: `.length);
    expect(words).toMatch(/^\.\.\.\w/);
    expect(words).toHaveLength(503);
  });

  test("arguments and variables that can't be passed: their values are not in the error", async () => {
    const broken = [
      pluginOf("print", {}, { args: [`${SECRET}\0`] }),
      pluginOf("print", { PLUGIN_OUTPUT: `${SECRET}\0` }),
      pluginOf("print", { PLUGIN_OUTPUT: SECRET.repeat(20_000) }),
    ];
    for (const plugin of broken) {
      const error = await failureOf(plugin);
      expect(error.reason).toBe("failed");
      expect(error.message).toContain(`${from}it can't be started`);
    }
  });

  test("more than 1 MiB of output", async () => {
    expect(await failureOf(pluginOf("large"))).toMatchObject({
      reason: "too-large",
      message: `${from}it printed more than 1048576 bytes`,
    });
  });
});

describe("how long a plugin runs", () => {
  test("a hanging plugin is killed at the time limit, and blocks nothing else", async () => {
    const log = await createLog();
    const clock = new ManualClock();
    const pending = rejection(
      sourceOf(pluginOf("hang", { PLUGIN_LOG: log.file }), clock).current(),
    );
    await until("it runs", async () => (await log.runs()).length === 1);
    const [[id = 0] = []] = await log.runs();

    // A slow plugin blocks nothing else.
    const status = { token: "sesame" };
    const other = sourceOf(printing({ kind: "ExecCredential", apiVersion: v1, status }));
    expect((await other.current()).token).toBe("sesame");
    expect(await isRunning(id)).toBe(true);

    await clock.advance(60_000);
    expect(await pending).toMatchObject({ reason: "timeout" });
    await until("it is gone", async () => !(await isRunning(id)));
  });

  test("run() fails with the signal's reason and kills the program", async () => {
    const log = await createLog();
    const abort = new AbortController();
    const programs = entry.runtime.programs as Programs;
    const command = {
      command: node,
      // The program's children are not always killed with it, and hold its output open. That must not delay
      // the result.
      args: [script, "hang with a child"],
      env: { PLUGIN_LOG: log.file },
      inheritStdin: false,
      maxOutputBytes: 1024,
    };
    const pending = rejection(programs.run(command, abort.signal));
    await until("it runs", async () => (await log.runs()).length === 1);
    const [[id = 0] = []] = await log.runs();
    const reason = new Error("enough");
    abort.abort(reason);
    expect(await pending).toBe(reason);
    await until("it is gone", async () => !(await isRunning(id)));

    // The signal was aborted before: the program is not started.
    expect(await rejection(programs.run(command, abort.signal))).toBe(reason);
    expect(await log.runs()).toHaveLength(1);
  });

  test("the time limit holds when a script's child keeps its output open", async () => {
    const log = await createLog();
    const plugin = pluginOf("hang with a child", { PLUGIN_LOG: log.file });
    const { stdout, code } = await runInOwnProcess(plugin, {
      options: { timeoutMs: 1_500 },
      leavesPrograms: true,
    });
    expect({ stdout, code }).toEqual({ code: 0, stdout: expect.stringContaining("1500 ms") });
    const [[id = 0, child = 0] = []] = await log.runs();
    expect(id).toBeGreaterThan(0);
    await until("the plugin is gone", async () => !(await isRunning(id)));
    if (!traits.killsProcessGroups) {
      // Deno can't kill a group.
      expect(await isRunning(child)).toBe(true);
    } else {
      await until("its child is gone", async () => !(await isRunning(child)));
    }
  });

  test("a plugin has ended even if its child keeps its standard error open", async () => {
    const log = await createLog();
    const source = sourceOf(pluginOf("leave a child", { PLUGIN_LOG: log.file }));
    expect((await source.current()).token).toBe("sesame");
    const [[, child = 0] = []] = await log.runs();
    expect(await isRunning(child)).toBe(true);
  });

  test("a process whose caller has left ends without waiting for the plugin", async () => {
    const log = await createLog();
    const plugin = pluginOf("hang", { PLUGIN_LOG: log.file });
    const options = { patienceMs: 1_500 };
    const { stdout, code } = await runInOwnProcess(plugin, { options, leavesPrograms: true });
    expect({ stdout, code }).toEqual({ code: 0, stdout: "enough\n" });
  });
});

test("Deno needs PATH to find a program whose variables set another PATH", async () => {
  const plugin = pluginOf("echo", { PATH: "/nowhere" }, { command: "node" });
  const permissions = ["--allow-read", "--allow-run=node"];
  const { stdout } = await runInOwnProcess(plugin, {
    permissions: [...permissions, "--allow-env"],
  });
  expect(JSON.parse(atob(stdout))).toMatchObject({ apiVersion: v1 });
  const denied = await runInOwnProcess(plugin, {
    permissions: [...permissions, "--deny-env=PATH", "--allow-env"],
  });
  expect(denied.stdout.includes("grant --allow-env=PATH")).toBe(traits.hasPermissions);
});

test("Deno's permission is queried, not requested: the error says what to grant", async () => {
  const plugin = pluginOf("echo");
  const permissions = ["--allow-read", "--allow-env"];
  // At a terminal, where Deno would prompt.
  const denied = await runInOwnProcess(plugin, { permissions, typed: "" });
  const refused = `Cannot load credential from exec plugin ${node}: it may not be run; grant --allow-run=${node}`;
  expect(denied.stdout.includes(refused)).toBe(traits.hasPermissions);

  permissions.push(`--allow-run=${node}`);
  const granted = await runInOwnProcess(plugin, { permissions });
  expect(JSON.parse(atob(granted.stdout))).toMatchObject({ apiVersion: v1 });
});
