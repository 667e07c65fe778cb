/**
 * The edge runtime's contract, in a real workerd at the oldest supported compatibility date and at today's.
 * The newer one has globals of Node's, on which the library must not depend.
 *
 * @module
 */

import { afterAll, beforeAll, describe, expect, inject, onTestFinished, test } from "vitest";
import { type Control, type TestServer, connectControl } from "../support/api-server.ts";
import { trustKinds } from "../../src/testing/model/served-kinds.ts";
import { type TestCa, createCa } from "../support/pki.ts";
import { type Worker, startWorker } from "./workerd.ts";

describe.each([
  { compatibilityDate: "2024-01-01", hasProcess: false },
  { compatibilityDate: "2026-11-17", hasProcess: true },
])("workerd at $compatibilityDate", ({ compatibilityDate, hasProcess }) => {
  let control: Control;
  let ca: TestCa;
  let server: TestServer;
  let foreign: TestServer;
  let worker: Worker;

  beforeAll(async () => {
    control = connectControl(inject("controlUrl"));
    ca = await createCa();
    server = await control.serve(await ca.issue());
    foreign = await control.serve(await (await createCa()).issue());
    worker = await startWorker({ compatibilityDate, trustedCa: ca.pem });
  });

  afterAll(async () => {
    await worker?.close();
    await server?.close();
    await foreign?.close();
  });

  function run(name: string, parameters: Record<string, string> = {}): Promise<unknown> {
    return worker.run(name, { server: server.origin, ...parameters });
  }

  test("the lane is workerd, and declares what it can't do", async () => {
    expect(await run("lane")).toMatchObject({
      userAgent: "Cloudflare-Workers",
      hasProcess,
      runtime: "edge",
      capabilities: {
        customCa: "none",
        exclusiveTrust: false,
        serverIdentity: false,
        closesIdleConnections: false,
        rejectsLateHandshakes: false,
        files: false,
        sharedReads: false,
        recognisesUntrustedServers: false,
      },
    });
  });

  test("connect() throws when it does not support the config", async () => {
    const outcomes = await run("config-errors", { ca: ca.pem });
    const refused = { name: "ConfigError", code: "ERR_REANCHOR_CONFIG" };
    const insteadDo = expect.stringContaining('pass its fetch as the option "fetch"');
    expect(outcomes).toMatchObject({
      nothing: { ...refused, message: expect.stringContaining('pass the option "config"') },
      ca: { ...refused, message: insteadDo },
      fetchCa: { ...refused, message: insteadDo },
      exclusive: refused,
      identity: { ...refused, message: expect.stringContaining("edge can't honour it") },
      caFile: { ...refused, message: expect.stringContaining("no file system") },
      tokenFile: { ...refused, message: expect.stringContaining("functionTokenSource") },
      inCluster: refused,
    });
  });

  test("kubeconfig() reads its content, and rejects what edge does not support", async () => {
    const { token, ...others } = (await run("kubeconfig", { ca: ca.pem })) as Record<
      string,
      object
    >;
    expect(token).toEqual({ value: { namespace: "shop", authorization: "Bearer sesame" } });
    expect(Object.keys(others)).toHaveLength(7);
    for (const [field, refusal] of Object.entries(others)) {
      expect(refusal, field).toMatchObject({ code: "ERR_REANCHOR_CONFIG" });
    }
  });

  test("connect() sends through a bound service that trusts the cluster's CA", async () => {
    expect(await run("bound")).toEqual({
      isResponse: true,
      url: `${server.origin}/stream?chunks=3&intervalMs=1`,
      text: "line 0\nline 1\nline 2\n",
      major: "1",
    });
  });

  test("manifests are read, applied, compared and deleted", async () => {
    const cluster = await control.serve({ ...(await ca.issue()), fakeApi: {} });
    onTestFinished(() => cluster.close());
    expect(await run("manifests", { server: cluster.origin })).toEqual({
      applied: "created",
      diff: "~ ConfigMap default/a\n    data.mode: 420 -> 384\n",
      deleted: "deleted",
    });
  });

  test("a fake cluster stores, watches, fails and rotates without a server", async () => {
    expect(await run("fake-cluster")).toEqual({
      told: ["added a", "modified a"],
      data: { colour: "red" },
      // The first GET after the rotation sent the old token.
      verbs: ["watch", "patch", "get", "get", "update", "get", "update"],
      listening: {
        name: "ConfigError",
        code: "ERR_REANCHOR_CONFIG",
        message:
          "Cannot listen with a fake cluster: this runtime has no HTTPS servers; use connect() or fetch of the fake cluster, which need none, or run the test on Node, Deno or Bun",
      },
      open: 0,
    });
  });

  test("resources are written, watched, cached, awaited and discovered", async () => {
    const cluster = await control.serve({ ...(await ca.issue()), fakeApi: {} });
    onTestFinished(() => cluster.close());
    expect(await run("resources", { server: cluster.origin })).toEqual({
      told: ["added a", "synced", "modified a"],
      colour: "green",
      late: {
        name: "TimeoutError",
        code: "ERR_REANCHOR_TIMEOUT",
        message: expect.stringContaining(
          "Cannot wait any longer for Pod default/a to be Ready",
        ) as string,
      },
      plural: "pods",
    });
  });

  describe.each(["connect", "fetch"])("streams into pods by a bound service's %s", (by) => {
    test("exec() and attach() end as on other runtimes", async () => {
      const { early, ...outcomes } = (await run("commands", { by })) as { early: object };
      // When a write fails, workerd loses the data that it has not read yet.
      if ("value" in early) expect(early.value).toMatchObject({ stdout: "aaaaa", code: 0 });
      else expect(early).toMatchObject({ name: "ConnectionError" });
      expect(outcomes).toMatchObject({
        upgrades: by === "connect" ? "streams" : "messages",
        exec: { stdout: "out\n", stderr: "err\n", code: 3 },
        isEchoed: true,
        size: '{"Width":120,"Height":40}',
        attached: "hello",
        attachedExit: { code: 0 },
        cut: { name: "ConnectionError" },
        missing: { name: "ApiError", message: expect.stringContaining("404") as string },
        forbidden: { name: "ApiError", message: expect.stringContaining("403") as string },
        nothing: { name: "ApiError" },
      });
    });

    test("portForward() carries bytes both ways, by either protocol", async () => {
      const carried = {
        sum: (60_000 * (19 * 20)) / 2,
        refused: {
          name: "ConnectionError",
          message: expect.stringContaining("connection refused") as string,
          code: "ERR_REANCHOR_CONNECTION",
        },
        ended: "",
      };
      expect(await run("ports", { by })).toEqual({
        web: carried,
        old: carried,
        listen: { name: "ConfigError", message: expect.any(String), code: "ERR_REANCHOR_CONFIG" },
      });
    });

    test("exec() is ended by its signal, before it is answered and after", async () => {
      const own = await control.serve(await ca.issue());
      onTestFinished(() => own.close());
      expect(await run("aborted-stream", { by, server: own.origin })).toEqual({
        before: { name: "Error", message: "too long" },
        exit: { name: "Error", message: "enough" },
        output: { name: "Error", message: "enough" },
      });
      await expect.poll(async () => (await own.stats()).open, { timeout: 60_000 }).toBe(0);
    });

    test("exec() reloads the token after a 401", async () => {
      await server.swap({ token: "right" });
      onTestFinished(() => server.swap({ token: null }));
      expect(await run("stream-401", { by })).toEqual({ code: 0, reads: 2 });
    });
  });

  test("exec() by a bound service's connect slows down a command whose output is not read", async () => {
    const flood = await control.serve(await ca.issue());
    onTestFinished(() => flood.close());
    const ended = await run("flood", { by: "connect", pieces: "10", server: flood.origin });
    expect(ended).toEqual({});
    expect((await flood.stats()).streamed).toBeLessThan(64 * 2 ** 20);
  });

  test("exec() by a bound service's connect slows its caller down when the command does not read", async () => {
    const slow = await control.serve(await ca.issue());
    onTestFinished(() => slow.close());
    const { taken } = (await run("slow-command", { by: "connect", server: slow.origin })) as {
      taken: number;
    };
    expect(taken).toBeLessThan(64 * 2 ** 20);
  });

  test("readTar() reads what writeTar() writes", async () => {
    expect(await run("tar")).toEqual([
      ["srv/", "directory", 0o755, ""],
      [`srv/${"long/".repeat(40)}name`, "file", 0o600, "text"],
      ["srv/stream", "file", 0o644, "from a stream"],
    ]);
  });

  test("exec() by a bound service's fetch throws before it runs out of memory", async () => {
    const ended = await run("flood", { by: "fetch" });
    expect(ended).toMatchObject({
      name: "ConnectionError",
      message: expect.stringMatching(/67108864 bytes are unread.*option connect/) as string,
    });
  });

  test("exec() without a bound service says what to pass", async () => {
    expect(await run("unbound-stream", { by: "nothing" })).toMatchObject({
      name: "ConfigError",
      message: expect.stringMatching(/option connect.*or at least its fetch/) as string,
    });
  });

  test("clusterTrustBundleSource() lists, and push sources listen for one value", async () => {
    const cluster = await control.serve({ ...(await ca.issue()), fakeApi: { kinds: trustKinds } });
    onTestFinished(() => cluster.close());
    for (const [name, signerName] of [
      ["first", "example.com/services"],
      ["second", "example.com/others"],
    ] as const) {
      const trustBundle = (await createCa({ commonName: name })).pem;
      const object = { metadata: { name }, spec: { signerName, trustBundle } };
      await cluster.fake.put("clustertrustbundles", object);
    }
    expect(await run("trust-bundles", { server: cluster.origin })).toEqual({
      first: ["CN=first"],
      second: ["CN=first", "CN=second"],
      token: "pushed",
    });
    const requests = await cluster.fake.requests();
    expect(requests.map(({ verb }) => verb)).toEqual(["list", "patch", "list"]);
  });

  test("fetch() reports a server that the platform does not trust, and sends nothing", async () => {
    const outcomes = await run("untrusted", { server: foreign.origin });
    const failed = { name: "ConnectionError", code: "ERR_REANCHOR_CONNECTION" };
    expect(outcomes).toMatchObject({ platform: failed, bound: failed });
    expect((await foreign.stats()).requests).toBe(0);
  });

  test("the token is reloaded after its interval", async () => {
    expect(await run("rotated")).toEqual({ first: "Bearer one", second: "Bearer two", reads: 2 });
  });

  describe("after a 401", () => {
    beforeAll(() => server.swap({ token: "right" }));
    afterAll(() => server.swap({ token: null }));

    test("the token is reloaded and the request sent once more", async () => {
      expect(await run("unauthorized", { tokens: "wrong,right" })).toMatchObject({
        status: 200,
        reads: 2,
        events: ["generation-opened", "token-reloaded", "retry"],
      });
    });

    test("the 401 is returned if the token is unchanged", async () => {
      const before = (await server.stats()).requests;
      const outcome = await run("unauthorized", { tokens: "wrong" });
      expect(outcome).toMatchObject({ status: 401, reads: 2 });
      expect((await server.stats()).requests).toBe(before + 1);
    });

    test("a POST to a proxy subresource is not retried", async () => {
      const path = "/api/v1/namespaces/default/services/web/proxy/orders";
      const before = (await server.stats()).requests;
      const outcome = await run("unauthorized", { tokens: "wrong,right", method: "POST", path });
      expect(outcome).toMatchObject({ status: 401, reads: 1 });
      expect((await server.stats()).requests).toBe(before + 1);
    });
  });

  test("a token with a newline inside is rejected, the last one kept, and neither is revealed", async () => {
    const { sent, said } = (await run("bad-token")) as { sent: string; said: string };
    expect(sent).toBe("Bearer good");
    expect(said).toContain("reload-failed");
    expect(said).not.toMatch(/good|bad/);
  });

  test("credentials are sent only to the server's origin", async () => {
    const outcomes = await run("origins", { other: foreign.origin });
    expect(outcomes).toEqual({
      absolute: expect.objectContaining({ name: "TypeError" }),
      slashes: { value: 404 },
      redirect: 302,
      within: { value: 200 },
    });
    expect((await foreign.stats()).connections).toBeLessThanOrEqual(2);
    expect((await foreign.stats()).requests).toBe(0);
  });

  test("timeoutMs and AbortSignal end a request at once, and a silent body has no time limit", async () => {
    const outcomes = run("limits");
    await server.held("edge-silent");
    await server.release("edge-silent");
    expect(await outcomes).toMatchObject({
      headers: { name: "TimeoutError", code: "ERR_REANCHOR_TIMEOUT" },
      aborted: { name: "TimeoutError" },
      body: { message: "enough" },
      waiting: { name: "TimeoutError" },
      silent: { value: "first\nsecond\n" },
    });
  });

  test("a request never waits for another one's read", async () => {
    await run("shared-client");
    const reads = (await run("shared-reads")) as number;
    const stuck = run("shared-client", { hang: "" });
    await expect.poll(() => run("shared-reads")).toBe(reads + 1);

    const free = run("shared-client");
    const first = await Promise.race([stuck.then(() => "stuck"), free.then(() => "free")]);
    expect(first).toBe("free");
    expect(await free).toBe("Bearer sesame");
    expect(await run("shared-reads")).toBe(reads + 2);
    expect(await stuck).toBe("Bearer sesame");
  });
});
