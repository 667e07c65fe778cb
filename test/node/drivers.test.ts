/**
 * Drivers that open their own connections, each through ten rotations under load: five in which the bundle
 * contains both CAs for a while, and five without such an overlap.
 *
 * @module
 */

import { once } from "node:events";
import { connectivityState, makeGenericClientConstructor } from "@grpc/grpc-js";
import { AbstractConnector, Redis, type RedisOptions } from "ioredis";
import { Pool } from "pg";
import { createClient } from "redis";
import { describe, expect, onTestFinished, test } from "vitest";
import {
  type SecureContextSource,
  createPostgresStream,
  createSecureContextSource,
} from "../../runtimes/agents.ts";
import { createGrpcCredentials } from "../../runtimes/grpc.ts";
import { fileCaSource } from "../../runtimes/node.ts";
import { createVolume, rejection, until } from "../contract/support/scene.ts";
import { createCa } from "../support/pki.ts";
import { echoBy, startGrpcServer } from "./support/drivers/grpc.ts";
import { startPostgres, startPostgresStandIn } from "./support/drivers/postgres.ts";
import { startRedis, startRedisStandIn } from "./support/drivers/redis.ts";
import type { Start } from "./support/drivers/stand-in.ts";
import { rotateUnderLoad } from "./support/rotate-under-load.ts";

const host = "127.0.0.1";

/** A stand-in, and the real server if it is installed. */
function servers(name: string, standIn: Start, real: Start | undefined): [string, Start][] {
  return [[`a stand-in for ${name}`, standIn], ...(real ? [[name, real] as [string, Start]] : [])];
}

/** With the default interval, so that a failure reveals a rotation, and not the bundle's age. */
function trustIn(caFile: string): SecureContextSource {
  const source = createSecureContextSource({ ca: fileCaSource(caFile) });
  onTestFinished(() => source.close());
  return source;
}

describe.each(servers("PostgreSQL", startPostgresStandIn, startPostgres))("with %s", (_, start) => {
  test("createPostgresStream() in pg fails no query in ten rotations", async () => {
    const ca = await createCa();
    const server = await start(await ca.issue());
    const failures = await rotateUnderLoad({
      ca,
      server,
      async open(caFile) {
        const stream = createPostgresStream(trustIn(caFile));
        const address = { host, port: server.port, user: "postgres" };
        const pool = new Pool({ ...address, ssl: false, stream, max: 4, maxUses: 3 });
        onTestFinished(async () => await pool.end());
        pool.on("error", () => {}); // For idle connections that the server has dropped.
        return {
          async send(text) {
            const { rows } = await pool.query<{ echo: string }>(`SELECT '${text}' AS echo`);
            return rows[0]?.echo ?? "";
          },
          disconnected: async () => await until("the pool is empty", () => pool.totalCount === 0),
        };
      },
    });
    expect(failures).toEqual([]);
    expect(server.connections()).toBeGreaterThan(20);
  });

  test("live() as option ssl of pg connects again after ten rotations without overlap", async () => {
    const ca = await createCa();
    const server = await start(await ca.issue());
    const volume = await createVolume({ ca: ca.pem });
    const ssl = await trustIn(volume.caFile).live();
    const pool = new Pool({ host, port: server.port, user: "postgres", ssl, max: 1, maxUses: 1 });
    onTestFinished(async () => await pool.end());
    for (let rotation = 0; rotation < 10; rotation += 1) {
      await pool.query("SELECT 'before'");
      const successor = await createCa();
      await server.swap(await successor.issue());
      // The first connection to meet it is rejected, and reloads the file.
      expect(await rejection(pool.query("SELECT 'too early'"))).toMatchObject({
        message: expect.stringContaining("certificate"),
      });
      await volume.write({ ca: successor.pem });
      await until("it connects", async () => {
        const [outcome] = await Promise.allSettled([pool.query("SELECT 'again'")]);
        return outcome.status === "fulfilled";
      });
    }
  });
});

describe.each(servers("Redis", startRedisStandIn, startRedis))("with %s", (_, start) => {
  test("live() in node-redis fails no command in ten rotations", async () => {
    const ca = await createCa();
    const server = await start(await ca.issue());
    const failures = await rotateUnderLoad({
      ca,
      server,
      renewsConnections: false,
      async open(caFile) {
        const live = await trustIn(caFile).live();
        const client = createClient({ socket: { host, port: server.port, tls: true, ...live } });
        onTestFinished(() => client.destroy());
        client.on("error", () => {});
        await client.connect();
        return {
          send: async (text) => await client.echo(text),
          disconnected: async () =>
            await new Promise<void>((resolve) => void client.once("reconnecting", resolve)),
        };
      },
    });
    expect(failures).toEqual([]);
    expect(server.connections()).toBe(11);
  });

  type Way = Pick<RedisOptions, "tls" | "Connector">;
  const ways: [string, (trust: SecureContextSource, port: number) => Promise<Way>][] = [
    ["live()", async (trust) => ({ tls: await trust.live() })],
    [
      "a Connector",
      async (trust, port) => ({
        Connector: class extends AbstractConnector {
          constructor() {
            super(2_000);
          }

          override async connect() {
            this.connecting = true;
            this.stream = await trust.connect({ host, port });
            return this.stream;
          }
        },
      }),
    ],
  ];

  test.each(ways)("%s in ioredis fails no command in ten rotations", async (_way, optionsOf) => {
    const ca = await createCa();
    const server = await start(await ca.issue());
    const { port } = server;
    const failures = await rotateUnderLoad({
      ca,
      server,
      renewsConnections: false,
      async open(caFile) {
        const client = new Redis(port, host, await optionsOf(trustIn(caFile), port));
        onTestFinished(() => client.disconnect());
        client.on("error", () => {});
        return {
          send: async (text) => await client.echo(text),
          disconnected: async () => await once(client, "close"),
        };
      },
    });
    expect(failures).toEqual([]);
    expect(server.connections()).toBe(11);
  });
});

const EchoClient = makeGenericClientConstructor({}, "Echo");

test("createGrpcCredentials() fails no call in ten rotations", async () => {
  const ca = await createCa();
  const server = await startGrpcServer(await ca.issue());
  let trust: SecureContextSource | undefined;
  const failures = await rotateUnderLoad({
    ca,
    server,
    renewsConnections: false,
    async open(caFile) {
      trust = trustIn(caFile);
      const client = new EchoClient(`${host}:${server.port}`, createGrpcCredentials(trust));
      onTestFinished(() => client.close());
      const isReady = (): boolean =>
        client.getChannel().getConnectivityState(false) === connectivityState.READY;
      return {
        send: async (text) => await echoBy(client, text),
        disconnected: async () => await until("it is disconnected", () => !isReady()),
      };
    },
  });
  expect(failures).toEqual([]);
  // One for each bundle under which a connection was made.
  expect(trust?.status().generations.at(-1)?.generation).toBe(11);
});
