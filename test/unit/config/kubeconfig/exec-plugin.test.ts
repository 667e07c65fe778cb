/**
 * Running an exec plugin: when it runs, with which input, and what its result becomes. The names of the cases
 * are client-go's (`exec_test.go`).
 *
 * @module
 */

import { describe, expect, test } from "vitest";
import {
  type ExecClusterInfo,
  type ExecCredential,
  type ExecPlugin,
  createExecSource,
} from "../../../../src/config/kubeconfig/exec-plugin.ts";
import { ConfigError, SourceError } from "../../../../src/errors.ts";
import type { ReanchorEvent } from "../../../../src/events.ts";
import type { ProgramCommand, ProgramResult, Runtime } from "../../../../src/runtime.ts";
import type { Source } from "../../../../src/sources/source.ts";
import { shown } from "../../../contract/support/inspect.ts";
import { type FakeRuntime, createFakeRuntime, printed } from "../../support/fake-runtime.ts";

const apiVersion = "client.authentication.k8s.io/v1";
const SECRET = "c2VzYW1lLW9wZW4tc2VzYW1l";

const aws: ExecPlugin = {
  apiVersion,
  command: "aws",
  args: ["eks", "get-token"],
  env: [],
  installHint: undefined,
  provideClusterInfo: false,
  interactiveMode: "IfAvailable",
};

const info: ExecClusterInfo = {
  server: "https://api.example:6443",
  "tls-server-name": "api",
  "insecure-skip-tls-verify": undefined,
  "certificate-authority-data": "YmF6",
  "proxy-url": "socks5://proxy:1080",
  "disable-compression": true,
  config: { audience: "snorlax" },
};

/** The output of a plugin. */
function credential(status: object, exitCode = 0): ProgramResult {
  const stdout = JSON.stringify({ kind: "ExecCredential", apiVersion, status });
  return printed(stdout, exitCode);
}

interface Scene {
  readonly runtime: FakeRuntime;
  readonly source: Source<ExecCredential>;
  /** Each run, in order. */
  readonly runs: ProgramCommand[];
  readonly events: ReanchorEvent[];
  /** The results of the next runs. */
  answer: (run: number, signal: AbortSignal) => ProgramResult | Promise<ProgramResult>;
}

function createScene(
  plugin: Partial<ExecPlugin> = {},
  { isTerminal = false, timeoutMs }: { isTerminal?: boolean; timeoutMs?: number } = {},
): Scene {
  const runtime = createFakeRuntime();
  const runs: ProgramCommand[] = [];
  const events: ReanchorEvent[] = [];
  const programs: Runtime["programs"] = {
    async run(command, signal) {
      runs.push(command);
      return await scene.answer(runs.length, signal);
    },
    stdinIsTerminal: () => isTerminal,
  };
  const source = createExecSource(
    { ...runtime, programs },
    { ...aws, ...plugin },
    { timeoutMs, cluster: () => Promise.resolve(info) },
  );
  source.subscribe((event) => events.push(event));
  const scene: Scene = {
    runtime,
    source,
    runs,
    events,
    answer: (run) => credential({ token: `sesame-${run}` }),
  };
  return scene;
}

/** What the plugin received in `KUBERNETES_EXEC_INFO`. */
function told({ runs }: Scene): unknown {
  return JSON.parse(runs.at(-1)?.env["KUBERNETES_EXEC_INFO"] ?? "null");
}

async function refusal(scene: Scene): Promise<SourceError> {
  const [outcome] = await Promise.allSettled([scene.source.current()]);
  if (outcome.status === "fulfilled") throw new Error("Cannot find a refusal: it was read");
  expect(outcome.reason).toBeInstanceOf(SourceError);
  expect(shown(outcome.reason)).not.toContain(SECRET);
  return outcome.reason;
}

