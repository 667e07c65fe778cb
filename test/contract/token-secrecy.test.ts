/**
 * Clause i, secrecy: nothing that a program can log contains the token, and it is sent only to its server.
 *
 * @module
 */

import { expect, test } from "vitest";
import { bindFileTokenSource } from "../../src/sources/token-source.ts";
import { createCa } from "../support/pki.ts";
import { entry } from "./support/entry.ts";
import { shown } from "./support/inspect.ts";
import {
  connectTimed,
  createVolume,
  control,
  rejection,
  startCluster,
  until,
} from "./support/scene.ts";

const SECRET = "c2VzYW1lLW9wZW4tc2VzYW1l";
const NEXT_SECRET = "YW5vdGhlci1zZWNyZXQ";
const INTERVAL_MS = 60_000;

function expectNoSecret(what: string, value: unknown): void {
  const text = shown(value);
  for (const secret of [SECRET, NEXT_SECRET]) {
    if (text.includes(secret)) throw new Error(`${what} shows the token: ${text}`);
  }
}

async function connectWithSecret() {
  const { ca, server } = await startCluster({ token: SECRET });
  const volume = await createVolume({ token: SECRET });
  let source = entry.fileTokenSource(volume.tokenFile);
  const client = await connectTimed((runtime) => {
    source = bindFileTokenSource(runtime)(volume.tokenFile);
    return {
      config: { server: server.origin, ca: entry.staticCaSource(ca.pem), token: source },
    };
  });
  return { ...client, server, volume, source };
}

test("shown() shows a secret in an error's cause, an array and a nested property", () => {
  expect(shown(new Error("outer", { cause: new Error(SECRET) }))).toContain(SECRET);
  expect(shown([{ nested: { secret: SECRET } }])).toContain(SECRET);
  expect(shown(Object.defineProperty({}, "hidden", { value: SECRET }))).toContain(SECRET);
});

test("inspect and JSON of a client, its source, its status and its events show no token", async () => {
  const { kube, source, volume, clock, events, server } = await connectWithSecret();
  const response = await kube.fetch("/version");
  await volume.write({ token: `${NEXT_SECRET}\n` });
  await server.swap({ token: NEXT_SECRET });
  await clock.advance(INTERVAL_MS);
  await kube.get("/version");
  await volume.write({ token: `${SECRET}\n${NEXT_SECRET}` });
  await clock.advance(INTERVAL_MS);
  await kube.get("/version");

  expect(new Set(events.map(({ type }) => type))).toEqual(
    new Set(["generation-opened", "token-reloaded", "reload-failed"]),
  );
  expectNoSecret("the client", kube);
  expectNoSecret("the status", kube.status());
  expectNoSecret("the source", source);
  expectNoSecret("the source's status", source.status);
  expectNoSecret("a static source", entry.staticTokenSource(SECRET));
  expectNoSecret("the events", events);
  expectNoSecret("a response", response);
  await response.text();
});

test("errors of every kind show no token", async () => {
  const { ca, server } = await startCluster({ token: SECRET });
  const blackhole = await control.blackhole();
  const token = entry.staticTokenSource(SECRET);
  const trusted = entry.staticCaSource(ca.pem);
  const other = entry.staticCaSource((await createCa()).pem);
  const errors: Record<string, unknown> = {};

  async function fail(origin: string, path: string, bundle = trusted): Promise<void> {
    const config = { server: origin, ca: bundle, token };
    const kube = await entry.connect({ config, timeoutMs: 1_000 });
    const error = await rejection(kube.get(path));
    errors[error instanceof Error ? error.name : "none"] = error;
    await kube.close();
  }
  await fail(server.origin, "/status/403");
  await fail(server.origin, "/drop");
  await fail(server.origin, "/version", other);
  await fail(blackhole.origin, "/version");
  const kube = await entry.connect({
    config: { server: server.origin, ca: trusted, token },
  });
  const pending = rejection(kube.get("/held-headers?key=secrecy"));
  await server.held("secrecy");
  await kube.close();
  errors["ClosedError"] = await pending;
  errors["TypeError"] = await rejection(kube.fetch("https://elsewhere.invalid/"));
  await blackhole.close();

  const volume = await createVolume({ token: `${SECRET}\n${NEXT_SECRET}` });
  const bad = entry.fileTokenSource(volume.tokenFile);
  errors["SourceError"] = await rejection(bad.current());
  errors["ConfigError"] = await rejection(
    entry.connect({ config: { server: server.origin, ca: trusted, token: bad } }),
  );
  expectNoSecret("a source that failed", bad);

  expect(Object.keys(errors).toSorted()).toEqual([
    "ApiError",
    "ClosedError",
    "ConfigError",
    "ConnectionError",
    "SourceError",
    "TimeoutError",
    "TypeError",
    "UntrustedServerError",
  ]);
  for (const [name, error] of Object.entries(errors)) {
    expect(error).toMatchObject({ name });
    expectNoSecret(name, error);
  }
});

test("staticTokenSource() does not quote an invalid token", async () => {
  const error = await rejection(
    Promise.resolve().then(() => entry.staticTokenSource(`${SECRET}\n${NEXT_SECRET}`)),
  );
  expect(error).toMatchObject({ name: "SourceError", reason: "invalid" });
  expectNoSecret("the error", error);
});

test("fetch() sends no token and opens no connection when it is redirected elsewhere", async () => {
  const { kube, server } = await connectWithSecret();
  const { server: elsewhere } = await startCluster();
  const target = `${elsewhere.origin}/echo`;
  for (const code of [301, 302, 303, 307, 308]) {
    for (const method of ["GET", "HEAD", "POST"]) {
      const path = `/redirect?code=${code}&to=${encodeURIComponent(target)}`;
      const response = await kube.fetch(path, { method });
      expect(response.status).toBe(code);
      expect(response.headers.get("location")).toBe(target);
      await response.text();
    }
  }
  const chain = `/redirect?to=${encodeURIComponent(`/redirect?to=${target}`)}`;
  expect((await kube.fetch(chain)).headers.get("location")).toBe(target);

  expect(await elsewhere.stats()).toMatchObject({ connections: 0, requests: 0 });
  await until("every hop was counted", async () => (await server.stats()).requests === 17);
});

test("fetch() sends no token and opens no connection when called with another origin", async () => {
  const { kube, server } = await connectWithSecret();
  const { server: elsewhere } = await startCluster();
  const { port } = elsewhere;
  const others = [
    `${elsewhere.origin}/echo`,
    `https://localhost:${server.port}/echo`,
    `http://127.0.0.1:${server.port}/echo`,
    new URL(`${elsewhere.origin}/echo`),
    new Request(`${elsewhere.origin}/echo`, { method: "POST", body: "x" }),
  ];
  for (const other of others) {
    expect(await rejection(kube.fetch(other))).toBeInstanceOf(TypeError);
  }
  // A path that looks like another authority is still a path of this server.
  for (const path of [
    `//127.0.0.1:${port}/echo`,
    `/\\127.0.0.1:${port}/echo`,
    `@127.0.0.1:${port}`,
  ]) {
    await (await kube.fetch(path)).text();
  }

  expect(await elsewhere.stats()).toMatchObject({ connections: 0, requests: 0 });
  expect((await server.stats()).requests).toBe(3);
});
