/**
 * Clause l on Deno: `connect`, requests, a rotation, an abort and `close` leave no resource and no pending
 * operation, as Deno's own sanitizers see it. Run by `deno test`, since Vitest never runs those.
 *
 * @module
 */

import { connect, fileCaSource, functionTokenSource } from "../../runtimes/deno.ts";
import { type TestServer, startControl } from "../support/api-server.ts";
import { createCa } from "../support/pki.ts";
import { createProjectedVolume } from "../support/projected-volume.ts";

const strict = { sanitizeResources: true, sanitizeOps: true, sanitizeExit: true };

// Outside of what is sanitized: the servers' process, certificates and files.
const control = await startControl();
const ca = await createCa();
const next = await createCa();
const first = await ca.issue();
const second = await next.issue();
const server: TestServer = await control.serve({ ...first, token: "sesame" });
const volume = await createProjectedVolume({ ca: ca.pem, token: "sesame" });

Deno.test.afterAll(async () => {
  await volume.remove();
  await control.close();
});

function check(condition: boolean, what: string): void {
  if (!condition) throw new Error(`Expected that ${what}`);
}

async function nameOf(promise: Promise<unknown>): Promise<string> {
  try {
    await promise;
    return "none";
  } catch (error) {
    return error instanceof Error ? error.name : String(error);
  }
}

for (const exclusiveTrust of [false, true]) {
  const how = exclusiveTrust ? "with exclusiveTrust" : "with additive trust";

  Deno.test({
    ...strict,
    name: `close() leaves nothing after requests, a rotation and an abort ${how}`,
    async fn() {
      await volume.write({ ca: ca.pem });
      await server.swap(first);
      let reads = 0;
      const kube = await connect({
        config: {
          server: server.origin,
          ca: fileCaSource(volume.caFile),
          token: functionTokenSource(() => {
            reads += 1;
            return "sesame";
          }),
        },
        exclusiveTrust,
      });
      await Promise.all(Array.from({ length: 8 }, () => kube.get("/version")));
      const streamed = await kube.fetch("/stream?chunks=5&intervalMs=1");
      check((await streamed.text()).endsWith("line 4\n"), "a stream arrives whole");

      // The server rotates, and the file: the next connection needs the new bundle.
      await volume.write({ ca: next.pem });
      await server.swap(second);
      await server.dropConnections();
      await kube.get("/version");
      check(kube.status().generations.length === 1, "one generation is left");
      check(reads === 1, "the token was read once");

      const abort = new AbortController();
      const aborted = nameOf(kube.fetch("/held-headers?key=abort", { signal: abort.signal }));
      await server.held("abort");
      abort.abort(new RangeError("enough"));
      check((await aborted) === "RangeError", "an abort ends a request with its reason");
      const late = await nameOf(kube.fetch("/held-headers", { timeoutMs: 50 }));
      check(late === "TimeoutError", "a time limit ends a request");
      const response = await kube.fetch("/held-body?key=cancel");
      await response.body?.cancel();

      const closed = nameOf(kube.fetch("/held-headers?key=close"));
      await server.held("close");
      await kube.close();
      check((await closed) === "ClosedError", "close() ends a request");
    },
  });
}

Deno.test({
  ...strict,
  name: "abort of a request leaves nothing when its source never settles",
  async fn() {
    let reads = 0;
    const hanging = Promise.withResolvers<void>();
    const kube = await connect({
      config: {
        server: server.origin,
        ca: fileCaSource(volume.caFile),
        token: functionTokenSource(
          () => {
            reads += 1;
            if (reads === 1) return "sesame";
            hanging.resolve();
            return new Promise<string>(() => {});
          },
          { reloadIntervalMs: 0 },
        ),
      },
    });
    const abort = new AbortController();
    const aborted = nameOf(kube.get("/version", { signal: abort.signal }));
    await hanging.promise;
    abort.abort(new RangeError("enough"));
    check((await aborted) === "RangeError", "an abort ends a request with its reason");
    await kube.close();
  },
});

const config = new URL("../../deno.offline.json", import.meta.url).pathname;
const planted = new URL("./planted/leaks.ts", import.meta.url).pathname;

async function runPlanted(leak: string): Promise<{ success: boolean; output: string }> {
  const { success, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["test", "-A", "--no-check", "--config", config, planted],
    env: { NO_COLOR: "1", LEAK: leak, LEAK_SERVER: server.origin, LEAK_CA: volume.caFile },
  }).output();
  const decoder = new TextDecoder();
  return { success, output: decoder.decode(stdout) + decoder.decode(stderr) };
}

for (const leak of ["client", "timer"]) {
  Deno.test(`the sanitizers catch a ${leak} that is left`, async () => {
    const { success, output } = await runPlanted(leak);
    check(!success, `the test fails: ${output}`);
    check(output.includes("Leaks detected"), `it fails for its leak: ${output}`);
  });
}

Deno.test("the sanitizers are content where nothing is left", async () => {
  const { success, output } = await runPlanted("none");
  check(success, `the test passes: ${output}`);
});
