import { expect, onTestFinished, test } from "vitest";
import { openTunnel } from "../../runtimes/node/tunnel.ts";
import { LateHandshakeError } from "../../src/rotation/rotation.ts";
import { control, rejection, until } from "../contract/support/scene.ts";
import { createCa } from "../support/pki.ts";

test("openTunnel() sends an https proxy nothing when the trust changes during the handshake", async () => {
  const ca = await createCa();
  const proxy = await control.proxy({ scheme: "https", ...(await ca.issue()), credentials: "a:b" });
  onTestFinished(() => proxy.close());
  const opening = openTunnel({
    proxy: new URL(proxy.url.replace("://", "://me:sesame@")),
    host: "api.internal",
    port: 443,
    ca: [ca.pem],
    timeoutMs: 10_000,
    signal: new AbortController().signal,
    confirm: async () => {
      throw new LateHandshakeError();
    },
  });
  expect(await rejection(opening)).toBeInstanceOf(LateHandshakeError);
  await until("the connection is gone", async () => (await proxy.stats()).open === 0);
  // The proxy would have rejected a CONNECT with these credentials.
  expect(await proxy.stats()).toMatchObject({ targets: [], refused: 0 });
});
