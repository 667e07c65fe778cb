/**
 * Impersonation: what the API server receives.
 *
 * @module
 */

import { expect, test } from "vitest";
import { ConfigError, type Impersonation } from "../../src/index.ts";
import type { Echo } from "../support/api-server.ts";
import { entry } from "./support/entry.ts";
import { connectClient, rejection, startCluster } from "./support/scene.ts";

const several: Impersonation = {
  user: "jane",
  uid: "42",
  groups: ["developers", "system:authenticated"],
  extra: { "example.org/Scopes": ["read", "write"] },
};

test("get() sends user, uid, one group and extra", async () => {
  const { ca, server } = await startCluster();
  const impersonate = { ...several, groups: ["developers"], extra: { scope: ["read all"] } };
  const { kube } = await connectClient({
    config: { server: server.origin, ca: entry.staticCaSource(ca.pem), impersonate },
  });
  const { headers } = await kube.get<Echo>("/echo");
  expect(headers).toMatchObject({
    "impersonate-user": "jane",
    "impersonate-uid": "42",
    "impersonate-group": "developers",
    "impersonate-extra-scope": "read all",
  });
});

test("get() leaves a request unchanged whose caller impersonates another user", async () => {
  const { ca, server } = await startCluster();
  const { kube } = await connectClient({
    config: {
      server: server.origin,
      ca: entry.staticCaSource(ca.pem),
      impersonate: { user: "jane", uid: "42" },
    },
  });
  const { headers } = await kube.get<Echo>("/echo", { headers: { "Impersonate-User": "joe" } });
  expect(headers["impersonate-user"]).toBe("joe");
  expect(headers["impersonate-uid"]).toBeUndefined();
});

test("several groups are sent as several header lines if the runtime can, and rejected otherwise", async () => {
  const { ca, server } = await startCluster();
  const config = {
    server: server.origin,
    ca: entry.staticCaSource(ca.pem),
    impersonate: several,
  };
  if (!entry.runtime.capabilities.repeatedHeaders) {
    const error = await rejection(entry.connect({ config }));
    expect(error).toBeInstanceOf(ConfigError);
    expect(String(error)).toMatch(/several groups/);
    return;
  }
  const { kube } = await connectClient({ config });
  for (const method of ["GET", "POST"]) {
    const init = method === "POST" ? { method, body: "{}" } : { method };
    const { rawHeaders } = (await (await kube.fetch("/echo", init)).json()) as Echo;
    const lines = rawHeaders.filter(([name]) => /^impersonate-/i.test(name));
    expect(lines.map(([name, value]) => `${name.toLowerCase()}: ${value}`)).toEqual([
      "impersonate-user: jane",
      "impersonate-uid: 42",
      "impersonate-group: developers",
      "impersonate-group: system:authenticated",
      "impersonate-extra-example.org%2Fscopes: read".toLowerCase(),
      "impersonate-extra-example.org%2Fscopes: write".toLowerCase(),
    ]);
  }
});
