/**
 * Environment variables and flags that make a runtime trust other CAs, or skip verification. Each is tested
 * in its own process, since a runtime reads them at startup.
 *
 * @module
 */

import { describe, expect, test } from "vitest";
import { http } from "./support/entry.ts";
import { abilitiesBy, hasExclusiveTransport, traits } from "./support/traits.ts";
import {
  type HostilePeers,
  type Report,
  startHostilePeers,
  strictOutcomes,
} from "./support/hostile.ts";
import { runProgram } from "./support/program.ts";
import type { Task } from "./support/hostile.ts";

interface Start {
  /** In a value, `{}` stands for the file of the CAs that must not be trusted. */
  readonly env?: Readonly<Record<string, string>>;
  readonly flags?: readonly string[];
}

/** What every runtime is started with, and what only this one knows. */
const starts: Readonly<Record<string, Start>> = {
  nothing: {},
  "NODE_TLS_REJECT_UNAUTHORIZED=0": { env: { NODE_TLS_REJECT_UNAUTHORIZED: "0" } },
  NODE_EXTRA_CA_CERTS: { env: { NODE_EXTRA_CA_CERTS: "{}" } },
  SSL_CERT_FILE: { env: { SSL_CERT_FILE: "{}" } },
  DENO_CERT: { env: { DENO_CERT: "{}" } },
  "DENO_TLS_CA_STORE=system": { env: { DENO_TLS_CA_STORE: "system", SSL_CERT_FILE: "{}" } },
  "BUN_CONFIG_VERBOSE_FETCH=curl": { env: { BUN_CONFIG_VERBOSE_FETCH: "curl" } },
  ...(traits.hasStoreFlags && {
    "--use-system-ca": { flags: ["--use-system-ca"], env: { SSL_CERT_FILE: "{}" } },
    "--use-openssl-ca": { flags: ["--use-openssl-ca"], env: { SSL_CERT_FILE: "{}" } },
  }),
};

/** Deno adds the bundle to its default store, which these extend: see `capabilities.customCa`. */
const widening = new Set(
  hasExclusiveTransport ? ["NODE_EXTRA_CA_CERTS", "DENO_CERT", "DENO_TLS_CA_STORE=system"] : [],
);

async function report(
  { strangersFile }: HostilePeers,
  task: Task,
  { env = {}, flags = [] }: Start,
): Promise<Report> {
  const filled = Object.entries(env).map(([name, value]) => [
    name,
    value.replace("{}", strangersFile),
  ]);
  const args = [JSON.stringify(task)];
  const program = runProgram("environment", args, { env: Object.fromEntries(filled), flags });
  const { code, stdout, stderr } = await program.ended;
  expect(code, stderr).toBe(0);
  // The token, and the proxies' password.
  expect(stdout + stderr).not.toContain("sesame");
  return JSON.parse(stdout);
}

/** Deno can't send credentials to an https proxy. */
const credentials = traits.keepsProxyCredentials ? "me:sesame" : undefined;

describe.each(Object.entries(starts))("started with %s", (name, start) => {
  test("connect() trusts only its bundle, for servers and https proxies alike", async () => {
    const peers = await startHostilePeers(credentials);
    const { ca, targets } = peers;
    const { outcomes, insecure } = await report(peers, { ca, targets }, start);
    expect(insecure).toBe(false);
    if (!widening.has(name)) {
      expect(outcomes).toEqual(strictOutcomes(targets, http === "sockets"));
      await peers.expectNothingSent();
      return;
    }
    expect(outcomes).toEqual({
      ...strictOutcomes(targets),
      "unknown authority": "trusted",
      "unknown authority proxy": "trusted",
      "unknown authority by a proxy": "trusted",
      "self-signed": "trusted",
      "self-signed proxy": "trusted",
      "self-signed by a proxy": "trusted",
    });
  });

  test("exclusiveTrust trusts only the bundle", async () => {
    const peers = await startHostilePeers(credentials);
    const { ca, straight } = peers;
    const task = { ca, targets: straight, settings: { exclusiveTrust: true } };
    const { outcomes, insecure } = await report(peers, task, start);
    expect(insecure).toBe(false);
    expect(outcomes).toEqual(strictOutcomes(straight, true));
    await peers.expectNothingSent();
  });

  test("serverName is verified instead of the host", async () => {
    const peers = await startHostilePeers(credentials);
    const { ca, straight } = peers;
    const task = { ca, targets: straight, config: { serverName: "elsewhere.example" } };
    const { outcomes } = await report(peers, task, start);
    const { good, ...rest } = strictOutcomes(straight, true);
    expect(good).toBe("trusted");
    expect(outcomes).toEqual({ ...rest, good: "wrong-host", "wrong host": "trusted" });
  });
});

describe("started with NODE_TLS_REJECT_UNAUTHORIZED=0", () => {
  const start: Start = { env: { NODE_TLS_REJECT_UNAUTHORIZED: "0" } };

  test("connect() without a CA trusts only the default store", async () => {
    const peers = await startHostilePeers(credentials);
    const { outcomes } = await report(peers, { targets: peers.straight }, start);
    expect(Object.values(outcomes)).not.toContain("trusted");
    expect(outcomes["good"]).toBe("unknown-authority");
    await peers.expectNothingSent();
  });

  test("connect() with insecureSkipTlsVerify verifies an https proxy, or does not use one", async () => {
    const peers = await startHostilePeers(credentials);
    const targets = peers.targets.filter(({ proxy }) => proxy !== undefined);
    const task = { targets, config: { insecureSkipTlsVerify: true } };
    const { outcomes } = await report(peers, task, start);
    expect(Object.values(outcomes)).not.toContain("trusted");
    const refused = expect.stringMatching(/^ConfigError: .*proxy can.t be had together/);
    const { hasOwnTunnels } = abilitiesBy({ insecureSkipTlsVerify: true }).traits;
    expect(outcomes["good proxy"]).toEqual(hasOwnTunnels ? "unknown-authority" : refused);
    await peers.expectNothingSent();
  });
});

if (traits.hasIgnoreFlag) {
  describe.each(["", "=127.0.0.1"])("started with --unsafely-ignore-certificate-errors%s", (on) => {
    const flags = [`--unsafely-ignore-certificate-errors${on}`];

    test("status() and an event report that connect() and createFetch() are insecure", async () => {
      const peers = await startHostilePeers();
      const { ca, targets } = peers;
      const found = await report(peers, { ca, targets }, { flags });
      expect(found).toMatchObject({ insecure: true, fetchInsecure: true });
      expect(found.insecureEvents).toBe(targets.length);
      // The user is warned: reanchor can't prevent it.
      expect(new Set(Object.values(found.outcomes))).toEqual(new Set(["trusted"]));
    });

    test("exclusiveTrust verifies all the same, and is not insecure", async () => {
      const peers = await startHostilePeers();
      const { ca, straight } = peers;
      const task = { ca, targets: straight, settings: { exclusiveTrust: true } };
      const found = await report(peers, task, { flags });
      expect(found).toMatchObject({ insecure: false, fetchInsecure: false, insecureEvents: 0 });
      expect(found.outcomes).toEqual(strictOutcomes(straight, true));
      await peers.expectNothingSent();
    });
  });
}
