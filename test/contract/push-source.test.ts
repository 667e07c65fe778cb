/**
 * CAs and credentials that a stream pushes, as the SPIFFE Workload API and vault agents do.
 *
 * @module
 */

import { expect, test } from "vitest";
import type { ClientCertPem, PushStream } from "../../src/index.ts";
import type { Echo } from "../support/api-server.ts";
import { createCa } from "../support/pki.ts";
import { entry } from "./support/entry.ts";
import { connectClient, startCluster, types, until } from "./support/scene.ts";

/** A listener whose stream starts with a value, and continues as the test decides. */
function stream<T>(first: T) {
  const streams: PushStream<T>[] = [];
  return {
    listen(next: PushStream<T>): void {
      streams.push(next);
      next.push(first);
    },
    push: (value: T) => streams.at(-1)?.push(value),
    get isOver() {
      return streams.every(({ signal }) => signal.aborted);
    },
  };
}

test("pushCaSource() takes a client through a rotation, before a request asks for it", async () => {
  const { ca, server } = await startCluster();
  const pushed = stream(ca.pem);
  using source = entry.pushCaSource(pushed.listen);
  const { kube, events } = await connectClient({ config: { server: server.origin, ca: source } });
  await kube.get("/version");
  const next = await createCa();
  pushed.push(ca.pem + next.pem);
  await until("it has been read", async () => types(events).includes("ca-reloaded"));
  await until("a generation has been opened", async () => {
    return kube.status().generations.some(({ generation }) => generation === 2);
  });
  await server.swap({ ...(await next.issue()), forgetSessions: true });
  await server.dropConnections();
  await kube.get("/version");
  pushed.push(next.pem);
  await until("the old one is gone", async () => source.peek()?.anchors.length === 1);
  await kube.get("/version");
  expect(kube.status().ca).toMatchObject({ source: "stream", failures: 0 });
  source.close();
  expect(pushed.isOver).toBe(true);
});

test("pushTokenSource() and pushClientCertSource() change the client's identity", async () => {
  const clients = await createCa({ commonName: "clients" });
  const { ca, server } = await startCluster({ clientCa: clients.pem });
  async function pairOf(commonName: string): Promise<ClientCertPem> {
    const { cert: certificate, key } = await clients.issue({ client: true, commonName });
    return { certificate, key };
  }
  const pairs = stream(await pairOf("alice"));
  const tokens = stream("first");
  using clientCert = entry.pushClientCertSource(pairs.listen);
  using token = entry.pushTokenSource(tokens.listen);
  const config = { server: server.origin, ca: entry.staticCaSource(ca.pem), clientCert, token };
  const { kube } = await connectClient({ config });
  async function whoAmI(): Promise<unknown> {
    const { clientCommonName, headers } = await kube.get<Echo>("/echo");
    return [clientCommonName, headers["authorization"]];
  }
  expect(await whoAmI()).toEqual(["alice", "Bearer first"]);
  pairs.push(await pairOf("bob"));
  tokens.push("second");
  await until("both have been read", async () => {
    return token.peek() === "second" && clientCert.peek()?.subject === "CN=bob";
  });
  expect(await whoAmI()).toEqual(["bob", "Bearer second"]);
});
