/**
 * Tokens and client certificates that are replaced, that expire or that are revoked.
 *
 * @module
 */

import { readFile } from "node:fs/promises";
import { expect, onTestFinished, test } from "vitest";
import type { ClientCertSource, KubeClient, PeerNames } from "../../src/index.ts";
import { entry } from "../contract/support/entry.ts";
import { createPairFiles } from "../contract/support/pair-files.ts";
import { eventually } from "../support/cluster.ts";
import type { IssuedCertificate } from "../support/pki.ts";
import { createProjectedVolume } from "../support/projected-volume.ts";
import { Creator, expectEachOnce } from "./support/config-maps.ts";
import { figure } from "./support/figures.ts";
import { startLoad } from "./support/load.ts";
import { cluster, connect, connectAs, createAccount, rejection, types } from "./support/scene.ts";

const SELF = "/apis/authentication.k8s.io/v1/selfsubjectreviews";
/** Long enough for a few requests. */
const SHORT_LIFE_MS = 4_000;
/** How long kube-apiserver accepts a token after its `exp` (go-jose `jwt.DefaultLeeway`). */
const SERVER_LEEWAY_MS = 60_000;

interface UserInfo {
  readonly username: string;
  readonly groups: readonly string[];
}

async function whoAmI(kube: KubeClient): Promise<UserInfo> {
  const body = { apiVersion: "authentication.k8s.io/v1", kind: "SelfSubjectReview" };
  return (await kube.post<{ status: { userInfo: UserInfo } }>(SELF, body)).status.userInfo;
}

async function connectWith(clientCert: ClientCertSource) {
  const ca = entry.staticCaSource(await cluster.servingCa());
  return await connect({ config: { server: cluster.origin, ca, clientCert } });
}

/** A user's certificate, valid for a few seconds or for a day. */
async function issue(lifeMs?: number): Promise<IssuedCertificate> {
  return await cluster.issueClientCertificate({
    commonName: "jane",
    organizations: ["developers"],
    ...(lifeMs !== undefined && { notAfter: new Date(Date.now() + lifeMs) }),
  });
}

test("no request fails when a token is replaced and made invalid under load", async () => {
  const account = await createAccount();
  const { kube, events } = await connectAs(account);
  expect(await whoAmI(kube)).toMatchObject({
    username: `system:serviceaccount:${account.namespace}:${account.name}`,
  });
  const creator = new Creator(kube, account);
  const loads = [
    startLoad(8, () => kube.get(`${account.configMaps}?limit=1`)),
    startLoad(4, () => creator.create()),
  ];
  await account.rotateToken();
  await Promise.all(loads.map((load) => load.more()));
  await Promise.all(loads.map((load) => load.stop()));

  const failures = loads.flatMap((load) => load.failures);
  await figure(
    "token replaced: requests",
    loads.reduce((sum, { done }) => sum + done, 0),
  );
  await figure("token replaced: failed", failures.length);
  expect(failures).toEqual([]);
  expect(types(events).filter((type) => type === "token-reloaded")).toHaveLength(1);
  const retries = events.filter(
    (event) => event.type === "retry" && event.reason === "unauthorized",
  );
  expect(retries.length).toBeGreaterThan(0);
  expect(creator.created).toHaveLength(creator.asked);
  await expectEachOnce(cluster, account, creator);
  await figure("token replaced: repeated after a 401", retries.length);
});

test("no request fails when a token reaches its exp under load, if its file was replaced", async () => {
  const [replaced, late] = await Promise.all([createAccount(), createAccount()]);
  // A server accepts a token for one more minute, because clocks differ. That minute is about to end for this
  // token.
  const expiresAt = new Date(Date.now() - SERVER_LEEWAY_MS + SHORT_LIFE_MS);
  const [first, other] = await Promise.all([
    replaced.signToken(expiresAt),
    late.signToken(expiresAt),
  ]);
  await replaced.volume.write({ token: first });
  await late.volume.write({ token: other });
  const { kube, events } = await connectAs(replaced);
  const { kube: lateKube } = await connectAs(late);
  const creator = new Creator(kube, replaced);
  const loads = [
    startLoad(4, () => kube.get(`${replaced.configMaps}?limit=1`)),
    startLoad(2, () => creator.create()),
  ];
  const lateLoad = startLoad(2, () => lateKube.get(`${late.configMaps}?limit=1`));
  await Promise.all([...loads, lateLoad].map((load) => load.more()));
  expect(lateLoad.failures).toEqual([]);
  await replaced.volume.write({ token: await replaced.issueToken() });
  await Promise.all([replaced.refused(first), late.refused(other)]);

  await Promise.all([...loads, lateLoad].map((load) => load.more()));
  const failures = loads.flatMap((load) => load.failures);
  expect(failures).toEqual([]);
  expect(types(events).filter((type) => type === "token-reloaded")).toHaveLength(1);
  expect(lateLoad.failures.length).toBeGreaterThan(0);
  for (const error of lateLoad.failures) expect(error).toMatchObject({ status: 401 });

  await late.volume.write({ token: await late.issueToken() });
  const failedUntilThen = lateLoad.failures.length;
  await lateLoad.more();
  // Each loop may have one request in flight that read the file before.
  expect(lateLoad.failures.length - failedUntilThen).toBeLessThanOrEqual(2);
  const failedInAll = lateLoad.failures.length;
  await lateLoad.more();
  await Promise.all([...loads, lateLoad].map((load) => load.stop()));
  expect(lateLoad.failures).toHaveLength(failedInAll);

  expect(creator.created).toHaveLength(creator.asked);
  await expectEachOnce(cluster, replaced, creator);
  await figure(
    "token expired: requests",
    loads.reduce((sum, { done }) => sum + done, 0),
  );
  await figure("token expired: failed", failures.length);
  await figure("token expired, file late: failed until the file changed", failedInAll);
});