describe("what a plugin is run with", () => {
  test.each([apiVersion, "client.authentication.k8s.io/v1beta1"])("%s", async (version) => {
    const scene = createScene({ apiVersion: version });
    const output = { kind: "ExecCredential", apiVersion: version, status: { token: "sesame" } };
    scene.answer = () => printed(JSON.stringify(output));
    expect((await scene.source.current()).token).toBe("sesame");
    expect(told(scene)).toEqual({
      kind: "ExecCredential",
      apiVersion: version,
      spec: { interactive: false },
    });
    expect(scene.runs).toEqual([
      {
        command: "aws",
        args: ["eks", "get-token"],
        env: { KUBERNETES_EXEC_INFO: expect.any(String) },
        inheritStdin: false,
        maxOutputBytes: 1024 * 1024,
      },
    ]);
  });

  test("cluster info on: everything known about the cluster, with the API's names", async () => {
    const scene = createScene({ provideClusterInfo: true });
    await scene.source.current();
    const { "insecure-skip-tls-verify": _, ...known } = info;
    expect(told(scene)).toMatchObject({ spec: { interactive: false, cluster: known } });
  });

  test("cluster info off: nothing about the cluster, which is not even read", async () => {
    const scene = createScene();
    const source = createExecSource({ ...scene.runtime }, aws, {
      cluster: () => Promise.reject(new Error("it was asked for")),
    });
    scene.runtime.runs = () => Promise.resolve(credential({ token: "sesame" }));
    expect((await source.current()).token).toBe("sesame");
    await scene.source.current();
    expect(told(scene)).not.toHaveProperty("spec.cluster");
  });

  test("its variables, which do not replace what the protocol sets", async () => {
    const env = [
      { name: "AWS_PROFILE", value: "prod" },
      { name: "KUBERNETES_EXEC_INFO", value: "{}" },
    ];
    const scene = createScene({ env });
    await scene.source.current();
    expect(scene.runs[0]?.env).toMatchObject({ AWS_PROFILE: "prod" });
    expect(told(scene)).toMatchObject({ kind: "ExecCredential" });
  });

  test.each([
    ["Never", false, false],
    ["Never", true, false],
    ["IfAvailable", false, false],
    ["IfAvailable", true, true],
    ["Always", true, true],
  ] as const)(
    "interactive mode %s, terminal: %s, standard input: %s",
    async (interactiveMode, isTerminal, interactive) => {
      const scene = createScene({ interactiveMode }, { isTerminal });
      await scene.source.current();
      expect(told(scene)).toMatchObject({ spec: { interactive } });
      expect(scene.runs[0]?.inheritStdin).toBe(interactive);
    },
  );

  test("interactive mode Always without a terminal: not run, and the error says why", async () => {
    const scene = createScene({ interactiveMode: "Always" });
    const { message } = await refusal(scene);
    expect(message).toContain("Cannot load credential from exec plugin aws: ");
    expect(message).toContain("interactiveMode: Always");
    expect(message).toContain("standard input is unavailable");
    expect(scene.runs).toEqual([]);
  });
});

describe("when a plugin is run", () => {
  test("once, however long ago, when the credential does not expire", async () => {
    const { source, runs, runtime } = createScene();
    expect(runs).toEqual([]);
    await source.current();
    await runtime.clock.advance(30 * 24 * 3_600_000);
    expect((await source.current()).token).toBe("sesame-1");
    expect(runs).toHaveLength(1);
    expect(runtime.clock.pending).toBe(0);
  });

  test("expired: again from 10 s before expirationTimestamp", async () => {
    const scene = createScene();
    const { source, runs, runtime, events } = scene;
    const expiresAt = runtime.clock.wallNow() + 3_600_000;
    const expirationTimestamp = new Date(expiresAt).toISOString();
    scene.answer = (run) => credential({ token: `sesame-${run}`, expirationTimestamp });
    expect(await source.current()).toMatchObject({ token: "sesame-1", expiresAt });
    await runtime.clock.advance(3_589_999);
    expect((await source.current()).token).toBe("sesame-1");
    scene.answer = (run) => credential({ token: `sesame-${run}` });
    await runtime.clock.advance(1);
    expect((await source.current()).token).toBe("sesame-2");
    expect(runs).toHaveLength(2);
    expect(events).toEqual([
      { type: "exec-credential-reloaded", source: "exec plugin aws", expiresAt: undefined },
    ]);
  });

  test("401 refreshes: reload() runs it again, at most once a second", async () => {
    const { source, runs, runtime } = createScene();
    await source.current();
    const reloading = source.reload();
    await runtime.clock.advance(999);
    expect(runs).toHaveLength(1);
    await runtime.clock.advance(1);
    expect((await reloading).token).toBe("sesame-2");
  });

  test("the same credential: no event", async () => {
    const scene = createScene();
    scene.answer = () => credential({ clientCertificateData: "certificate", clientKeyData: "key" });
    await scene.source.current();
    await scene.runtime.clock.advance(1_000);
    await scene.source.reload();
    expect(scene.events).toEqual([]);
    scene.answer = () =>
      credential({ clientCertificateData: "certificate", clientKeyData: "next" });
    await scene.runtime.clock.advance(1_000);
    await scene.source.reload();
    expect(scene.events.map(({ type }) => type)).toEqual(["exec-credential-reloaded"]);
  });

  test("concurrent callers run it once", async () => {
    const { source, runs } = createScene();
    const credentials = await Promise.all(Array.from({ length: 100 }, () => source.current()));
    expect(new Set(credentials).size).toBe(1);
    expect(runs).toHaveLength(1);
  });

  test("a slow plugin is aborted at the time limit, and runs again at the next use", async () => {
    const scene = createScene({}, { timeoutMs: 5_000 });
    const { source, runs, runtime } = scene;
    let killed = false;
    scene.answer = (_, signal) =>
      new Promise((_resolve, reject) => {
        signal.addEventListener("abort", () => {
          killed = true;
          reject(signal.reason);
        });
      });
    const pending = refusal(scene);
    await runtime.clock.advance(4_999);
    expect(killed).toBe(false);
    await runtime.clock.advance(1);
    expect(await pending).toMatchObject({
      reason: "timeout",
      message: expect.stringContaining("5000 ms (execTimeoutMs)"),
    });
    expect(killed).toBe(true);
    scene.answer = () => credential({ token: "sesame" });
    expect((await source.current()).token).toBe("sesame");
    expect(runs).toHaveLength(2);
  });

  test("the time limit is a minute by default", async () => {
    const scene = createScene();
    scene.answer = () => new Promise(() => {});
    const pending = refusal(scene);
    await scene.runtime.clock.advance(60_000);
    expect((await pending).reason).toBe("timeout");
  });

  test("a failure keeps the last credential and emits an event", async () => {
    const scene = createScene();
    await scene.source.current();
    scene.answer = () => credential({ token: SECRET }, 1);
    await scene.runtime.clock.advance(1_000);
    expect((await scene.source.reload()).token).toBe("sesame-1");
    expect(scene.events).toMatchObject([
      { type: "reload-failed", kind: "exec", source: "exec plugin aws", failures: 1 },
    ]);
    expect(shown(scene.events)).not.toContain(SECRET);
  });
});

