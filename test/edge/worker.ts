/**
 * The cases that the edge tests run inside workerd. Each returns JSON, which is checked outside.
 *
 * @module
 */

import * as entry from "../../runtimes/edge.ts";
import {
  applyManifests,
  deleteManifests,
  diffManifests,
  formatDiff,
  readManifests,
} from "../../src/manifests/index.ts";
import { createFakeCluster } from "../../runtimes/testing.ts";
import {
  ClusterTrustBundle,
  ConfigMap,
  Pod,
  readTar,
  writeTar,
} from "../../src/resources/index.ts";

interface Env {
  readonly KUBE: {
    fetch(url: string, init: RequestInit): Promise<Response>;
    connect: entry.EdgeConnect;
  };
}

type Case = (query: URLSearchParams, env: Env) => Promise<unknown>;

/** An error in the form that is sent to the test. */
async function outcome(run: () => Promise<unknown>): Promise<unknown> {
  try {
    return { value: await run() };
  } catch (error) {
    const { name, message } = error as Error;
    return { name, message, code: (error as { code?: string }).code };
  }
}

function pause(delayMs: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, delayMs));
}

function connect(
  query: URLSearchParams,
  env: Env,
  options: entry.EdgeConnectOptions & { token?: entry.TokenSource } = {},
): Promise<entry.KubeClient> {
  const { token, ...rest } = options;
  return entry.connect({
    fetch: (url, init) => env.KUBE.fetch(url, init),
    config: { server: query.get("server") ?? "", token },
    ...rest,
  });
}

/**
 * A token source that returns the given tokens one after the other, then repeats the last, and counts its
 * reads.
 */
function tokens(
  values: string[],
  options?: entry.SourceOptions,
): { source: entry.TokenSource; reads: () => number } {
  let reads = 0;
  const source = entry.functionTokenSource(
    () => values[Math.min(reads++, values.length - 1)] ?? "",
    options,
  );
  return { source, reads: () => reads };
}

// One client for all requests of the isolate, as in a worker that keeps it in module scope.
let shared: Promise<entry.KubeClient> | undefined;
let sharedReads = 0;
let hangNextRead = false;

function readSharedToken(): Promise<string> {
  sharedReads++;
  const hang = hangNextRead;
  hangNextRead = false;
  return hang ? new Promise<string>(() => {}) : Promise.resolve("sesame");
}

/** A client whose streams go by a bound service's `connect`, by its `fetch`, or by nothing that is bound. */
function connectBy(
  query: URLSearchParams,
  env: Env,
  config: Partial<entry.ClusterConfig> = {},
): Promise<entry.KubeClient> {
  const by = query.get("by");
  return entry.connect({
    config: { server: query.get("server") ?? "", ...config },
    ...(by !== "nothing" && { fetch: (url, init) => env.KUBE.fetch(url, init) }),
    ...(by === "connect" && {
      connect: (address, options) => env.KUBE.connect(address, options),
    }),
  });
}

const textOf = async (stream: ReadableStream<Uint8Array>): Promise<string> =>
  await new Response(stream).text();

