/**
 * Uses a client in one of several ways, prints `done`, and leaves the rest to the runtime: whatever still
 * keeps the process alive then was left behind.
 *
 * Arguments: the server's origin, the CA file, and the way.
 */

import process from "node:process";
import type { ConnectOptions, TokenFunction } from "../../../../src/index.ts";
import { Pod } from "../../../../src/resources/index.ts";
import { entry } from "../entry.ts";

const [server = "", caFile = "", way = ""] = process.argv.slice(2);

const hour = 3_600_000;

async function connect(options: ConnectOptions = {}, token?: TokenFunction) {
  // A slow read has an hour's time: a timer that bounds it and outlives it would show.
  const sourceOptions = { reloadIntervalMs: token ? 0 : hour, readTimeoutMs: hour };
  const ca = entry.fileCaSource(caFile, { reloadIntervalMs: hour });
  const source = token && entry.functionTokenSource(token, sourceOptions);
  return await entry.connect({ config: { server, ca, token: source }, ...options });
}

async function abortSoon(request: (signal: AbortSignal) => Promise<unknown>): Promise<void> {
  const abort = new AbortController();
  const pending = request(abort.signal).then(
    () => "fulfilled",
    (error: Error) => error.message,
  );
  await new Promise((resolve) => void setTimeout(resolve, 50));
  abort.abort(new Error("enough"));
  console.log(await pending);
}

/** Good once, then never settling. */
function neverAgain(): TokenFunction {
  let reads = 0;
  return () => (reads++ === 0 ? "sesame" : new Promise(() => {}));
}

const ways: Record<string, () => Promise<void>> = {
  async requests() {
    const kube = await connect();
    for (let request = 0; request < 3; request += 1) {
      await (await kube.fetch("/version")).text();
    }
    await Promise.all(Array.from({ length: 5 }, () => kube.get("/version")));
  },
  async exclusive() {
    const kube = await connect({ exclusiveTrust: true });
    await Promise.all(Array.from({ length: 5 }, () => kube.get("/version")));
  },
  async drained() {
    const kube = await connect({ drainTimeoutMs: hour });
    await kube.get("/version");
  },
  async closed() {
    const kube = await connect();
    await kube.get("/version");
    const held = kube.fetch("/held-headers").catch((error: Error) => error.name);
    await kube.get("/version");
    await kube.close();
    console.log(await held);
  },
  async "aborted headers"() {
    const kube = await connect();
    await abortSoon((signal) => kube.fetch("/held-headers", { signal }));
  },
  async "aborted streams"() {
    const pods = (await connect()).resource(Pod);
    await abortSoon(async (signal) => {
      const run = await pods.exec("web", ["wait"], { stdin: "pipe", signal });
      const tunnel = await pods.portForward("web", 8080, { connections: "shared", signal });
      await tunnel.listen();
      await tunnel.connect();
      await run.exit;
    });
  },
  async "aborted wait for a source"() {
    const kube = await connect({}, neverAgain());
    await abortSoon((signal) => kube.fetch("/version", { signal }));
  },
  async "closed while a source is read"() {
    const kube = await connect({}, neverAgain());
    await abortSoon((signal) => kube.fetch("/version", { signal }));
    await kube.close();
  },
  async "timed out"() {
    const kube = await connect({ timeoutMs: 50 });
    await kube.get("/held-headers").catch((error: Error) => console.log(error.name));
  },
};

await ways[way]?.();
console.log("done");
