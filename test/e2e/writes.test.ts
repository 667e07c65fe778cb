/**
 * Checks before a write is sent, compared with kube-apiserver's response to the same write.
 *
 * @module
 */

import { expect, test } from "vitest";
import { type KubeClient, isReanchorError } from "../../src/index.ts";
import { ConfigMap, Lease, microTime } from "../../src/resources/index.ts";
import { entry } from "../contract/support/entry.ts";
import { cluster, connect } from "./support/scene.ts";

async function connectAs(
  organizations: readonly string[],
  options: object = {},
): Promise<KubeClient> {
  const { cert, key } = await cluster.issueClientCertificate({
    commonName: "somebody",
    organizations: [...organizations],
  });
  const { kube } = await connect({
    config: {
      server: cluster.origin,
      ca: entry.staticCaSource(await cluster.servingCa()),
      clientCert: entry.staticClientCertSource({ certificate: cert, key }),
    },
    ...options,
  });
  return kube;
}

function aName(): string {
  return `write-${crypto.randomUUID().slice(0, 8)}`;
}

test("apply() by the field manager of connect() owns what it applied, and rejects what get() returned as the server does", async () => {
  const kube = await connectAs(["system:masters"], { fieldManager: "writes-test" });
  const maps = kube.resource(ConfigMap);
  const name = aName();
  const data = { a: "1" };
  await maps.apply({ metadata: { name }, data });
  await maps.patch(name, { data: { b: "2" } });
  const got = await maps.get(name);
  const managers = got.metadata.managedFields?.map(({ manager, operation }) => [
    manager,
    operation,
  ]);
  expect(managers).toEqual([
    ["writes-test", "Apply"],
    ["writes-test", "Update"],
  ]);
  await expect(maps.apply(got as never)).rejects.toThrow("with metadata.managedFields");
  const path = `/api/v1/namespaces/default/configmaps/${name}`;
  await expect(kube.patch(path, got, { type: "apply" })).rejects.toMatchObject({
    status: 400,
    message: expect.stringContaining("metadata.managedFields must be nil") as string,
  });
  const { managedFields: _, ...metadata } = got.metadata;
  expect((await maps.apply({ ...got, metadata })).data).toEqual({ a: "1", b: "2" });
  await maps.delete(name);
});

test("patch() of each type changes the fields in the patch", async () => {
  const kube = await connectAs(["system:masters"]);
  const maps = kube.resource(ConfigMap);
  const name = aName();
  await maps.create({ metadata: { name, labels: { a: "1" } }, data: { a: "1", b: "2" } });
  expect((await maps.patch(name, { data: { a: null } })).data).toEqual({ b: "2" });
  const operations = [{ op: "replace", path: "/data/b", value: "3" }] as const;
  expect((await maps.patch(name, operations)).data).toEqual({ b: "3" });
  const strategic = { data: { $patch: "replace", c: "4" } } as const;
  expect((await maps.patch(name, strategic, { type: "strategic" })).data).toEqual({ c: "4" });
  await maps.delete(name);
});

test("microTime() writes the format that a Lease requires, and toISOString() does not", async () => {
  const kube = await connectAs(["system:masters"]);
  const leases = kube.resource(Lease);
  const name = aName();
  const now = new Date("2026-01-02T03:04:05.678Z");
  const spec = { holderIdentity: "me", leaseDurationSeconds: 15 };
  const refused = leases.create({
    metadata: { name },
    spec: { ...spec, renewTime: now.toISOString() },
  });
  await expect(refused).rejects.toMatchObject({ status: 400 });
  const lease = await leases.create({
    metadata: { name },
    spec: { ...spec, renewTime: microTime(now) },
  });
  expect(lease.spec?.renewTime).toBe("2026-01-02T03:04:05.678000Z");
  await leases.delete(name);
});

test("a 403 on exec and on leases names the verbs that are missing", async () => {
  const kube = await connectAs([]);
  const error = await kube.get("/api/v1/namespaces/default/pods/web/exec").catch((e: unknown) => e);
  expect(isReanchorError(error) && error.code === "ERR_REANCHOR_API" && error.reason).toBe(
    "Forbidden",
  );
  expect(String(error)).toMatch(/\(grant the verbs get and create on pods\/exec\)$/);
  await expect(kube.resource(Lease).list()).rejects.toThrow(
    /\(leader election needs the verbs get, create and update on leases\)$/,
  );
  await expect(kube.resource(ConfigMap).list()).rejects.not.toThrow("verbs");
});
