/**
 * A leak on purpose, for the sanitizers to catch: run by `sanitizers_test.ts`, never by itself.
 *
 * @module
 */

import { connect, fileCaSource, staticTokenSource } from "../../../runtimes/deno.ts";

const leak = Deno.env.get("LEAK");
const server = Deno.env.get("LEAK_SERVER") ?? "";
const caFile = Deno.env.get("LEAK_CA") ?? "";

Deno.test({
  name: "uses a client",
  sanitizeResources: true,
  sanitizeOps: true,
  sanitizeExit: true,
  async fn() {
    const token = staticTokenSource("sesame");
    const kube = await connect({ config: { server, ca: fileCaSource(caFile), token } });
    await kube.get("/version");
    if (leak === "timer") setTimeout(() => {}, 60_000);
    if (leak !== "client") await kube.close();
  },
});
