/**
 * The ways in which a proxy fails, and what must not be found in what is thrown then.
 *
 * @module
 */

import { expect, onTestFinished } from "vitest";
import type { ProxyOptions } from "../../support/api-server.ts";
import { type IssuedCertificate, type TestCa, createCa } from "../../support/pki.ts";
import { reachable, shown } from "./inspect.ts";
import { control, startCluster } from "./scene.ts";
import { type ProxyScheme, openProxy } from "./proxies.ts";

/** What the URL of each proxy carries, and the client's own. */
const USER = "proxy-user";
const PASSWORD = "p@ss word/1";
export const TOKEN = "c2VzYW1lLW9wZW4tc2VzYW1l";

const secrets = [
  USER,
  PASSWORD,
  encodeURIComponent(PASSWORD),
  // Its beginning is that of the user's alone.
  btoa(`${USER}:${PASSWORD}`).slice(0, 12),
  TOKEN,
];

/** A server behind a proxy that fails. */
export interface FailingProxy {
  readonly ca: string;
  readonly server: string;
  readonly proxy: string;
}

/** How a proxy fails; `undefined` where this kind can't. */
type Failure = (scheme: ProxyScheme, ca: TestCa) => Promise<string | undefined>;

/** Starts a proxy, which is closed when the test ends, and returns its URL with credentials. */
async function start(
  scheme: ProxyScheme,
  certificate: IssuedCertificate,
  options: Partial<ProxyOptions> = {},
): Promise<string> {
  const pair = scheme === "https" ? certificate : {};
  return withCredentials((await openProxy({ scheme, ...pair, ...options })).url);
}

function withCredentials(url: string): string {
  return url.replace("://", `://${USER}:${encodeURIComponent(PASSWORD)}@`);
}

const faults = ["closes", "garbage", "echo", "rejects"] as const;

/** All of them, by name. */
export const proxyFailures: Readonly<Record<string, Failure>> = {
  "is not there": async (scheme) => withCredentials(`${scheme}://127.0.0.1:1`),
  "has a name that does not resolve": async (scheme) =>
    withCredentials(`${scheme}://proxy.invalid:3128`),
  "says nothing": async (scheme) => {
    const hole = await control.blackhole();
    onTestFinished(() => hole.close());
    return withCredentials(`${scheme}://127.0.0.1:${hole.port}`);
  },
  "does not know the credentials": async (scheme, ca) =>
    await start(scheme, await ca.issue(), { credentials: "somebody:else" }),
  "does not speak TLS": async (scheme, ca) =>
    scheme === "https"
      ? (await start("http", await ca.issue())).replace("http:", "https:")
      : undefined,
  "is signed by a stranger": async (scheme) =>
    scheme === "https" ? await start(scheme, await (await createCa()).issue()) : undefined,
  "has another name": async (scheme, ca) =>
    scheme === "https"
      ? await start(scheme, await ca.issue({ hosts: ["elsewhere.example"] }))
      : undefined,
  ...Object.fromEntries(
    faults.map((fault): [string, Failure] => [
      `answers wrongly (${fault})`,
      async (scheme, ca) => await start(scheme, await ca.issue(), { fault }),
    ]),
  ),
};

/** Starts a server and a proxy in front of it that fails; `undefined` where this kind can't fail so. */
export async function startFailing(
  scheme: ProxyScheme,
  failure: string,
): Promise<FailingProxy | undefined> {
  const { ca, server } = await startCluster({ token: TOKEN });
  const proxy = await proxyFailures[failure]?.(scheme, ca);
  return proxy === undefined ? undefined : { ca: ca.pem, server: server.origin, proxy };
}

/** Fails if any of the credentials can be found in a value. */
export function expectNoCredentials(value: unknown): void {
  const text = `${shown(value)}\n${reachable(value)}`;
  for (const secret of secrets) expect(text).not.toContain(secret);
}
