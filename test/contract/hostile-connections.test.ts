/**
 * Servers that end a connection at a bad moment, or send on it what nobody has asked for, over sockets. The request gets
 * its own response or an error, and the next one is not affected.
 *
 * @module
 */

import { expect, test } from "vitest";
import { entry } from "./support/entry.ts";
import { rawPath } from "./support/raw-responses.ts";
import { connectClient, startCluster, until } from "./support/scene.ts";

const OK = "HTTP/1.1 200 OK\r\n";
const five = `${OK}Content-Length: 5\r\n\r\nhello`;

async function connect() {
  const { ca, server } = await startCluster();
  const config = { server: server.origin, ca: entry.staticCaSource(ca.pem) };
  const { kube } = await connectClient({ config, http: "sockets" });
  return {
    server,
    kube,
    async expectNextToSucceed() {
      const asked = `/echo?${crypto.randomUUID()}`;
      expect(await kube.get(asked)).toMatchObject({ url: asked });
    },
  };
}

/** A stream body that does not end by itself, and the number of bytes that were taken of it once it is cancelled. */
function endlessBody(): { body: ReadableStream<Uint8Array>; cancelled: Promise<number> } {
  const { promise: cancelled, resolve } = Promise.withResolvers<number>();
  let taken = 0;
  const body = new ReadableStream<Uint8Array>({
    pull(controller) {
      taken += 10_000;
      controller.enqueue(new Uint8Array(10_000));
    },
    cancel: () => resolve(taken),
  });
  return { body, cancelled };
}

test("get() never receives a response that came unasked between two requests", async () => {
  const { kube, server, expectNextToSucceed } = await connect();
  for (let round = 1; round <= 10; round++) {
    const path = await rawPath(five, `&then=again&key=again-${round}`);
    expect(await (await kube.fetch(path)).text()).toBe("hello");
    await server.held(`again-${round}`);
    await server.release(`again-${round}`);
    await until("the connection is closed", async () => (await server.stats()).open === 0);
    await expectNextToSucceed();
    await server.dropConnections();
  }
});

/** What a server sends while it is sent a body, and the text that is read; `undefined` if it is an error. */
const early: readonly (readonly [what: string, bytes: string, text: string | undefined])[] = [
  ["a whole response", five, "hello"],
  ["a response that ends with its connection", `${OK}Connection: close\r\n\r\nhello`, "hello"],
  ["nothing", "", undefined],
  ["half a head", OK, undefined],
  ["half a body", `${OK}Content-Length: 50\r\n\r\nhello`, undefined],
];

test.each(early)(
  "fetch() of a stream body ends when its server sends %s and ends its side",
  async (_, bytes, text) => {
    const { kube, server, expectNextToSucceed } = await connect();
    const path = await rawPath(bytes, "&early=1");
    for (let round = 1; round <= 10; round++) {
      const { body, cancelled } = endlessBody();
      const init: RequestInit & { duplex: "half" } = { method: "POST", body, duplex: "half" };
      const found = await kube.fetch(path, init).then(
        async (response) => await response.text().catch(() => undefined),
        () => undefined,
      );
      expect(found).toBe(text);
      // No more than the buffers on the way take, and some turns.
      expect(await cancelled).toBeLessThan(20_000_000);
      await expectNextToSucceed();
    }
    await until("at most one is open", async () => (await server.stats()).open <= 1);
  },
);

test("fetch() of a stream body ends when its server answers and resets the connection", async () => {
  const { kube, server, expectNextToSucceed } = await connect();
  const path = await rawPath(five, "&early=1&then=reset");
  for (let round = 1; round <= 10; round++) {
    const { body, cancelled } = endlessBody();
    const init: RequestInit & { duplex: "half" } = { method: "POST", body, duplex: "half" };
    // Whether the response arrives before the reset is up to the network.
    const found = await kube.fetch(path, init).then(
      async (response) => await response.text().catch(() => "broken"),
      () => "rejected",
    );
    expect(found).toMatch(/^(?:hello|broken|rejected)$/);
    await cancelled;
    await expectNextToSucceed();
  }
  await until("at most one is open", async () => (await server.stats()).open <= 1);
});
