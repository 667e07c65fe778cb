/**
 * Where credentials are sent, which redirects are followed, and what a redirect returns.
 *
 * @module
 */

import { describe, expect, test } from "vitest";
import { entry } from "./support/entry.ts";
import { connectClient, createVolume, rejection, startCluster } from "./support/scene.ts";

async function connectWithToken() {
  const { ca, server } = await startCluster({ token: "sesame" });
  const { kube } = await connectClient({
    config: {
      server: server.origin,
      ca: entry.staticCaSource(ca.pem),
      token: entry.staticTokenSource("sesame"),
    },
  });
  return { ca, kube, server };
}

describe("redirects", () => {
  for (const method of ["GET", "HEAD"]) {
    for (const code of [301, 302, 303, 307, 308]) {
      test(`fetch() follows ${code} of ${method} within the origin, with the token`, async () => {
        const { kube, server } = await connectWithToken();
        const response = await kube.fetch(`/redirect?code=${code}&to=/echo?hop=2`, { method });
        expect(response.status).toBe(200);
        expect(response.url).toBe(`${server.origin}/echo?hop=2`);
        await response.text();
        const [, second] = await server.requests();
        expect(second).toMatchObject({ method, url: "/echo?hop=2" });
        expect(second?.headers).toMatchObject({ authorization: "Bearer sesame" });
      });
    }
  }

  for (const method of ["POST", "PUT", "PATCH", "DELETE"]) {
    test(`fetch() returns a redirect of ${method}`, async () => {
      const { kube, server } = await connectWithToken();
      for (const code of [301, 302, 303, 307, 308]) {
        const response = await kube.fetch(`/redirect?code=${code}&to=/echo`, { method });
        expect(response.status).toBe(code);
        expect(response.headers.get("location")).toBe("/echo");
        await response.text();
      }
      expect((await server.requests()).filter(({ url }) => url === "/echo")).toEqual([]);
    });
  }

  test('fetch() returns a redirect when called with redirect: "manual"', async () => {
    const { kube, server } = await connectWithToken();
    const response = await kube.fetch("/redirect?to=/echo", { redirect: "manual" });
    expect(response.status).toBe(302);
    expect(response.headers.get("location")).toBe("/echo");
    await response.text();
    expect((await server.stats()).requests).toBe(1);
  });

  test('fetch() throws on a redirect when called with redirect: "error"', async () => {
    const { kube } = await connectWithToken();
    const error = await rejection(kube.fetch("/redirect?to=/echo", { redirect: "error" }));
    expect(error).toBeInstanceOf(TypeError);
  });

  test("fetch() gives up after 20 redirects", async () => {
    const { kube, server } = await connectWithToken();
    let path = "/echo";
    for (let hop = 0; hop < 21; hop += 1) path = `/redirect?to=${encodeURIComponent(path)}`;
    const error = await rejection(kube.fetch(path));
    expect(error).toMatchObject({ name: "ConnectionError" });
    expect(error).toHaveProperty("message", expect.stringContaining("more than 20 times"));
    expect((await server.stats()).requests).toBe(21);
    const within = new URL(`${server.origin}${path}`).searchParams.get("to") ?? "";
    expect((await kube.fetch(within)).url).toBe(`${server.origin}/echo`);
  });

  test("fetch() returns a redirect without a Location, or with an invalid one", async () => {
    const { kube } = await connectWithToken();
    expect((await kube.fetch("/empty/302")).status).toBe(302);
    const nonsense = `/redirect?to=${encodeURIComponent("https://[")}`;
    expect((await kube.fetch(nonsense)).status).toBe(302);
    const script = `/redirect?to=${encodeURIComponent("data:text/plain,hello")}`;
    expect((await kube.fetch(script)).status).toBe(302);
  });
});

