/**
 * The API verbs, against a real API server.
 *
 * @module
 */

import { expect, test } from "vitest";
import { entry } from "../contract/support/entry.ts";
import { createAccount, connectAs, rejection, cluster } from "./support/scene.ts";
import type { ConfigMapList, StoredConfigMap } from "./support/config-maps.ts";
import { SHORTEST_TOKEN_SECONDS } from "../support/service-account.ts";

async function scene() {
  const account = await createAccount();
  const { kube } = await connectAs(account);
  return { kube, ...account };
}

test("get() reads the server's version and its OpenAPI documents", async () => {
  const { kube } = await scene();
  const { gitVersion } = await kube.get<{ gitVersion: string }>("/version");
  expect(gitVersion).toBe(cluster.description.version);
  expect(gitVersion).toMatch(/^v1\.37\./);
  const { paths } = await kube.get<{ paths: Record<string, unknown> }>("/openapi/v3");
  expect(Object.keys(paths)).toContain("apis/apps/v1");
});

test("post(), get(), put() and delete() create, read, change and delete a ConfigMap", async () => {
  const { kube, configMaps } = await scene();
  const path = `${configMaps}/settings`;
  const created = await kube.post<StoredConfigMap>(configMaps, {
    metadata: { name: "settings" },
    data: { colour: "blue" },
  });
  expect(created.metadata.resourceVersion).toMatch(/^\d+$/);
  expect(await kube.get(path)).toEqual(created);

  const replaced = { ...created, data: { colour: "green" } };
  expect(await kube.put(path, replaced)).toMatchObject({ data: { colour: "green" } });
  expect(await rejection(kube.put(path, replaced))).toMatchObject({
    status: 409,
    reason: "Conflict",
  });
  expect(await kube.delete(path)).toMatchObject({ kind: "Status", status: "Success" });
  expect(await rejection(kube.get(path))).toMatchObject({ status: 404, reason: "NotFound" });
});

test("get() pages through a list by limit and continue", async () => {
  const { kube, configMaps } = await scene();
  const names = Array.from({ length: 25 }, (_, index) => `page-${String(index).padStart(2, "0")}`);
  await Promise.all(names.map((name) => kube.post(configMaps, { metadata: { name } })));
  const found: string[] = [];
  let next: string | undefined;
  let pages = 0;
  do {
    const query = { limit: 10, continue: next };
    const { metadata, items } = await kube.get<ConfigMapList>(configMaps, { query });
    found.push(...items.map((item) => item.metadata.name));
    next = metadata.continue;
    pages += 1;
  } while (next !== undefined);
  expect(found).toEqual(names);
  expect(pages).toBe(3);
});

test("patch() supports merge patches, JSON patches and apply", async () => {
  const { kube, configMaps } = await scene();
  const path = `${configMaps}/patched`;
  await kube.post(configMaps, { metadata: { name: "patched" }, data: { a: "1", b: "2" } });
  expect(await kube.patch(path, { data: { a: null, c: "3" } })).toMatchObject({
    data: { b: "2", c: "3" },
  });
  const operations = [{ op: "replace", path: "/data/b", value: "4" }];
  expect(await kube.patch(path, operations)).toMatchObject({ data: { b: "4", c: "3" } });
  const failing = [{ op: "test", path: "/data/b", value: "5" }];
  expect(await rejection(kube.patch(path, failing))).toMatchObject({
    status: 422,
    reason: "Invalid",
  });

  const object = { apiVersion: "v1", kind: "ConfigMap", metadata: { name: "applied" } };
  const apply = (fieldManager: string, colour: string): Promise<unknown> =>
    kube.patch(
      `${configMaps}/applied`,
      { ...object, data: { colour } },
      { type: "apply", query: { fieldManager } },
    );
  expect(await apply("one", "blue")).toMatchObject({ data: { colour: "blue" } });
  const conflict = await rejection(apply("two", "green"));
  expect(conflict).toBeInstanceOf(entry.ApiError);
  expect(conflict).toMatchObject({
    status: 409,
    reason: "Conflict",
    causes: [
      {
        reason: "FieldManagerConflict",
        message: 'conflict with "one"',
        field: ".data.colour",
      },
    ],
  });
});

test("an error response is an ApiError with the server's reason, details and causes", async () => {
  const { kube, namespace, name, configMaps } = await scene();
  const secrets = await rejection(kube.get(`/api/v1/namespaces/${namespace}/secrets`));
  expect(secrets).toBeInstanceOf(entry.ApiError);
  expect(secrets).toMatchObject({ status: 403, reason: "Forbidden", details: { kind: "secrets" } });
  expect(String(secrets)).toContain(`system:serviceaccount:${namespace}:${name}`);

  expect(await rejection(kube.get(`${configMaps}/absent`))).toMatchObject({
    status: 404,
    reason: "NotFound",
    details: { name: "absent", kind: "configmaps" },
  });
  expect(await rejection(kube.get("/apis/nothing.example/v1/things"))).toMatchObject({
    status: 403,
    reason: "Forbidden",
  });

  await kube.post(configMaps, { metadata: { name: "twice" } });
  expect(await rejection(kube.post(configMaps, { metadata: { name: "twice" } }))).toMatchObject({
    status: 409,
    reason: "AlreadyExists",
    details: { name: "twice" },
  });

  const wrong = { metadata: { name: "Upper_Case" }, data: { "no space": "" } };
  const invalid = await rejection(kube.post(configMaps, wrong));
  expect(invalid).toMatchObject({ status: 422, reason: "Invalid" });
  expect((invalid as InstanceType<typeof entry.ApiError>).causes).toMatchObject([
    { reason: "FieldValueInvalid", field: "metadata.name" },
    { reason: "FieldValueInvalid", field: "data[no space]" },
  ]);
  expect(await rejection(kube.post(configMaps, "no object"))).toMatchObject({
    status: 400,
    reason: "BadRequest",
  });
});

test("the shortest token that the TokenRequest API grants lives for ten minutes", async () => {
  const { namespace, name } = await scene();
  const identity = await cluster.issueClientCertificate({
    commonName: "admin",
    organizations: ["system:masters"],
  });
  const config = {
    server: cluster.origin,
    ca: entry.staticCaSource(await cluster.servingCa()),
    clientCert: entry.staticClientCertSource({ certificate: identity.cert, key: identity.key }),
  };
  const admin = await entry.connect({ config });
  const path = `/api/v1/namespaces/${namespace}/serviceaccounts/${name}/token`;
  const ask = (expirationSeconds: number): Promise<unknown> =>
    admin.post(path, { spec: { expirationSeconds } });
  try {
    expect(await rejection(ask(SHORTEST_TOKEN_SECONDS - 1))).toMatchObject({
      status: 422,
      causes: [{ field: "spec.expirationSeconds" }],
    });
    expect(await ask(SHORTEST_TOKEN_SECONDS)).toHaveProperty("status.token");
  } finally {
    await admin.close();
  }
});