const cases: Record<string, Case> = {
  async "fake-cluster"() {
    const fake = createFakeCluster({
      objects: [{ apiVersion: "v1", kind: "ConfigMap", metadata: { name: "a" } }],
    });
    const kube = await fake.connect();
    const maps = kube.resource(ConfigMap);
    const told: string[] = [];
    for await (const event of maps.watch()) {
      if (event.type === "synced") await maps.patch("a", { data: { colour: "blue" } });
      else told.push(`${event.type} ${event.object.metadata.name}`);
      if (event.type === "modified") break;
    }
    await fake.rotate();
    fake.failNext({ status: 409 }, { verb: "update", kind: ConfigMap });
    await maps.update("a", (map) => void (map.data = { colour: "red" }));
    const { data } = fake.object(ConfigMap, "a") ?? {};
    const listening = await outcome(async () => await fake.listen());
    const verbs = fake.requests.map(({ verb }) => verb);
    await fake.close();
    return { told, data, verbs, listening, open: fake.openWatches.length };
  },

  async commands(query, env) {
    const kube = await connectBy(query, env);
    const pods = kube.resource(Pod);
    const run = await pods.exec("web", ["exit", "3"]);
    const [stdout, stderr, exit] = await Promise.all([
      textOf(run.stdout),
      textOf(run.stderr),
      run.exit,
    ]);
    const long = "ab".repeat(1_000_000);
    const echoed = await pods.execText("web", ["cat"], { stdin: long });
    const unread = new Uint8Array(4_000_000).fill(97);
    const early = await outcome(() => pods.execText("web", ["head"], { stdin: unread }));
    const terminal = await pods.exec("web", ["terminal"], { tty: true, stdin: "pipe" });
    await terminal.resize({ columns: 120, rows: 40 });
    const session = await pods.attach("web", { stdin: "pipe" });
    const writer = session.stdin.getWriter();
    await writer.write(new TextEncoder().encode("hello"));
    await writer.close();
    const outcomes = {
      upgrades: kube.capabilities.upgrades,
      exec: { stdout, stderr, ...exit },
      isEchoed: echoed.stdout === long && echoed.code === 0,
      early,
      size: await textOf(terminal.stdout),
      attached: await textOf(session.stdout),
      attachedExit: await session.exit,
      cut: await outcome(async () => await pods.execText("web", ["cut"])),
      missing: await outcome(async () => await pods.execText("missing", ["cat"])),
      forbidden: await outcome(async () => await pods.execText("forbidden", ["cat"])),
      nothing: await outcome(async () => await pods.execText("web", ["nothing"])),
    };
    await kube.close();
    return outcomes;
  },

  async ports(query, env) {
    const kube = await connectBy(query, env);
    const pods = kube.resource(Pod);
    const outcomes: Record<string, unknown> = {};
    for (const name of ["web", "old"]) {
      const { readable, writable } = await (await pods.portForward(name, 8080)).connect();
      const writer = writable.getWriter();
      const writing = (async () => {
        for (let at = 0; at < 20; at += 1) await writer.write(new Uint8Array(60_000).fill(at));
      })();
      const reader = readable.getReader();
      let sum = 0;
      for (let size = 0; size < 20 * 60_000;) {
        const { value } = await reader.read();
        size += value?.length ?? Number.NaN;
        sum += value?.reduce((total, byte) => total + byte, 0) ?? Number.NaN;
      }
      await writing;
      await reader.cancel();
      await writer.abort().catch(() => {});
      const refused = await (await pods.portForward(name, 1)).connect();
      const ended = await (await pods.portForward(name, 2)).connect();
      outcomes[name] = {
        sum,
        refused: await outcome(() => textOf(refused.readable)),
        ended: await textOf(ended.readable),
      };
    }
    const tunnel = await pods.portForward("web", 8080);
    outcomes["listen"] = await outcome(async () => await tunnel.listen());
    await kube.close();
    return outcomes;
  },

  /** What the end-to-end tests do with pods of a real API server. */
  async "real-pods"(query, env) {
    const parameter = (name: string): string => query.get(name) ?? "";
    const kube = await connectBy(query, env, {
      token: entry.functionTokenSource(() => parameter("token")),
      namespace: parameter("namespace"),
    });
    const pods = kube.resource(Pod);
    const name = parameter("pod");
    const { stdout, stderr, code } = await pods.execText(
      name,
      ["sh", "-c", "cat; echo err >&2; exit 3"],
      { stdin: "in" },
    );
    const long = "ab".repeat(1_000_000);
    const echoed = await pods.execText(name, ["cat"], { stdin: long });
    const session = await pods.attach(parameter("attached"), { stdin: "pipe" });
    const typing = session.stdin.getWriter();
    await typing.write(new TextEncoder().encode("one\n"));
    await typing.close();
    const [attached] = await Promise.all([textOf(session.stdout), textOf(session.stderr)]);
    const path = parameter("file");
    const content = crypto.getRandomValues(new Uint8Array(50_000));
    await pods.writeFile(name, { path, content });
    const read = await pods.readFile(name, path);
    const tunnel = await pods.portForward(name, Number(query.get("port")));
    const connection = await tunnel.connect();
    const writer = connection.writable.getWriter();
    await writer.write(new TextEncoder().encode("ping"));
    const { value } = await connection.readable.getReader().read();
    await connection.close();
    const outcomes = {
      upgrades: kube.capabilities.upgrades,
      exec: { stdout, stderr, code },
      isEchoed: echoed.stdout === long && echoed.code === 0,
      attached,
      attachedExit: await session.exit,
      isReadAsWritten: read.every((byte, at) => byte === content[at]) && read.length === 50_000,
      ping: new TextDecoder().decode(value),
      missing: await outcome(() => pods.execText("nobody", ["true"])),
    };
    await kube.close();
    return outcomes;
  },

  /** Reads a flood slowly: five chunks a second, all of them or a given number. */
  async flood(query, env) {
    const kube = await connectBy(query, env);
    const run = await kube.resource(Pod).exec("web", ["flood"], { stderr: false });
    const reader = run.stdout.getReader();
    const ended = await outcome(async () => {
      for (let left = Number(query.get("pieces") ?? "Infinity"); left > 0; left -= 1) {
        await reader.read();
        await pause(200);
      }
    });
    await run.close();
    await kube.close();
    return ended;
  },

  /** Writes to a command that does not read, until a write waits; how many bytes it took. */
  async "slow-command"(query, env) {
    const kube = await connectBy(query, env);
    const run = await kube.resource(Pod).exec("web", ["ignore"], { stdin: "pipe" });
    const writer = run.stdin.getWriter();
    const piece = new Uint8Array(256 * 1024);
    const most = 128 * 1024 * 1024;
    let taken = 0;
    for (let isStuck = false; !isStuck && taken < most; taken += piece.length) {
      const writing = writer.write(piece).then(() => false);
      writing.catch(() => {}); // Closing ends it.
      isStuck = await Promise.race([writing, pause(2_000).then(() => true)]);
    }
    await run.close();
    await kube.close();
    return { taken };
  },

  /** A signal before the response to the upgrade, and one while the command runs. */
  async "aborted-stream"(query, env) {
    const kube = await connectBy(query, env);
    const pods = kube.resource(Pod);
    const before = new AbortController();
    const opening = outcome(() => pods.exec("held", ["wait"], { signal: before.signal }));
    await pause(100);
    before.abort(new Error("too long"));
    const running = new AbortController();
    const run = await pods.exec("web", ["wait"], { signal: running.signal });
    const reader = run.stdout.getReader();
    await reader.read();
    running.abort(new Error("enough"));
    const outcomes = {
      before: await opening,
      exit: await outcome(async () => await run.exit),
      output: await outcome(async () => await reader.read()),
    };
    await kube.close();
    return outcomes;
  },

  async tar() {
    const body = new Response("from a stream").body;
    if (body === null) throw new Error("no body");
    const archive = writeTar([
      { name: "srv", type: "directory" },
      { name: `srv/${"long/".repeat(40)}name`, body: "text", mode: 0o600 },
      { name: "srv/stream", body, size: 13 },
    ]);
    const entries: unknown[] = [];
    for await (const { name, type, mode, body: content } of readTar(archive)) {
      entries.push([name, type, mode, await textOf(content)]);
    }
    return entries;
  },

  async "unbound-stream"(query, env) {
    const kube = await connectBy(query, env);
    return await outcome(() => kube.resource(Pod).exec("web", ["cat"]));
  },

  /** The token is reloaded after an upgrade is answered with 401. */
  async "stream-401"(query, env) {
    const { source, reads } = tokens(["wrong", "right"]);
    const kube = await entry.connect({
      config: { server: query.get("server") ?? "", token: source },
      fetch: (url, init) => env.KUBE.fetch(url, init),
      ...(query.get("by") === "connect" && {
        connect: (address, options) => env.KUBE.connect(address, options),
      }),
    });
    await pause(5);
    const { code } = await kube.resource(Pod).execText("web", ["exit", "0"]);
    await kube.close();
    return { code, reads: reads() };
  },

  async kubeconfig(query, env) {
    const content = (cluster: object, user: object): object => ({
      "current-context": "edge",
      contexts: [{ name: "edge", context: { cluster: "kube", user: "worker", namespace: "shop" } }],
      clusters: [{ name: "kube", cluster: { server: query.get("server"), ...cluster } }],
      users: [{ name: "worker", user }],
    });
    const by = (cluster: object, user: object): Promise<unknown> =>
      outcome(async () => {
        const text = JSON.stringify(content(cluster, user));
        const config = await entry.kubeconfig({ content: text });
        const kube = await entry.connect({
          fetch: (url, init) => env.KUBE.fetch(url, init),
          config,
        });
        const { headers } = await kube.get<{ headers: Record<string, string> }>("/echo");
        return { namespace: kube.namespace, authorization: headers["authorization"] };
      });
    const pem = btoa(query.get("ca") ?? "");
    return {
      token: await by({}, { token: "sesame" }),
      ca: await by({ "certificate-authority-data": pem }, {}),
      serverName: await by({ "tls-server-name": "kube" }, {}),
      insecure: await by({ "insecure-skip-tls-verify": true }, {}),
      proxy: await by({ "proxy-url": "http://proxy" }, {}),
      groups: await by({}, { as: "jane", "as-groups": ["a", "b"] }),
      tokenFile: await by({}, { tokenFile: "/token" }),
      exec: await by(
        {},
        { exec: { apiVersion: "client.authentication.k8s.io/v1beta1", command: "aws" } },
      ),
    };
  },
  async lane() {
    return {
      userAgent: navigator.userAgent,
      hasProcess: "process" in globalThis,
      runtime: entry.runtime.name,
      capabilities: entry.runtime.capabilities,
    };
  },

  async "trust-bundles"(query, env) {
    const kube = await connect(query, env);
    const signerName = "example.com/services";
    const source = entry.clusterTrustBundleSource(kube, { signerName, reloadIntervalMs: 0 });
    const subjects = async (): Promise<string[]> =>
      (await source.current()).anchors.map(({ subject }) => subject);
    const first = await subjects();
    const bundles = kube.resource(ClusterTrustBundle);
    await bundles.patch("second", { spec: { signerName } });
    const second = await subjects();
    const pushed = entry.pushTokenSource(({ push }) => push("pushed"));
    const token = await pushed.current();
    await kube.close();
    return { first, second, token };
  },

  async resources(query, env) {
    const kube = await connect(query, env);
    const maps = kube.resource(ConfigMap);
    await maps.create({ metadata: { name: "a" }, data: { colour: "blue" } });
    const told: string[] = [];
    for await (const event of maps.watch()) {
      if (event.type === "synced") await maps.patch("a", { data: { colour: "green" } });
      told.push(
        event.type === "synced" ? event.type : `${event.type} ${event.object.metadata.name}`,
      );
      if (told.length === 3) break;
    }
    const informer = maps.informer();
    await informer.synced();
    const colour = informer.get("a")?.data?.["colour"];
    await informer.stop();
    const late = await outcome(() => kube.resource(Pod).waitFor("a", "Ready", { timeoutMs: 50 }));
    const kinds = await kube.discover();
    await kube.close();
    return { told, colour, late, plural: kinds.find("Pod")?.plural };
  },

  async manifests(query, env) {
    const kube = await connect(query, env, { fieldManager: "edge" });
    const text = "{ apiVersion: v1, kind: ConfigMap, metadata: { name: a }, data: { mode: 0644 } }";
    const objects = readManifests(text);
    const [applied] = await applyManifests(kube, objects);
    const changed = readManifests(text.replace("0644", "0600"));
    const diff = formatDiff(await diffManifests(kube, changed));
    const [deleted] = await deleteManifests(kube, objects);
    await kube.close();
    return { applied: applied?.action, diff, deleted: deleted?.action };
  },

  async "config-errors"(query) {
    const server = query.get("server") ?? "";
    const ca = entry.staticCaSource(query.get("ca") ?? "");
    return {
      nothing: await outcome(() => entry.connect()),
      ca: await outcome(() => entry.connect({ config: { server, ca } })),
      fetchCa: await outcome(async () => entry.createFetch({ ca })),
      exclusive: await outcome(() => entry.connect({ config: { server }, exclusiveTrust: true })),
      identity: await outcome(() =>
        entry.connect({ config: { server }, serverIdentity: "spiffe://example.org/api" }),
      ),
      caFile: await outcome(async () => entry.fileCaSource("/ca.crt")),
      tokenFile: await outcome(async () => entry.fileTokenSource("/token")),
      inCluster: await outcome(() => entry.inCluster()),
    };
  },

  async bound(query, env) {
    const kube = await connect(query, env);
    const response = await kube.fetch("/stream?chunks=3&intervalMs=1");
    const text = await response.text();
    const version = await kube.get<{ major: string }>("/version");
    await kube.close();
    return {
      isResponse: response instanceof Response,
      url: response.url,
      text,
      major: version.major,
    };
  },

  async untrusted(query, env) {
    return {
      platform: await outcome(() =>
        entry
          .connect({ config: { server: query.get("server") ?? "" } })
          .then((kube) => kube.post("/echo", {})),
      ),
      bound: await outcome(() => connect(query, env).then((kube) => kube.post("/echo", {}))),
    };
  },

  async rotated(query, env) {
    const { source, reads } = tokens(["one", "two"], { reloadIntervalMs: 50 });
    const kube = await connect(query, env, { token: source });
    const headers = async (): Promise<string | undefined> => {
      const echo = await kube.get<{ headers: Record<string, string> }>("/echo");
      return echo.headers["authorization"];
    };
    const first = await headers();
    await pause(60);
    return { first, second: await headers(), reads: reads() };
  },

  async unauthorized(query, env) {
    const events: string[] = [];
    const { source, reads } = tokens((query.get("tokens") ?? "").split(","));
    const kube = await connect(query, env, {
      token: source,
      onEvent: (event) => events.push(event.type),
    });
    await pause(5);
    const path = query.get("path") ?? "/echo";
    const method = query.get("method") ?? "GET";
    const response = await kube.fetch(path, { method });
    return { status: response.status, reads: reads(), events };
  },

  async "bad-token"(query, env) {
    const { source } = tokens(["good", "bad\ntoken", "good"], { reloadIntervalMs: 20 });
    const events: unknown[] = [];
    const kube = await connect(query, env, {
      token: source,
      onEvent: (event) => events.push(event),
    });
    await kube.get("/echo");
    await pause(30);
    const echo = await kube.get<{ headers: Record<string, string> }>("/echo");
    return {
      sent: echo.headers["authorization"],
      said: JSON.stringify([events, kube.status(), kube, source]),
    };
  },

  async origins(query, env) {
    const other = query.get("other") ?? "";
    const { source } = tokens(["sesame"]);
    const kube = await connect(query, env, { token: source });
    const redirect = await kube.fetch(
      `/redirect?code=302&to=${encodeURIComponent(`${other}/echo`)}`,
    );
    return {
      absolute: await outcome(() => kube.fetch(`${other}/echo`)),
      slashes: await outcome(async () => (await kube.fetch("//example.com/x")).status),
      redirect: redirect.status,
      within: await outcome(
        async () => (await kube.fetch("/redirect?code=302&to=/version")).status,
      ),
    };
  },

  async limits(query, env) {
    const kube = await connect(query, env);
    const headers = await outcome(() => kube.get("/held-headers?key=edge", { timeoutMs: 50 }));
    const stuck = entry.functionTokenSource(() => new Promise<string>(() => {}));
    const aborted = await outcome(() =>
      kube.get("/held-headers?key=edge", { signal: AbortSignal.timeout(50) }),
    );
    const body = await outcome(async () => {
      const controller = new AbortController();
      const response = await kube.fetch("/held-body?key=edge", { signal: controller.signal });
      setTimeout(() => controller.abort(new Error("enough")), 50);
      return await response.text();
    });
    const waiting = await outcome(() => stuck.current({ signal: AbortSignal.timeout(50) }));
    const silent = await outcome(async () => {
      const response = await kube.fetch("/held-body?key=edge-silent", { timeoutMs: 200 });
      return await response.text();
    });
    return { headers, aborted, body, waiting, silent };
  },

  async "shared-reads"() {
    return sharedReads;
  },

  async "shared-client"(query, env) {
    shared ??= connect(query, env, {
      token: entry.functionTokenSource(readSharedToken, {
        reloadIntervalMs: 1,
        readTimeoutMs: 5_000,
      }),
    });
    const kube = await shared;
    await pause(5); // The interval has passed: this request has to reload.
    if (query.has("hang")) hangNextRead = true;
    const echo = await kube.get<{ headers: Record<string, string> }>("/echo");
    return echo.headers["authorization"];
  },
};

export default {
  async fetch(request: Request, env: Env): Promise<Response> {
    const url = new URL(request.url);
    const run = cases[url.pathname.slice(1)];
    if (run === undefined) return new Response("no such case", { status: 404 });
    try {
      return Response.json((await run(url.searchParams, env)) ?? null);
    } catch (error) {
      return new Response(String((error as Error).stack), { status: 500 });
    }
  },
};
