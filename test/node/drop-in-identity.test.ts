/**
 * Drop-ins that verify servers by an identity instead of the host name.
 *
 * @module
 */

import { CoreV1Api, Exec, type RequestContext } from "@kubernetes/client-node";
import { describe, expect, onTestFinished, test } from "vitest";
import { createHttpsAgent } from "../../runtimes/agents.ts";
import { KubeConfig } from "../../runtimes/client-node.ts";
import { staticCaSource } from "../../runtimes/node.ts";
import { ConfigError, type ServerIdentity } from "../../src/index.ts";
import { rejection, startCluster } from "../contract/support/scene.ts";
import { createCa } from "../support/pki.ts";
import { startClusterServer } from "./support/cluster-server.ts";
import { ask, rotating } from "./support/drop-ins.ts";

const id = "spiffe://example.org/ns/shop/sa/billing";
const otherId = "spiffe://example.org/ns/shop/sa/cart";

function messagesOf(error: unknown): string {
  const messages: string[] = [];
  for (let at = error; at instanceof Error; at = at.cause) messages.push(at.message);
  return messages.join(" ");
}

describe.each(rotating)("$name", ({ open }) => {
  test("connects to the server with the identity, and to no other", async () => {
    const ca = await createCa();
    const { server } = await startCluster(await ca.issue({ hosts: [id] }), ca);
    const trust = { ca: staticCaSource(ca.pem) };
    const right = open({ ...trust, serverIdentity: id });
    const wrong = open({ ...trust, serverIdentity: otherId });
    const unsure = open({ ...trust, serverIdentity: ({ uris }) => uris.includes(otherId) });
    for (let round = 0; round < 3; round += 1) {
      expect(await ask(right, `${server.origin}/version`)).toContain("major");
      const error = await rejection(ask(wrong, `${server.origin}/version`));
      expect(messagesOf(error)).toContain(
        `serverIdentity expects ${otherId}, and its certificate carries ${id}`,
      );
      await rejection(ask(unsure, `${server.origin}/version`));
    }
    expect((await server.stats()).requests).toBe(3);
    expect(wrong.events.map(({ type }) => type)).toEqual(["generation-opened"]);
  });

  test.each<[string, ServerIdentity]>([
    ["a SPIFFE ID", id],
    ["a function that returns true", () => true],
  ])("rejects a server under a stranger's CA, whatever %s says", async (_, serverIdentity) => {
    const ca = await createCa();
    const { server } = await startCluster(await ca.issue({ hosts: [id, "127.0.0.1"] }), ca);
    for (const named of [{ commonName: "stranger" }, {}]) {
      const trust = { ca: staticCaSource((await createCa(named)).pem) };
      const error = await rejection(
        ask(open({ ...trust, serverIdentity }), `${server.origin}/version`, "secret"),
      );
      expect(messagesOf(error)).toContain("(unknown-authority)");
    }
    expect((await server.stats()).requests).toBe(0);
  });

  test("rejects an identity without a CA to vouch for it", () => {
    expect(() => open({ serverIdentity: id })).toThrow(ConfigError);
    expect(() => open({ serverIdentity: "spiffe://Example.org/a" })).toThrow(/no SPIFFE ID/);
  });
});

test("createHttpsAgent() rejects a check of a single request in addition", async () => {
  const ca = await createCa();
  const agent = createHttpsAgent({ ca: staticCaSource(ca.pem), serverIdentity: id });
  onTestFinished(() => agent.destroy());
  const { get } = await import("node:https");
  const asked = new Promise((resolve, reject) => {
    get("https://127.0.0.1:1", { agent, checkServerIdentity: () => undefined }, resolve).on(
      "error",
      reject,
    );
  });
  expect(await rejection(asked)).toBeInstanceOf(ConfigError);
});

describe("KubeConfig", () => {
  async function load(serverIdentity: string, names: string[] = [id], caData?: string) {
    const ca = await createCa();
    const server = await startClusterServer({ ...(await ca.issue({ hosts: names })), token: "t" });
    const config = new KubeConfig({ serverIdentity });
    onTestFinished(async () => await config.close());
    config.loadFromOptions({
      clusters: [
        {
          name: "cluster",
          server: server.origin,
          caData: caData ?? Buffer.from(ca.pem).toString("base64"),
          skipTLSVerify: false,
        },
      ],
      users: [{ name: "user", token: "t" }],
      contexts: [{ name: "context", cluster: "cluster", user: "user" }],
      currentContext: "context",
    });
    return { config, server };
  }

  async function exec(config: KubeConfig): Promise<void> {
    const socket = await new Exec(config).exec(
      "default",
      "web",
      "web",
      "ls",
      null,
      null,
      null,
      false,
    );
    socket.close();
  }

  test("requests and WebSockets reach the server with the identity", async () => {
    const { config } = await load(id);
    const { items } = await config.makeApiClient(CoreV1Api).listNamespace();
    expect(items).toHaveLength(1);
    await exec(config);
  });

  test("requests and WebSockets reject a server with another one", async () => {
    const { config, server } = await load(otherId);
    const error = await rejection(config.makeApiClient(CoreV1Api).listNamespace());
    expect(messagesOf(error)).toContain(`expects ${otherId}, and its certificate carries ${id}`);
    await rejection(exec(config));
    expect(server.stats.requests).toBe(0);
  });

  test("a cluster without a CA or without TLS is an error, not an unverified server", async () => {
    const { config } = await load(id, ["127.0.0.1"], "");
    expect(String(await rejection(config.makeApiClient(CoreV1Api).listNamespace()))).toContain(
      "it needs a CA bundle",
    );
    config.clusters = [{ name: "cluster", server: "http://127.0.0.1:1", skipTLSVerify: true }];
    const refused = [
      config.applySecurityAuthentication({} as RequestContext),
      config.applyToHTTPSOptions({}),
    ];
    for (const refusal of refused) {
      expect(String(await rejection(refusal))).toContain("reached over http");
    }
  });

  test("new KubeConfig() rejects an invalid SPIFFE ID", () => {
    expect(() => new KubeConfig({ serverIdentity: "billing" })).toThrow(/no SPIFFE ID/);
  });
});
