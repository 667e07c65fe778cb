/**
 * Entries that are used on the wrong runtime. If they would verify less strictly there, or fail at the first
 * request, they throw immediately.
 *
 * @module
 */

import { describe, expect, onTestFinished, test } from "vitest";
import type { AgentOptions } from "../../runtimes/agents.ts";
import { ConfigError, type ConnectOptions } from "../../src/index.ts";
import { deno } from "../../runtimes/deno/shim.ts";
import type { TestServer } from "../support/api-server.ts";
import { createCa } from "../support/pki.ts";
import { lane } from "./support/entry.ts";
import { createVolume, rejection, startCluster, until } from "./support/scene.ts";

const options: ConnectOptions = { config: { server: "https://127.0.0.1:6443" } };

/** The error of a call, thrown or rejected. */
async function failure(call: () => unknown): Promise<unknown> {
  return await rejection((async () => await call())());
}

const entries = {
  "reanchor/node": { works: lane !== "bun", load: () => import("../../runtimes/node.ts") },
  "reanchor/bun": { works: lane === "bun", load: () => import("../../runtimes/bun.ts") },
};

describe.each(Object.entries(entries))("%s", (name, { works, load }) => {
  test(works ? "is used on its runtime" : "is rejected on another runtime", async () => {
    const { connect, createFetch } = await load();
    if (works) {
      await (await connect(options)).close();
      await createFetch().close();
      return;
    }
    for (const call of [() => connect(options), () => createFetch()]) {
      const error = await failure(call);
      expect(error).toBeInstanceOf(ConfigError);
      expect(String(error)).toMatch(`Cannot use ${name} on `);
    }
  });
});

test("reanchor/deno needs Deno, and says so", () => {
  if (lane === "deno") expect(deno().version.deno).toBeDefined();
  else expect(deno).toThrow(ConfigError);
});

describe("the drop-ins", () => {
  test("for undici are rejected on Bun, which lacks it, with an alternative in the message", async () => {
    const { createDispatcher } = await import("../../runtimes/agents.ts");
    const { KubeConfig } = await import("../../runtimes/client-node.ts");
    if (lane !== "bun") {
      await createDispatcher().close();
      await new KubeConfig().close();
      return;
    }
    expect(createDispatcher).toThrow(ConfigError);
    expect(createDispatcher).toThrow(/on Bun.*createFetch.*createHttpsAgent/);
    expect(() => new KubeConfig()).toThrow(ConfigError);
    expect(() => new KubeConfig()).toThrow(/reanchor\/client-node on Bun.*connect of reanchor/);
  });

  test("for drivers that keep their settings are rejected on runtimes where these can't follow a rotation", async () => {
    const { createSecureContextSource } = await import("../../runtimes/agents.ts");
    const { ca } = await startCluster();
    const { staticCaSource } = await import("../../runtimes/node.ts");
    const trust = createSecureContextSource({ ca: staticCaSource(ca.pem) });
    try {
      if (lane === "node") {
        expect(await trust.live()).toMatchObject({ rejectUnauthorized: true });
        return;
      }
      const error = await failure(() => trust.live());
      expect(error).toBeInstanceOf(ConfigError);
      expect(String(error)).toMatch(/live\(\) on .*current\(\)/);
    } finally {
      trust.close();
    }
  });

  test("for node:https and node:tls verify the server on every runtime", async () => {
    const { createHttpsAgent, createSecureContextSource } =
      await import("../../runtimes/agents.ts");
    const { functionCaSource } = await import("../../runtimes/node.ts");
    const { get } = await import("node:https");
    const { ca, server } = await startCluster();
    const { ca: other } = await startCluster();
    const port = Number(new URL(server.origin).port);

    async function status(pem: string): Promise<number | undefined> {
      const agent = createHttpsAgent({ ca: functionCaSource(() => pem) });
      try {
        return await new Promise((resolve, reject) => {
          const request = get(`${server.origin}/version`, { agent }, (response) => {
            response.resume();
            response.once("end", () => resolve(response.statusCode));
          });
          request.once("error", reject);
        });
      } finally {
        agent.destroy();
      }
    }

    async function connects(pem: string): Promise<boolean> {
      const trust = createSecureContextSource({ ca: functionCaSource(() => pem) });
      try {
        const socket = await trust.connect({ host: "127.0.0.1", port });
        socket.destroy();
        return true;
      } finally {
        trust.close();
      }
    }

    expect(await status(ca.pem)).toBe(200);
    expect(await connects(ca.pem)).toBe(true);
    for (const call of [() => status(other.pem), () => connects(other.pem)]) {
      expect(await failure(call)).toMatchObject({ name: "UntrustedServerError" });
    }
  });

  /** What is asked of a server by each of the two, on a connection of its own; `close()` ends both. */
  async function openBoth(agentOptions: AgentOptions) {
    const { createHttpsAgent, createSecureContextSource } =
      await import("../../runtimes/agents.ts");
    const { get } = await import("node:https");
    const agent = createHttpsAgent(agentOptions);
    const trust = createSecureContextSource(agentOptions);
    onTestFinished(() => {
      agent.destroy();
      trust.close();
    });
    const byAgent = async ({ origin }: TestServer): Promise<void> =>
      await new Promise((resolve, reject) => {
        get(`${origin}/version`, { agent, headers: { connection: "close" } }, (response) => {
          response.resume();
          response.once("end", () => resolve());
        }).once("error", reject);
      });
    const bySource = async ({ port }: TestServer): Promise<void> => {
      const socket = await trust.connect({ host: "127.0.0.1", port });
      socket.destroy();
    };
    return { senders: [byAgent, bySource], waiting: [agent, trust] };
  }

  test("for node:https and node:tls wait for trust on every runtime", async () => {
    const { fileCaSource } = await import("../../runtimes/node.ts");
    const { ca, server } = await startCluster();
    const volume = await createVolume({ ca: ca.pem });
    const { senders, waiting } = await openBoth({
      ca: fileCaSource(volume.caFile),
      trustWaitMs: 600_000,
    });
    for (const send of senders) await send(server);
    const successor = await createCa();
    await server.restart(await successor.issue());
    await server.resetStats();
    const sent = Promise.all(senders.map((send) => send(server)));
    sent.catch(() => {}); // Awaited below.
    await until("both wait", () =>
      waiting.every((it) => it.status().waitingForTrust[0]?.requests === 1),
    );
    expect((await server.stats()).requests).toBe(0);
    await volume.write({ ca: successor.pem });
    await sent;
  });

  test("for node:https and node:tls check an identity on every runtime", async () => {
    const { staticCaSource } = await import("../../runtimes/node.ts");
    const id = "spiffe://example.org/ns/shop/sa/billing";
    const ca = await createCa();
    const { server } = await startCluster(await ca.issue({ hosts: [id] }), ca);
    const trusted = staticCaSource(ca.pem);
    const strange = staticCaSource((await createCa({ commonName: "stranger" })).pem);
    for (const serverIdentity of [id, () => true]) {
      const right = await openBoth({ ca: trusted, serverIdentity });
      for (const send of right.senders) await send(server);
      const wrong = await openBoth({ ca: strange, serverIdentity });
      for (const send of wrong.senders) {
        expect(await failure(() => send(server))).toMatchObject({ reason: "unknown-authority" });
      }
    }
    const other = await openBoth({ ca: trusted, serverIdentity: `${id}2` });
    for (const send of other.senders) {
      expect(String(await failure(() => send(server)))).toContain(`certificate carries ${id}`);
    }
    expect((await server.stats()).requests).toBe(2);
  });
});
