/**
 * Servers and https proxies that must not be trusted, beside one of each that must be.
 *
 * @module
 */

import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, onTestFinished } from "vitest";
import type { ClusterConfig, TransportSettings } from "../../../src/index.ts";
import type { TestProxy, TestServer } from "../../support/api-server.ts";
import { type IssuedCertificate, createCa, selfSign } from "../../support/pki.ts";
import { traits } from "./traits.ts";
import { control } from "./scene.ts";
import { createFolder } from "../../support/temporary-folder.ts";
import { openProxy } from "./proxies.ts";

/** How an attempt ended: `trusted`, the reason of a refusal, or another error's name and message. */
export type Outcome = string;

/** Where a request goes. */
export interface Target {
  readonly name: string;
  readonly origin: string;
  readonly proxy?: string;
}

/** What a program is to do. */
export interface Task {
  /** As PEM; without it, the runtime's default store is trusted. */
  readonly ca?: string;
  readonly targets: readonly Target[];
  readonly settings?: TransportSettings;
  readonly config?: Pick<ClusterConfig, "serverName" | "insecureSkipTlsVerify">;
}

/** What it found. */
export interface Report {
  readonly outcomes: Readonly<Record<string, Outcome>>;
  readonly insecure: boolean;
  readonly fetchInsecure: boolean;
  readonly insecureEvents: number;
}

/** What is wrong with a certificate. */
const faults = ["unknown authority", "self-signed", "wrong host", "expired"] as const;

/** See the module. */
export interface HostilePeers {
  /** The authority that is to be trusted, as PEM. */
  readonly ca: string;
  /** A file of the authorities that are not. */
  readonly strangersFile: string;
  readonly targets: readonly Target[];
  /** Those without a proxy. */
  readonly straight: readonly Target[];
  /** Fails if one of those that must not be trusted was sent anything. */
  expectNothingSent(): Promise<void>;
}

/**
 * Starts them all; they are closed when the test ends.
 *
 * @param credentials what the proxies' URLs carry, as in `me:sesame`
 */
export async function startHostilePeers(credentials?: string): Promise<HostilePeers> {
  const ca = await createCa();
  const stranger = await createCa({ commonName: "stranger" });
  const selfSigned = await selfSign();
  const certificates: Record<(typeof faults)[number], IssuedCertificate> = {
    "unknown authority": await stranger.issue(),
    "self-signed": selfSigned,
    "wrong host": await ca.issue({ hosts: ["elsewhere.example"] }),
    expired: await ca.issue({ notAfter: new Date(Date.now() - 60_000) }),
  };

  async function serve(certificate: IssuedCertificate): Promise<TestServer> {
    const server = await control.serve(certificate);
    onTestFinished(() => server.close());
    return server;
  }
  async function startProxy(certificate: IssuedCertificate): Promise<TestProxy> {
    const rest = credentials === undefined ? {} : { credentials };
    return await openProxy({ scheme: "https", ...certificate, ...rest });
  }
  const urlOf = ({ url }: TestProxy): string =>
    credentials === undefined ? url : url.replace("://", `://${credentials}@`);

  const good = await serve(await ca.issue());
  const goodProxy = await startProxy(await ca.issue());
  const servers: TestServer[] = [];
  const proxies: TestProxy[] = [];
  const straight: Target[] = [{ name: "good", origin: good.origin }];
  const proxied: Target[] = [{ name: "good proxy", origin: good.origin, proxy: urlOf(goodProxy) }];
  for (const fault of faults) {
    const server = await serve(certificates[fault]);
    const proxy = await startProxy(certificates[fault]);
    servers.push(server);
    proxies.push(proxy);
    straight.push({ name: fault, origin: server.origin });
    proxied.push({ name: `${fault} proxy`, origin: good.origin, proxy: urlOf(proxy) });
    const name = `${fault} by a proxy`;
    proxied.push({ name, origin: server.origin, proxy: urlOf(goodProxy) });
  }

  const strangersFile = join(await createFolder(), "strangers.pem");
  await writeFile(strangersFile, stranger.pem + selfSigned.cert);

  return {
    ca: ca.pem,
    strangersFile,
    targets: [...straight, ...proxied],
    straight,
    async expectNothingSent() {
      for (const server of servers) expect((await server.stats()).requests).toBe(0);
      for (const proxy of proxies) {
        expect(await proxy.stats()).toMatchObject({ targets: [], refused: 0 });
      }
    },
  };
}

/**
 * What becomes of each target if nothing is trusted but the bundle.
 *
 * @param byNodeTls whether `node:tls` verifies, which on Deno takes an expired certificate for one of a stranger
 */
export function strictOutcomes(
  targets: readonly Target[],
  byNodeTls = false,
): Record<string, Outcome> {
  const reasons: Readonly<Record<(typeof faults)[number], Outcome>> = {
    "unknown authority": "unknown-authority",
    "self-signed": "unknown-authority",
    "wrong host": "wrong-host",
    expired: byNodeTls && !traits.tellsExpiryByNodeTls ? "unknown-authority" : "expired",
  };
  return Object.fromEntries(
    targets.map(({ name }) => {
      const fault = faults.find((known) => name.startsWith(known));
      return [name, fault === undefined ? "trusted" : reasons[fault]];
    }),
  );
}
