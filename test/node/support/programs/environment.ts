/**
 * Sends a request by each drop-in to each of several servers, and prints as JSON how each one ended.
 *
 * Arguments: the task, as JSON of {@linkcode Task}.
 */

import process from "node:process";
import { connect } from "node:tls";
import { VersionApi } from "@kubernetes/client-node";
import { type AgentOptions, createSecureContextSource } from "../../../../runtimes/agents.ts";
import { KubeConfig } from "../../../../runtimes/client-node.ts";
import { staticCaSource } from "../../../../runtimes/node.ts";
import type { Outcome, Target, Task } from "../../../contract/support/hostile.ts";
import { senderKinds } from "../senders.ts";

/** By Node's error codes, for a program that opens its own connections. */
const reasons: Readonly<Record<string, Outcome>> = {
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: "unknown-authority",
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: "unknown-authority",
  DEPTH_ZERO_SELF_SIGNED_CERT: "unknown-authority",
  ERR_TLS_CERT_ALTNAME_INVALID: "wrong-host",
  CERT_HAS_EXPIRED: "expired",
};

/** Sends a request to a target, and releases everything afterwards. */
type Ask = (target: Target, ca: string) => Promise<unknown>;

const asks: Record<string, Ask> = Object.fromEntries(
  senderKinds.map(({ name, open }): [string, Ask] => [
    name,
    async (target, ca) => {
      const sender = open(optionsFor(target, ca));
      try {
        await (await sender.send(`${target.origin}/version`)).text();
      } finally {
        await sender.close();
      }
    },
  ]),
);

asks["KubeConfig"] = async ({ origin, proxy }, ca) => {
  const config = new KubeConfig();
  config.loadFromOptions({
    currentContext: "one",
    contexts: [{ name: "one", cluster: "one", user: "one" }],
    clusters: [{ name: "one", server: origin, caData: btoa(ca), proxyUrl: proxy }],
    users: [{ name: "one", token: "sesame" }],
  });
  try {
    await config.makeApiClient(VersionApi).getCode();
  } finally {
    await config.close();
  }
};

// It does not use proxies by itself.
asks["current()"] = async (target, ca) => {
  const { hostname, port } = new URL(target.origin);
  const source = createSecureContextSource({ ca: staticCaSource(ca) });
  const settings = await source.current();
  try {
    await new Promise<void>((resolve, reject) => {
      const socket = connect({ host: hostname, port: Number(port), ...settings }, () => {
        socket.destroy();
        resolve();
      });
      socket.once("error", reject);
    });
  } finally {
    source.close();
  }
};

function optionsFor({ proxy }: Target, ca: string): AgentOptions {
  return { ca: staticCaSource(ca), proxy };
}

const { ca = "", targets }: Task = JSON.parse(process.argv[2] ?? "");
const outcomes: Record<string, Record<string, Outcome>> = {};
for (const [name, ask] of Object.entries(asks)) {
  const ofDropIn: Record<string, Outcome> = (outcomes[name] = {});
  for (const target of targets) {
    if (name === "current()" && target.proxy !== undefined) continue;
    ofDropIn[target.name] = await ask(target, ca).then(() => "trusted", outcomeOf);
  }
}
console.log(JSON.stringify(outcomes));

function outcomeOf(error: unknown): Outcome {
  for (let at = error; at instanceof Error; at = at.cause) {
    if ("reason" in at && "server" in at) return String(at.reason);
    if ("code" in at && reasons[String(at.code)] !== undefined)
      return reasons[String(at.code)] ?? "";
  }
  return String(error);
}
