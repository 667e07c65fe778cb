/**
 * Which servers the drop-ins trust, whatever the environment, a `Host` header or a proxy says.
 *
 * @module
 */

import { describe, expect, onTestFinished, test } from "vitest";
import { staticCaSource } from "../../runtimes/node.ts";
import { startHostilePeers, strictOutcomes } from "../contract/support/hostile.ts";
import { runProgram } from "../contract/support/program.ts";
import {
  expectNoCredentials,
  proxyFailures,
  startFailing,
} from "../contract/support/proxy-failures.ts";
import { control, rejection, startCluster, until } from "../contract/support/scene.ts";
import { createCa } from "../support/pki.ts";
import { ask, dropIns } from "./support/drop-ins.ts";

/** `{}` stands for the file of the CAs that must not be trusted. */
const environments: readonly Record<string, string>[] = [
  {},
  { NODE_TLS_REJECT_UNAUTHORIZED: "0" },
  { NODE_EXTRA_CA_CERTS: "{}" },
  { NODE_OPTIONS: "--use-openssl-ca", SSL_CERT_FILE: "{}" },
];

test.each(environments)("every drop-in trusts only its bundle, with %j", async (env) => {
  const peers = await startHostilePeers("me:sesame");
  const { ca, targets, straight, strangersFile } = peers;
  const filled = Object.entries(env).map(([name, value]) => [
    name,
    value.replace("{}", strangersFile),
  ]);
  const program = runProgram(
    "../../../node/support/programs/environment",
    [JSON.stringify({ ca, targets })],
    { env: Object.fromEntries(filled) },
  );
  const { code, stdout, stderr } = await program.ended;
  expect(code, stderr).toBe(0);
  const { "current()": ofProgram, ...others } = JSON.parse(stdout);
  expect(ofProgram).toEqual(strictOutcomes(straight));
  expect(Object.keys(others)).toEqual([...dropIns.map(({ name }) => name), "KubeConfig"]);
  for (const [name, outcomes] of Object.entries(others)) {
    expect(outcomes, name).toEqual(strictOutcomes(targets));
  }
  await peers.expectNothingSent();
});

describe.each(dropIns)("$name", ({ name, open, endsAttempts }) => {
  const headers = { host: "elsewhere.example" };

  test.each(["127.0.0.1", "localhost", "[::1]"])(
    "sends a caller's Host header, which does not affect verification, to https://%s",
    async (host) => {
      const ca = await createCa();
      const { server } = await startCluster({ host: "::" }, ca);
      const dropIn = open({ ca: staticCaSource(ca.pem) });
      const url = `https://${host}:${server.port}/echo`;
      const echo = JSON.parse(await (await dropIn.send(url, { headers })).text());
      // The web's fetch does not send this header.
      if (!name.includes("fetch")) expect(echo.headers.host).toBe("elsewhere.example");
      expect(echo.sni).toBe(host === "localhost" ? host : null);

      const other = await startCluster(
        { ...(await ca.issue({ hosts: ["elsewhere.example"] })), host: "::" },
        ca,
      );
      const elsewhere = `https://${host}:${other.server.port}/echo`;
      const refused = dropIn.send(elsewhere, { headers });
      expect(reasonOf(await rejection(refused))).toBe("wrong-host");
      expect((await other.server.stats()).requests).toBe(0);
    },
  );

  test("verifies serverName instead of the host and of a Host header", async () => {
    const ca = await createCa();
    const hosts = ["api.internal", "10.96.0.1", "fd00::1"];
    const { server } = await startCluster(await ca.issue({ hosts }), ca);
    for (const serverName of ["api.internal.", "10.96.0.1", "fd00::1"]) {
      const dropIn = open({ ca: staticCaSource(ca.pem), serverName });
      const url = `${server.origin}/echo`;
      const echo = JSON.parse(await (await dropIn.send(url, { headers })).text());
      expect(echo.sni).toBe(serverName === "api.internal." ? "api.internal" : null);
    }
    const dropIn = open({ ca: staticCaSource(ca.pem), serverName: "10.96.0.2" });
    expect(reasonOf(await rejection(ask(dropIn, `${server.origin}/echo`)))).toBe("wrong-host");
  });

  test.each(["http", "https", "socks5"] as const)(
    "leaks no credentials when an %s proxy fails",
    async (scheme) => {
      for (const failure of Object.keys(proxyFailures)) {
        const scene = await startFailing(scheme, failure);
        if (scene === undefined) continue;
        const { ca, server, proxy } = scene;
        const dropIn = open({ ca: staticCaSource(ca), proxy, connectTimeoutMs: 1_000 });
        expectNoCredentials(await rejection(ask(dropIn, `${server}/version`)));
        expectNoCredentials(dropIn.events);
      }
    },
  );

  test.each(["http", "https", "socks5"] as const)(
    "gives up an attempt at a silent %s proxy at once",
    async (scheme) => {
      const hole = await control.blackhole();
      onTestFinished(() => hole.close());
      const isOpen = async (): Promise<boolean> => (await hole.stats()).open > 0;
      const dropIn = open({
        ca: staticCaSource((await createCa()).pem),
        proxy: `${scheme}://127.0.0.1:${hole.port}`,
        connectTimeoutMs: 600_000,
      });
      if (endsAttempts) {
        const abort = new AbortController();
        const aborted = rejection(dropIn.send("https://api.internal/", { signal: abort.signal }));
        await until("it is asked", isOpen);
        abort.abort();
        expect(await aborted).toBeInstanceOf(Error);
        await until("the attempt has ended", async () => !(await isOpen()));
      }
      const waiting = rejection(dropIn.send("https://api.internal/"));
      await until("it is asked", isOpen);
      await dropIn.close();
      expect(await waiting).toBeInstanceOf(Error);
      await until("the attempt has ended", async () => !(await isOpen()));
    },
  );
});

/** The reason for the rejection, found in a client's error. */
function reasonOf(error: unknown): unknown {
  for (let at = error; at instanceof Error; at = at.cause) {
    if ("reason" in at && "server" in at) return at.reason;
  }
  return error;
}