describe("credentials", () => {
  test("fetch() sends impersonation headers and its own credentials only to its server", async () => {
    const { kube, server } = await connectWithToken();
    const { server: elsewhere } = await startCluster();
    const headers = { "impersonate-user": "jane", cookie: "a=b" };
    const target = encodeURIComponent(`${elsewhere.origin}/echo`);
    const response = await kube.fetch(`/redirect?to=${target}`, { headers });
    expect(response.status).toBe(302);
    const [first] = await server.requests();
    expect(first?.headers).toMatchObject({
      "impersonate-user": "jane",
      authorization: "Bearer sesame",
    });
    expect((await elsewhere.stats()).connections).toBe(0);
  });

  test("fetch() rejects another origin before it connects", async () => {
    const { kube, server } = await connectWithToken();
    const { server: elsewhere } = await startCluster();
    const error = await rejection(kube.fetch(`${elsewhere.origin}/version`));
    expect(error).toBeInstanceOf(TypeError);
    expect(error).toHaveProperty("message", expect.stringContaining(elsewhere.origin));
    expect((await server.stats()).connections).toBe(0);
    expect((await elsewhere.stats()).connections).toBe(0);
  });

  test("fetch() rejects a URL that carries credentials", async () => {
    const { kube, server } = await connectWithToken();
    const url = server.origin.replace("https://", "https://user:password@");
    const error = await rejection(kube.fetch(`${url}/version`));
    expect(error).toBeInstanceOf(TypeError);
    expect(error).toHaveProperty("message", expect.not.stringContaining("password"));
    expect((await server.stats()).connections).toBe(0);
  });

  test("fetch() accepts a path, a URL and a Request of its server's origin", async () => {
    const { kube, server } = await connectWithToken();
    const url = `${server.origin}/echo?a=1`;
    const inputs = ["/echo?a=1", "echo?a=1", url, new URL(url), new Request(url)];
    for (const input of inputs) {
      expect(await (await kube.fetch(input)).json()).toMatchObject({ url: "/echo?a=1" });
    }
    const request = new Request(url, { method: "POST", body: "x", headers: { "x-a": "b" } });
    expect(await (await kube.fetch(request)).json()).toMatchObject({
      method: "POST",
      body: "x",
      headers: { "x-a": "b" },
    });
  });

  test("fetch() never sends a URL's fragment", async () => {
    const { kube, server } = await connectWithToken();
    await kube.get("/echo?a=1#part");
    const response = await kube.fetch(`/redirect?to=${encodeURIComponent("/echo#part")}`);
    await response.text();
    const urls = (await server.requests()).map(({ url }) => url);
    expect(urls[0]).toBe("/echo?a=1");
    expect(urls[2]).toBe("/echo");
  });

  test("fetch() prefixes each path with the path of config.server", async () => {
    const { ca, server } = await startCluster();
    const { kube } = await connectClient({
      config: { server: `${server.origin}/k8s/one/`, ca: entry.staticCaSource(ca.pem) },
    });
    await (await kube.fetch("/api/v1/pods")).text();
    expect((await server.requests()).map(({ url }) => url)).toEqual(["/k8s/one/api/v1/pods"]);
  });

  test("connect() rejects a token over http", async () => {
    const token = entry.staticTokenSource("sesame");
    const config = { server: "http://127.0.0.1:1", token };
    expect(await rejection(entry.connect({ config }))).toMatchObject({ name: "ConfigError" });
  });

  test("createFetch() sends to any https origin that its bundle vouches for, and to no other", async () => {
    const { ca, server } = await startCluster();
    const { server: second } = await startCluster({}, ca);
    const { server: stranger } = await startCluster();
    const volume = await createVolume({ ca: ca.pem });
    const fetch = entry.createFetch({ ca: entry.fileCaSource(volume.caFile) });
    for (const { origin } of [server, second]) {
      expect((await fetch(`${origin}/version`)).status).toBe(200);
    }
    expect(await rejection(fetch(`${stranger.origin}/version`))).toMatchObject({
      name: "UntrustedServerError",
    });
    expect((await stranger.stats()).requests).toBe(0);
    for (const url of ["http://127.0.0.1:1/", "/version", "ftp://127.0.0.1/"]) {
      expect(await rejection(fetch(url))).toBeInstanceOf(TypeError);
    }
    await fetch.close();
  });
});
