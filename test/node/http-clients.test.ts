/**
 * Popular HTTP clients, each through ten rotations under load: five in which the bundle contains both CAs for
 * a while, and five without such an overlap.
 *
 * @module
 */

import { once } from "node:events";
import type { Agent } from "node:https";
import { VersionApi } from "@kubernetes/client-node";
import axios from "axios";
import { got as got12 } from "got12";
import { got as got13 } from "got13";
import { got as got14 } from "got14";
import got15 from "got15";
import got16 from "got16";
import ky from "ky";
import nodeFetch from "node-fetch";
import { createFetch as createOfetch } from "ofetch";
import createClient from "openapi-fetch";
import superagent from "superagent";
import { fetch, setGlobalDispatcher, getGlobalDispatcher } from "undici";
import { describe, expect, onTestFinished, test } from "vitest";
import { WebSocket } from "ws";
import { createDispatcher, createHttpsAgent } from "../../runtimes/agents.ts";
import { KubeConfig } from "../../runtimes/client-node.ts";
import { createFetch, fileCaSource } from "../../runtimes/node.ts";
import { startCluster, until } from "../contract/support/scene.ts";
import { rotateUnderLoad } from "./support/rotate-under-load.ts";

/** Posts a body to a server that echoes it, and resolves to the response. */
type Post = (origin: string, body: string) => Promise<string>;

interface Client {
  readonly name: string;
  /** Makes a function that posts through an agent. */
  readonly by: (agent: Agent) => Post;
}

const gots = { got12, got13, got14, got15, got16 };

const clients: readonly Client[] = [
  ...Object.entries(gots).map(([name, got]) => ({
    name,
    by:
      (agent: Agent): Post =>
      async (origin, body) =>
        await (got as typeof got16)
          .post(`${origin}/echo`, { body, agent: { https: agent }, retry: { limit: 0 } })
          .text(),
  })),
  {
    name: "axios",
    by: (httpsAgent) => async (origin, body) => {
      const options = { httpsAgent, proxy: false, responseType: "text" } as const;
      return (await axios.post<string>(`${origin}/echo`, body, options)).data;
    },
  },
  {
    name: "node-fetch",
    by: (agent) => async (origin, body) =>
      await (await nodeFetch(`${origin}/echo`, { method: "POST", body, agent })).text(),
  },
  {
    name: "superagent",
    by: (agent) => async (origin, body) =>
      (await superagent.post(`${origin}/echo`).agent(agent).buffer(true).type("text").send(body))
        .text,
  },
  {
    name: "ws",
    by: (agent) => async (origin, body) => {
      const url = `${origin.replace("https:", "wss:")}/api/v1/namespaces/a/pods/b/exec`;
      const socket = new WebSocket(url, ["v5.channel.k8s.io"], { agent });
      await once(socket, "open");
      const closed = once(socket, "close");
      socket.close();
      await closed;
      return body;
    },
  },
];

/** Moves a server and a bundle through rotations, while loops post to the server. */
async function postUnderLoad(open: (caFile: string) => Post): Promise<unknown[]> {
  const { ca, server } = await startCluster();
  return await rotateUnderLoad({
    ca,
    server: {
      swap: async (issued) => await server.swap({ ...issued, forgetSessions: true }),
      async dropConnections() {
        await server.dropConnections();
        await until("they are gone", async () => (await server.stats()).open === 0);
      },
    },
    async open(caFile) {
      const post = open(caFile);
      return { send: async (text) => await post(server.origin, text) };
    },
  });
}

describe.each(clients)("createHttpsAgent() in $name", ({ by }) => {
  test("fails no request in ten rotations", async () => {
    const failures = await postUnderLoad((caFile) => {
      const agent = createHttpsAgent({ ca: fileCaSource(caFile, { reloadIntervalMs: 20 }) });
      onTestFinished(() => agent.destroy());
      return by(agent);
    });
    expect(failures).toEqual([]);
  });
});

const fetchClients: readonly [string, (by: typeof globalThis.fetch) => Post][] = [
  [
    "ky",
    (by) => {
      const client = ky.create({ fetch: by, retry: 0 });
      return async (origin, body) => await client.post(`${origin}/echo`, { body }).text();
    },
  ],
  [
    "ofetch",
    (by) => {
      const client = createOfetch({ fetch: by, Headers, AbortController });
      const options = { method: "POST", responseType: "text", retry: false } as const;
      return async (origin, body) => await client(`${origin}/echo`, { ...options, body });
    },
  ],
  [
    "openapi-fetch",
    (by) => {
      interface Paths {
        "/echo": {
          post: {
            requestBody: { content: { "application/json": { text: string } } };
            responses: { 200: { content: { "application/json": { body: string } } } };
          };
        };
      }
      return async (origin, text) => {
        const client = createClient<Paths>({ baseUrl: origin, fetch: by });
        return (await client.POST("/echo", { body: { text } })).data?.body ?? "";
      };
    },
  ],
];

test.each(fetchClients)("createFetch() in %s fails no request in ten rotations", async (_, by) => {
  const failures = await postUnderLoad((caFile) => {
    const rotating = createFetch({ ca: fileCaSource(caFile, { reloadIntervalMs: 20 }) });
    onTestFinished(async () => await rotating.close());
    return by(rotating);
  });
  expect(failures).toEqual([]);
});

test("KubeConfig of reanchor/client-node fails no typed call in ten rotations", async () => {
  const failures = await postUnderLoad((caFile) => {
    const configs = new Map<string, KubeConfig>();
    onTestFinished(async () => {
      for (const config of configs.values()) await config.close();
    });
    return async (server, text) => {
      const config = configs.get(server) ?? new KubeConfig({ reloadIntervalMs: 20 });
      if (!configs.has(server)) {
        const cluster = { name: "cluster", server, caFile, skipTLSVerify: false };
        config.loadFromClusterAndUser(cluster, { name: "user", token: "any" });
        configs.set(server, config);
      }
      const { gitVersion } = await config.makeApiClient(VersionApi).getCode();
      return gitVersion.startsWith("v1") ? text : "";
    };
  });
  expect(failures).toEqual([]);
});

test.each([
  ["the fetch that is built into Node", globalThis.fetch],
  ["undici's fetch", fetch as unknown as typeof globalThis.fetch],
])(
  "createDispatcher() as the global dispatcher of %s fails no request in ten rotations",
  async (_, send) => {
    const before = getGlobalDispatcher();
    const failures = await postUnderLoad((caFile) => {
      const dispatcher = createDispatcher({ ca: fileCaSource(caFile, { reloadIntervalMs: 20 }) });
      setGlobalDispatcher(dispatcher);
      onTestFinished(async () => {
        setGlobalDispatcher(before);
        await dispatcher.destroy();
      });
      return async (origin, body) =>
        await (await send(`${origin}/echo`, { method: "POST", body })).text();
    });
    expect(failures).toEqual([]);
  },
);