describe("the error of a failing plugin contains", () => {
  test("unknown binary: the install hint, without its escape sequences", async () => {
    const scene = createScene({
      installHint: "Install it with\n  \u001b[31mbrew install awscli\n",
    });
    scene.answer = () => {
      throw new SourceError("there is no such program in PATH", "missing");
    };
    expect(await refusal(scene)).toMatchObject({
      reason: "missing",
      message:
        "Cannot load credential from exec plugin aws: there is no such program in PATH; Install it with brew install awscli",
    });
  });

  test("no install hint if the program exists", async () => {
    const scene = createScene({ installHint: "brew install awscli" });
    scene.answer = () => {
      throw new SourceError("it may not be run; grant --allow-run=aws", "denied");
    };
    expect(await refusal(scene)).toMatchObject({
      reason: "denied",
      message:
        "Cannot load credential from exec plugin aws: it may not be run; grant --allow-run=aws",
    });
  });

  test("failing binary: its exit code, and none of its output", async () => {
    const scene = createScene();
    scene.answer = () => credential({ token: SECRET }, 73);
    expect(await refusal(scene)).toMatchObject({
      reason: "failed",
      message:
        "Cannot load credential from exec plugin aws: it ended with exit code 73; standard error has what it said",
    });
    scene.answer = () => ({ ...printed(SECRET), exitCode: undefined });
    expect((await refusal(scene)).message).toContain("it was killed; ");
  });

  test.each([
    ["no kind", { apiVersion, status: { token: SECRET } }, "kind must be ExecCredential"],
    ["no status", { kind: "ExecCredential", apiVersion }, "status must be an object"],
    [
      "certificate without key",
      { kind: "ExecCredential", apiVersion, status: { clientCertificateData: SECRET } },
      "without status.clientKeyData",
    ],
  ])("%s: the plugin and the field", async (_, output, message) => {
    const scene = createScene();
    scene.answer = () => printed(JSON.stringify(output));
    const error = await refusal(scene);
    expect(error.reason).toBe("invalid");
    expect(error.message).toContain("Cannot load credential from exec plugin aws: ");
    expect(error.message).toContain(message);
  });

  test("no escape sequence of the command's name reaches a terminal", async () => {
    const { source } = createScene({ command: "\u001b[31maws\u0007" });
    expect(source.status.source).toBe("exec plugin aws");
  });

  test("neither the source nor its status shows the credential", async () => {
    const scene = createScene({ env: [{ name: "TOKEN", value: SECRET }], args: [SECRET] });
    scene.answer = () => credential({ token: SECRET });
    await scene.source.current();
    expect(shown(scene.source)).not.toContain(SECRET);
    expect(shown(scene.source.status)).not.toContain(SECRET);
  });

  test("ConfigError at construction on a runtime without programs", () => {
    const runtime: Runtime = { ...createFakeRuntime({ name: "edge" }), programs: undefined };
    const create = (): unknown => createExecSource(runtime, aws, { cluster: async () => info });
    expect(create).toThrow(ConfigError);
    expect(create).toThrow(/^Cannot use exec plugin aws: this runtime runs no programs; /);
  });
});