test("a revoked service account causes an ApiError after one reload of its token", async () => {
  const account = await createAccount();
  let reads = 0;
  const token = entry.functionTokenSource(async () => {
    reads += 1;
    return await readFile(account.volume.tokenFile, "utf8");
  });
  const ca = entry.staticCaSource(await cluster.servingCa());
  const { kube, events } = await connect({ config: { server: cluster.origin, ca, token } });
  await kube.get(account.configMaps);
  expect(reads).toBe(1);
  await account.revoke();

  const startedAt = performance.now();
  const error = await rejection(kube.get(account.configMaps));
  expect(error).toBeInstanceOf(entry.ApiError);
  expect(error).toMatchObject({ status: 401, reason: "Unauthorized" });
  expect(reads).toBe(2);
  expect(types(events)).not.toContain("retry");
  expect(performance.now() - startedAt).toBeLessThan(2_000);
});

test("a client certificate authenticates its subject until it expires, and then gets a 401", async () => {
  const { cert, key } = await issue(SHORT_LIFE_MS);
  const { kube } = await connectWith(entry.staticClientCertSource({ certificate: cert, key }));
  const user = await whoAmI(kube);
  expect(user.username).toBe("jane");
  expect(user.groups).toContain("developers");

  let error: unknown;
  await eventually("the certificate has expired", async () => {
    error = await whoAmI(kube).then(
      () => undefined,
      (cause: unknown) => cause,
    );
    return error !== undefined;
  });
  expect(error).toBeInstanceOf(entry.ApiError);
  expect(error).toMatchObject({ status: 401, reason: "Unauthorized" });
});

test("no request fails when the file of a client certificate is replaced in time", async () => {
  const first = await issue(SHORT_LIFE_MS);
  const expiresAt = Date.now() + SHORT_LIFE_MS;
  const files = await createPairFiles(first);
  const { kube, events } = await connectWith(entry.fileClientCertSource(files.paths));
  const load = startLoad(8, () => whoAmI(kube));
  await load.more();
  await files.write(await issue());
  await eventually("the first certificate has expired", async () => Date.now() > expiresAt + 500);
  await load.more();
  await load.stop();
  await figure("client certificate replaced: requests", load.done);
  await figure("client certificate replaced: failed", load.failures.length);
  expect(load.failures).toEqual([]);
  expect(types(events)).toContain("client-cert-reloaded");
});

test("a credential bundle that is renewed is who the newest one says, and fails no request", async () => {
  const bundle = async (): Promise<string> => {
    const { cert, key } = await issue();
    return key + cert;
  };
  const volume = await createProjectedVolume({ token: await bundle() });
  onTestFinished(() => volume.remove());
  const source = entry.fileClientCertSource(volume.tokenFile, { reloadIntervalMs: 0 });
  const { kube, events } = await connectWith(source);
  const load = startLoad(8, async () => {
    expect((await whoAmI(kube)).username).toBe("jane");
  });
  for (let renewal = 0; renewal < 3; renewal += 1) {
    await load.more();
    await volume.write({ token: await bundle() });
  }
  await load.more();
  await load.stop();
  expect(load.failures).toEqual([]);
  expect(types(events).filter((type) => type === "client-cert-reloaded")).toHaveLength(3);
});

test("serverIdentity decides by the names of the server's certificate", async () => {
  const account = await createAccount();
  const seen: PeerNames[] = [];
  const accept = (names: PeerNames): boolean => {
    seen.push(names);
    return names.ipAddresses.includes("127.0.0.1");
  };
  const { kube } = await connectAs(account, { settings: { serverIdentity: accept } });
  expect(await kube.get("/version")).toHaveProperty("gitVersion");
  expect(seen[0]?.ipAddresses).toContain("127.0.0.1");
  const { kube: refused } = await connectAs(account, { settings: { serverIdentity: () => false } });
  expect(await rejection(refused.get("/version"))).toMatchObject({ reason: "wrong-host" });
});
