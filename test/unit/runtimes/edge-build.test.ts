/**
 * An error message names the build for edge runtimes, because a program may get it by accident.
 *
 * @module
 */

import { describe, expect, test } from "vitest";
import * as edge from "../../../runtimes/edge.ts";

const hint = /this is the build of reanchor for edge runtimes; .*reanchor\/node.*--platform=node/;

async function failure(call: () => unknown): Promise<unknown> {
  const [outcome] = await Promise.allSettled([(async () => await call())()]);
  return outcome.status === "rejected" ? outcome.reason : undefined;
}

const server = "https://10.96.0.1";
const ca = edge.functionCaSource(() => "");
const clientCert = edge.functionClientCertSource(() => ({ certificate: "", key: "" }));

describe("the edge entry names its build when", () => {
  test.each<[what: string, call: () => unknown]>([
    ["connect() has no config", () => edge.connect()],
    ["connect() has a CA bundle", () => edge.connect({ config: { server, ca } })],
    ["connect() has a client certificate", () => edge.connect({ config: { server, clientCert } })],
    ["connect() has a proxy", () => edge.connect({ config: { server, proxy: new URL(server) } })],
    ["createFetch() has a CA bundle", () => edge.createFetch({ ca })],
    ["there is no pod", () => edge.inCluster()],
    ["a kubeconfig is to be found", () => edge.kubeconfig()],
    ["a kubeconfig is a file", () => edge.kubeconfig({ path: "/config" })],
    ["a CA bundle is a file", () => edge.fileCaSource("/ca.crt")],
    ["a token is a file", () => edge.fileTokenSource("/token")],
    [
      "a client certificate is a file",
      () => edge.fileClientCertSource({ certificate: "/tls.crt", key: "/tls.key" }),
    ],
  ])("%s", async (_, call) => {
    const error = await failure(call);
    expect(error).toBeInstanceOf(edge.ConfigError);
    expect(String(error)).toMatch(hint);
    expect(String(error)).not.toContain("$HOME");
  });
});

test("the edge entry does not name its build when something else is wrong", async () => {
  const error = await failure(() => edge.connect({ config: { server: "nonsense" } }));
  expect(error).toBeInstanceOf(edge.ConfigError);
  expect(String(error)).not.toMatch(hint);
});
