/**
 * Rotation of a kubeconfig on disk, and of every file that it names, while a client is open.
 *
 * @module
 */

import { mkdir, open, readFile, rename, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";
import type { KubeconfigOptions } from "../../src/index.ts";
import { loadKubeconfig } from "../../src/config/kubeconfig/kubeconfig.ts";
import type { Echo } from "../support/api-server.ts";
import { createCa } from "../support/pki.ts";
import { entry } from "./support/entry.ts";
import {
  connectClient,
  control,
  observe,
  rejection,
  startCluster,
  timedRuntime,
  types,
  until,
} from "./support/scene.ts";
import { ManualClock } from "../../src/testing/manual-clock.ts";
import { createFolder } from "../support/temporary-folder.ts";

const INTERVAL_MS = 60_000;

/** The kubeconfig of a test. */
interface Parts {
  readonly cluster: Readonly<Record<string, unknown>>;
  readonly user?: Readonly<Record<string, unknown>>;
  readonly namespace?: string;
}

function kubeconfigOf({ cluster, user = {}, namespace }: Parts): Record<string, unknown> {
  return {
    apiVersion: "v1",
    kind: "Config",
    "current-context": "here",
    contexts: [{ name: "here", context: { cluster: "kube", user: "me", namespace } }],
    clusters: [{ name: "kube", cluster }],
    users: [{ name: "me", user }],
  };
}

interface Folder {
  readonly path: string;
  write(name: string, content: string): Promise<void>;
  writeConfig(parts: Parts): Promise<void>;
}

async function createConfigFolder(): Promise<Folder> {
  const root = await createFolder();
  await mkdir(join(root, "pki"));
  async function write(name: string, content: string): Promise<void> {
    await writeFile(join(root, `${name}.new`), content);
    await rename(join(root, `${name}.new`), join(root, name));
  }
  return {
    path: join(root, "config"),
    write,
    writeConfig: (parts) => write("config", JSON.stringify(kubeconfigOf(parts), undefined, 2)),
  };
}

async function connectBy(options: KubeconfigOptions) {
  const clock = new ManualClock();
  const runtime = timedRuntime(clock);
  const config = await loadKubeconfig(runtime, options);
  return { ...(await observe(runtime, { config })), clock };
}

const base64 = (pem: string): string => btoa(pem);

describe("kubeconfig()", () => {
  test("connects with embedded data as kind writes it: CA, client certificate and key", async () => {
    const clients = await createCa({ commonName: "clients" });
    const { ca, server } = await startCluster({ clientCa: clients.pem });
    const pair = await clients.issue({ client: true, commonName: "kubernetes-admin" });
    const folder = await createConfigFolder();
    await folder.writeConfig({
      cluster: { server: server.origin, "certificate-authority-data": base64(ca.pem) },
      user: {
        "client-certificate-data": base64(pair.cert),
        "client-key-data": base64(pair.key),
      },
      namespace: "shop",
    });
    const { kube } = await connectClient({ config: await entry.kubeconfig({ path: folder.path }) });
    expect(await kube.get<Echo>("/echo")).toMatchObject({ clientCommonName: "kubernetes-admin" });
    expect(kube.namespace).toBe("shop");
    expect(kube.status().kubeconfig).toMatchObject({ source: folder.path, failures: 0 });
  });

  test("connects with files as minikube writes them, relative to the kubeconfig's folder, and reloads each", async () => {
    const clients = await createCa({ commonName: "clients" });
    const { ca, server } = await startCluster({ clientCa: clients.pem });
    const folder = await createConfigFolder();
    const writePair = async (commonName: string): Promise<void> => {
      const { cert, key } = await clients.issue({ client: true, commonName });
      await folder.write("pki/client.crt", cert);
      await folder.write("pki/client.key", key);
    };
    await folder.write("pki/ca.crt", ca.pem);
    await writePair("alice");
    await folder.writeConfig({
      cluster: { server: server.origin, "certificate-authority": "pki/ca.crt" },
      user: { "client-certificate": "pki/client.crt", "client-key": "pki/client.key" },
    });
    const { kube, clock, events } = await connectBy({ path: folder.path });
    expect(await kube.get<Echo>("/echo")).toMatchObject({ clientCommonName: "alice" });

    await writePair("bob");
    await clock.advance(INTERVAL_MS);
    expect(await kube.get<Echo>("/echo")).toMatchObject({ clientCommonName: "bob" });

    const next = await createCa();
    await server.restart(await next.issue());
    await folder.write("pki/ca.crt", next.pem);
    await clock.advance(1_000);
    expect(await kube.get<Echo>("/echo")).toMatchObject({ clientCommonName: "bob" });
    expect(types(events)).toContain("ca-reloaded");
    expect(types(events)).not.toContain("kubeconfig-reloaded");
  });

  test("reloads a token file, which takes precedence over the token beside it", async () => {
    const { ca, server } = await startCluster({ token: "from-file" });
    const folder = await createConfigFolder();
    await folder.write("token", "from-file\n");
    await folder.writeConfig({
      cluster: { server: server.origin, "certificate-authority-data": base64(ca.pem) },
      user: { token: "inline", tokenFile: "token" },
    });
    const { kube, clock } = await connectBy({ path: folder.path });
    await kube.get("/echo");
    await server.swap({ token: "renewed" });
    await folder.write("token", "renewed\n");
    await clock.advance(1_000);
    await kube.get("/echo");
  });

  test("uses the inline token when the token file can't be read", async () => {
    const { ca, server } = await startCluster({ token: "inline" });
    const folder = await createConfigFolder();
    await folder.writeConfig({
      cluster: { server: server.origin, "certificate-authority-data": base64(ca.pem) },
      user: { token: "inline", tokenFile: "missing" },
    });
    const { kube } = await connectBy({ path: folder.path });
    await kube.get("/echo");
  });

  test("sends username and password", async () => {
    const { ca, server } = await startCluster();
    const { kube } = await connectBy({
      content: kubeconfigOf({
        cluster: { server: server.origin, "certificate-authority-data": base64(ca.pem) },
        user: { username: "me", password: "sésame" },
      }),
    });
    const { headers } = await kube.get<Echo>("/echo");
    const [, encoded = ""] = headers["authorization"]?.split(" ") ?? [];
    const bytes = Uint8Array.from(atob(encoded), (character) => character.charCodeAt(0));
    expect(new TextDecoder().decode(bytes)).toBe("me:sésame");
  });

  test("supports tls-server-name, disable-compression and impersonation", async () => {
    const ca = await createCa();
    const { server } = await startCluster(await ca.issue({ hosts: ["api.internal"] }), ca);
    const { kube } = await connectBy({
      content: kubeconfigOf({
        cluster: {
          server: server.origin,
          "certificate-authority-data": base64(ca.pem),
          "tls-server-name": "api.internal",
          "disable-compression": true,
        },
        user: { as: "jane", "as-groups": ["developers"] },
      }),
    });
    expect((await kube.get<Echo>("/echo")).headers).toMatchObject({
      "accept-encoding": "identity",
      "impersonate-user": "jane",
      "impersonate-group": "developers",
    });
  });

  test("supports insecure-skip-tls-verify, and reports it", async () => {
    const { server } = await startCluster();
    const { kube, events } = await connectBy({
      content: kubeconfigOf({
        cluster: { server: server.origin, "insecure-skip-tls-verify": true },
      }),
    });
    await kube.get("/version");
    expect(types(events)).toContain("insecure");
  });
});

describe("kubeconfig() with an exec plugin", () => {
  const node = fileURLToPath(new URL("../../node_modules/node/bin/node", import.meta.url));
  const script = fileURLToPath(new URL("./support/programs/exec-plugin.mjs", import.meta.url));

  function execOf(way: string, env: Readonly<Record<string, string>>): Record<string, unknown> {
    return {
      apiVersion: "client.authentication.k8s.io/v1",
      command: node,
      args: [script, way],
      env: Object.entries(env).map(([name, value]) => ({ name, value })),
      interactiveMode: "Never",
    };
  }

  test("sends its token, run once for all callers, and runs it again after a 401", async () => {
    const { ca, server } = await startCluster({ token: "run-1" });
    const folder = await createConfigFolder();
    const log = folder.path.replace(/config$/, "runs");
    const { kube, clock, events } = await connectBy({
      content: kubeconfigOf({
        cluster: { server: server.origin, "certificate-authority-data": base64(ca.pem) },
        user: { exec: execOf("count", { PLUGIN_LOG: log }) },
      }),
    });
    await Promise.all(Array.from({ length: 50 }, () => kube.get("/echo")));
    await server.swap({ token: "run-2" });
    await clock.advance(5_000);
    const outcomes = await Promise.allSettled(
      Array.from({ length: 50 }, () => kube.post("/echo", {})),
    );
    expect(outcomes.filter(({ status }) => status === "rejected")).toEqual([]);
    expect((await readFile(log, "utf8")).trim().split("\n")).toHaveLength(2);
    expect(types(events)).toContain("exec-credential-reloaded");
  });

  test("sends its certificate", async () => {
    const clients = await createCa({ commonName: "clients" });
    const { ca, server } = await startCluster({ clientCa: clients.pem });
    const pair = await clients.issue({ client: true, commonName: "alice" });
    const credential = {
      kind: "ExecCredential",
      apiVersion: "client.authentication.k8s.io/v1",
      status: { clientCertificateData: pair.cert, clientKeyData: pair.key },
    };
    const { kube } = await connectBy({
      content: kubeconfigOf({
        cluster: { server: server.origin, "certificate-authority-data": base64(ca.pem) },
        user: { exec: execOf("print", { PLUGIN_OUTPUT: JSON.stringify(credential) }) },
      }),
    });
    expect(await kube.get<Echo>("/echo")).toMatchObject({ clientCommonName: "alice" });
    expect(kube.status().clientCert).toMatchObject({ subject: "CN=alice" });
  });

  test("throws a ConfigError with the install hint if it is not installed", async () => {
    const exec = { ...execOf("print", {}), command: "no-such-plugin", installHint: "brew it" };
    const content = kubeconfigOf({ cluster: { server: "https://10.96.0.1" }, user: { exec } });
    const config = await entry.kubeconfig({ content });
    const error = await rejection(entry.connect({ config }));
    expect(error).toMatchObject({ code: "ERR_REANCHOR_CONFIG" });
    expect(String(error)).toMatch(/exec plugin no-such-plugin: .* in PATH; brew it/);
  });
});

describe("kubeconfig() rejects without harm", () => {
  async function refusal(path: string): Promise<string> {
    const error = await rejection(entry.kubeconfig({ path }));
    expect(error).toMatchObject({ code: "ERR_REANCHOR_CONFIG" });
    return String(error);
  }

  test("a file of 100 MB, of which nothing is read", async () => {
    const folder = await createConfigFolder();
    const file = await open(folder.path, "w");
    await file.truncate(100 * 1024 * 1024);
    await file.close();
    expect(await refusal(folder.path)).toMatch(/larger than 16777216 bytes/);
  });

  test("a device, a folder and a FIFO", async () => {
    const folder = await createConfigFolder();
    const fifo = folder.path.replace(/config$/, "fifo");
    await control.fifo(fifo);
    for (const path of ["/dev/zero", folder.path.replace(/config$/, "pki"), fifo]) {
      expect(await refusal(path)).toMatch(/not a regular file/);
    }
  });
});

describe("a kubeconfig that changes", () => {
  test("moves the client to another server, CA and token, and lets requests in flight end", async () => {
    const first = await startCluster({ token: "one" });
    const second = await startCluster({ token: "two" });
    const folder = await createConfigFolder();
    const partsOf = ({ ca, server }: typeof first, token: string, namespace: string): Parts => ({
      cluster: { server: server.origin, "certificate-authority-data": base64(ca.pem) },
      user: { token },
      namespace,
    });
    await folder.writeConfig(partsOf(first, "one", "a"));
    const { kube, clock, events } = await connectBy({ path: folder.path });
    await kube.get("/echo");
    const streaming = await kube.fetch("/held-body?key=move");
    await first.server.held("move");

    await folder.writeConfig(partsOf(second, "two", "b"));
    await clock.advance(INTERVAL_MS);
    await kube.get("/echo");
    expect(kube.server).toBe(`${second.server.origin}/`);
    expect(kube.namespace).toBe("b");
    expect(types(events)).toContain("kubeconfig-reloaded");
    await first.server.release("move");
    expect((await streaming.text()).length).toBeGreaterThan(0);
    if (entry.runtime.capabilities.closesIdleConnections) {
      await until("the old server is left", async () => (await first.server.stats()).open === 0);
    }
    await expect(kube.fetch(`${first.server.origin}/echo`)).rejects.toThrow(TypeError);
  });

  test("close() ends streams from the server that the client has left", async () => {
    const first = await startCluster();
    const second = await startCluster();
    const folder = await createConfigFolder();
    const partsOf = ({ ca, server }: typeof first): Parts => ({
      cluster: { server: server.origin, "certificate-authority-data": base64(ca.pem) },
    });
    await folder.writeConfig(partsOf(first));
    const { kube, clock } = await connectBy({ path: folder.path });
    const streaming = await kube.fetch("/held-body?key=left");
    await first.server.held("left");
    await folder.writeConfig(partsOf(second));
    await clock.advance(INTERVAL_MS);
    await kube.get("/version");
    const ended = rejection(streaming.text());
    await kube.close();
    await ended;
  });

  test("get() that its embedded CA can't verify reloads the kubeconfig at once and continues", async () => {
    const { ca, server } = await startCluster();
    const folder = await createConfigFolder();
    const partsOf = (pem: string): Parts => ({
      cluster: { server: server.origin, "certificate-authority-data": base64(pem) },
    });
    await folder.writeConfig(partsOf(ca.pem));
    const { kube, clock } = await connectBy({ path: folder.path });
    await kube.get("/version");
    const next = await createCa();
    await server.restart(await next.issue());
    await folder.writeConfig(partsOf(next.pem));
    await clock.advance(500);
    await kube.get("/version");
    await kube.post("/echo", { sent: "again" });
  });

  test("get() that gets a 401 for its embedded token reloads the kubeconfig and continues", async () => {
    const { ca, server } = await startCluster({ token: "one" });
    const folder = await createConfigFolder();
    const partsOf = (token: string): Parts => ({
      cluster: { server: server.origin, "certificate-authority-data": base64(ca.pem) },
      user: { token },
    });
    await folder.writeConfig(partsOf("one"));
    const { kube, clock } = await connectBy({ path: folder.path });
    await kube.get("/echo");
    await server.swap({ token: "two" });
    await folder.writeConfig(partsOf("two"));
    await clock.advance(500);
    await kube.get("/echo");
    // A 401 that no change resolves is returned to the caller, once.
    await server.swap({ token: "three" });
    await clock.advance(500);
    expect(await rejection(kube.get("/echo"))).toMatchObject({ status: 401 });
  });

  test("get() that gets a 401 for its id-token reloads the kubeconfig, or says how to log in", async () => {
    const idToken = (jti: number): string => `e30.${btoa(JSON.stringify({ jti, exp: 4e9 }))}.c2ln`;
    const [one = "", two = "", three = ""] = [1, 2, 3].map(idToken);
    const { ca, server } = await startCluster({ token: one });
    const folder = await createConfigFolder();
    const partsOf = (token: string): Parts => ({
      cluster: { server: server.origin, "certificate-authority-data": base64(ca.pem) },
      user: { "auth-provider": { name: "oidc", config: { "id-token": token } } },
    });
    await folder.writeConfig(partsOf(one));
    const { kube, clock } = await connectBy({ path: folder.path });
    await kube.get("/echo");
    await server.swap({ token: two });
    await folder.writeConfig(partsOf(two));
    await clock.advance(500);
    await kube.get("/echo");
    await server.swap({ token: three });
    await clock.advance(500);
    expect(String(await rejection(kube.get("/echo")))).toMatch(
      /^SourceError: .* has an id-token that the server rejects, .*kubelogin/,
    );
    await folder.writeConfig(partsOf(three));
    await clock.advance(500);
    await kube.get("/echo");
  });

  test.each([
    ["torn", "apiVersion: v1\nclusters: ["],
    ["empty", ""],
    ["without its context", "current-context: gone\n"],
  ])("keeps the old kubeconfig in use when it is %s", async (_, text) => {
    const { ca, server } = await startCluster();
    const folder = await createConfigFolder();
    const parts: Parts = {
      cluster: { server: server.origin, "certificate-authority-data": base64(ca.pem) },
    };
    await folder.writeConfig(parts);
    const { kube, clock, events } = await connectBy({ path: folder.path });
    await kube.get("/version");
    await folder.write("config", text);
    await clock.advance(INTERVAL_MS);
    await kube.get("/version");
    expect(types(events)).toContain("reload-failed");
    expect(kube.status().kubeconfig).toMatchObject({ failures: 1 });
    await folder.writeConfig({ ...parts, namespace: "mended" });
    await clock.advance(INTERVAL_MS);
    await kube.get("/version");
    expect(kube.namespace).toBe("mended");
  });

  test("keeps the old one while the new one names a missing CA file", async () => {
    const { ca, server } = await startCluster();
    const folder = await createConfigFolder();
    await folder.writeConfig({
      cluster: { server: server.origin, "certificate-authority-data": base64(ca.pem) },
      namespace: "old",
    });
    const { kube, clock, events } = await connectBy({ path: folder.path });
    await folder.writeConfig({
      cluster: { server: server.origin, "certificate-authority": "pki/late.crt" },
      namespace: "new",
    });
    await clock.advance(INTERVAL_MS);
    await kube.get("/version");
    expect(kube.namespace).toBe("old");
    expect(events.find(({ type }) => type === "reload-failed")).toMatchObject({
      kind: "kubeconfig",
    });
    await folder.write("pki/late.crt", ca.pem);
    await clock.advance(1_000);
    await kube.get("/version");
    expect(kube.namespace).toBe("new");
  });

  test("opens no new connection when the change does not concern what is used", async () => {
    const { ca, server } = await startCluster();
    const folder = await createConfigFolder();
    const config = kubeconfigOf({
      cluster: { server: server.origin, "certificate-authority-data": base64(ca.pem) },
    });
    await folder.write("config", JSON.stringify(config));
    const { kube, clock, events } = await connectBy({ path: folder.path });
    await kube.get("/version");
    const more = [...(config["users"] as object[]), { name: "other", user: { token: "x" } }];
    await folder.write("config", JSON.stringify({ ...config, users: more }));
    await clock.advance(INTERVAL_MS);
    await kube.get("/version");
    expect(types(events)).toEqual(["generation-opened"]);
    expect((await server.stats()).connections).toBe(1);
  });
});

test("a change of the kubeconfig fails none of a thousand concurrent requests", async () => {
  const first = await startCluster();
  const second = await startCluster();
  const folder = await createConfigFolder();
  const partsOf = ({ ca, server }: typeof first): Parts => ({
    cluster: { server: server.origin, "certificate-authority-data": base64(ca.pem) },
  });
  await folder.writeConfig(partsOf(first));
  const { kube, clock, events } = await connectBy({ path: folder.path });
  const before = Array.from({ length: 500 }, () => kube.get("/version"));
  await folder.writeConfig(partsOf(second));
  await clock.advance(INTERVAL_MS);
  const after = Array.from({ length: 500 }, () => kube.get("/version"));
  const outcomes = await Promise.allSettled([...before, ...after]);
  expect(outcomes.filter(({ status }) => status === "rejected")).toEqual([]);
  expect(events.filter(({ type }) => type === "kubeconfig-reloaded")).toHaveLength(1);
});
