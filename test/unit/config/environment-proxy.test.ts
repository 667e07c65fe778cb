/**
 * The proxy that the environment selects. The table follows Go's `httpproxy` tests.
 *
 * @module
 */

import { describe, expect, test } from "vitest";
import { isExcepted } from "../../../src/config/no-proxy.ts";
import { environmentProxy } from "../../../src/config/environment-proxy.ts";
import { createFakeRuntime } from "../support/fake-runtime.ts";

async function proxyFor(
  server: string,
  variables: Record<string, string>,
): Promise<string | undefined> {
  const runtime = createFakeRuntime();
  for (const [name, value] of Object.entries(variables)) runtime.variables.set(name, value);
  return await environmentProxy(runtime, new URL(server));
}

describe("environmentProxy()", () => {
  test.each([
    ["HTTPS_PROXY for an https server", { HTTPS_PROXY: "http://p:1" }, "http://p:1"],
    ["https_proxy as well", { https_proxy: "http://p:1" }, "http://p:1"],
    ["the one in capitals first", { HTTPS_PROXY: "http://a", https_proxy: "http://b" }, "http://a"],
    ["one without a scheme as http", { HTTPS_PROXY: "p:3128" }, "http://p:3128"],
    ["not HTTP_PROXY", { HTTP_PROXY: "http://p:1" }, undefined],
    ["nothing for an empty one", { HTTPS_PROXY: " " }, undefined],
    ["nothing where none is set", {}, undefined],
    ["nothing for what NO_PROXY lists", { HTTPS_PROXY: "http://p", NO_PROXY: "kube" }, undefined],
    ["no_proxy as well", { HTTPS_PROXY: "http://p", no_proxy: "kube" }, undefined],
  ])("is %s", async (_, variables, proxy) => {
    expect(await proxyFor("https://kube:6443", variables)).toBe(proxy);
  });

  test("is HTTP_PROXY for an http server", async () => {
    const variables = { HTTP_PROXY: "http://p", HTTPS_PROXY: "http://s" };
    expect(await proxyFor("http://kube", variables)).toBe("http://p");
  });

  test.each(["https://localhost:6443", "https://127.0.0.1", "https://127.8.8.8", "https://[::1]"])(
    "is undefined for %s, as in Go",
    async (server) => {
      expect(await proxyFor(server, { HTTPS_PROXY: "http://p" })).toBeUndefined();
    },
  );
});

describe("isExcepted()", () => {
  test.each([
    ["https://kube.example", "*", true],
    ["https://kube.example", "kube.example", true],
    ["https://kube.example", "KUBE.example", true],
    ["https://kube.example.", "kube.example", true],
    ["https://a.kube.example", "kube.example", true],
    ["https://a.kube.example", ".kube.example", true],
    ["https://kube.example", ".kube.example", false],
    ["https://a.kube.example", "*.kube.example", true],
    ["https://notkube.example", "kube.example", false],
    ["https://kube.example", "other, kube.example ,", true],
    ["https://kube.example", "", false],
    ["https://kube.example:6443", "kube.example:6443", true],
    ["https://kube.example:6443", "kube.example:443", false],
    ["https://kube.example", "kube.example:443", true],
    ["https://10.96.0.1", "10.96.0.0/12", true],
    ["https://10.95.255.255", "10.96.0.0/12", false],
    ["https://10.96.0.1", "10.96.0.1", true],
    ["https://10.96.0.1", "10.96.0.2", false],
    ["https://10.96.0.1:6443", "10.96.0.1:6443", true],
    ["https://10.96.0.1", "0.0.0.0/0", true],
    ["https://10.96.0.1", "10.96.0.0/33", false],
    ["https://10.96.0.1", "10.96.0.0/x", false],
    ["https://kube.example", "10.0.0.0/8", false],
    ["https://[fd00::1]", "fd00::/8", true],
    ["https://[fd00::1]", "fe00::/8", false],
    ["https://[fd00::1]", "fd00:0:0::1", true],
    ["https://[fd00::1]:6443", "[fd00::1]:6443", true],
    ["https://[fd00::1]", "10.0.0.0/8", false],
    ["https://[::ffff:10.0.0.1]", "10.0.0.0/8", true],
  ])("%s by %j is %j", (server, exceptions, excepted) => {
    expect(isExcepted(new URL(server), exceptions)).toBe(excepted);
  });
});
