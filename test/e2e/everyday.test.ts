/**
 * The verbs of everyday work at a real API server, compared with kubectl's on the same objects.
 *
 * @module
 */

import { describe, expect, onTestFinished, test } from "vitest";
import type { KubeClient } from "../../src/index.ts";
import {
  CertificateSigningRequest,
  ConfigMap,
  ControllerRevision,
  Deployment,
  type DrainProgress,
  Job,
  Namespace,
  Node,
  Pod,
  ReplicaSet,
  ServiceAccount,
  StatefulSet,
  defineResource,
  encodeBase64,
} from "../../src/resources/index.ts";
import { entry } from "../contract/support/entry.ts";
import { eventually } from "../support/cluster.ts";
import { createCertificateRequest } from "../support/pki.ts";
import { connectAdmin } from "./support/admin.ts";
import {
  allowDisruptions,
  createBudget,
  createPodToDrain,
  ownedBy,
  podNames,
} from "./support/drain-scene.ts";
import { findKubectl } from "./support/kubectl.ts";
import {
  collect,
  createPod,
  createPodAccount,
  createSharedFolder,
  shell,
  useNode,
} from "./support/pods.ts";
import { cluster, connect, connectAs, createAccount, rejection, ways } from "./support/scene.ts";

const kubectl = await findKubectl(cluster);

/** How many writers change one object at the same time. */
const WRITERS = 20;

const node = useNode("translated");

function templateOf(image: string, labels: Record<string, string> = { app: "web" }) {
  return { metadata: { labels }, spec: { containers: [{ name: "main", image }] } };
}

/** The result of a Deployment's controller after two changes. */
async function createDeployment(kube: KubeClient, name: string): Promise<void> {
  const selector = { matchLabels: { app: name } };
  const template = (image: string, labels = {}) => templateOf(image, { app: name, ...labels });
  const { metadata } = await kube.resource(Deployment).create({
    metadata: { name, annotations: { mine: "2", "deployment.kubernetes.io/revision": "2" } },
    spec: { replicas: 0, selector, template: template("two") },
  });
  for (const [at, image] of ["one", "two"].entries()) {
    const hash = { "pod-template-hash": image };
    await kube.resource(ReplicaSet).create({
      metadata: {
        name: `${name}-${image}`,
        labels: { app: name, ...hash },
        annotations: { "deployment.kubernetes.io/revision": `${at + 1}`, mine: `${at + 1}` },
        ownerReferences: ownedBy("Deployment", name, metadata.uid),
      },
      spec: {
        replicas: 0,
        selector: { matchLabels: { app: name, ...hash } },
        template: template(image, hash),
      },
    });
  }
}

/** The result of a StatefulSet's controller after two changes. */
async function createStatefulSet(kube: KubeClient, name: string): Promise<void> {
  const { metadata } = await kube.resource(StatefulSet).create({
    metadata: { name },
    spec: {
      replicas: 0,
      serviceName: name,
      selector: { matchLabels: { app: name } },
      template: templateOf("two", { app: name }),
    },
  });
  for (const [at, image] of ["one", "two"].entries()) {
    await kube.resource(ControllerRevision).create({
      metadata: {
        name: `${name}-${image}`,
        labels: { app: name },
        ownerReferences: ownedBy("StatefulSet", name, metadata.uid),
      },
      revision: at + 1,
      data: { spec: { template: { ...templateOf(image, { app: name }), $patch: "replace" } } },
    });
  }
}

async function connectWithAccount(settings: object): Promise<KubeClient> {
  const kube = await connectAdmin(settings);
  await kube.resource(ServiceAccount).create({ metadata: { name: "default" } });
  return kube;
}

describe.each(ways)("$way", ({ settings }) => {
  test("find() returns undefined only for an unknown name, and throws for an unknown kind", async () => {
    const kube = await connectAdmin(settings);
    const maps = kube.resource(ConfigMap);
    await maps.create({ metadata: { name: "a" } });
    expect((await maps.find("a"))?.metadata.name).toBe("a");
    expect(await maps.find("b")).toBeUndefined();
    expect(await maps.metadata.find("b")).toBeUndefined();
    expect(await kube.resource(Namespace).find("nowhere")).toBeUndefined();
    expect(await kube.resource(ConfigMap, { namespace: "nowhere" }).find("a")).toBeUndefined();
    const Unknown = defineResource({
      group: "nobody.example.com",
      version: "v1",
      kind: "Unknown",
      plural: "unknowns",
      namespaced: true,
    });
    expect(await rejection(kube.resource(Unknown).find("a"))).toMatchObject({ status: 404 });
  });

  test("update() loses no change among many writers", async () => {
    const kube = await connectAdmin(settings);
    const maps = kube.resource(ConfigMap);
    await maps.create({ metadata: { name: "visits" }, data: { count: "0" } });
    await Promise.all(
      Array.from({ length: WRITERS }, async (_, writer) => {
        await maps.update("visits", (map) => {
          const count = String(Number(map.data?.["count"]) + 1);
          map.data = { ...map.data, count, [`writer-${writer}`]: "was here" };
        });
      }),
    );
    const { data = {} } = await maps.get("visits");
    expect(data["count"]).toBe(String(WRITERS));
    expect(Object.keys(data)).toHaveLength(WRITERS + 1);
  });

  test("metadata and field selectors work as on the server, and so does watch() without the initial list", async () => {
    const kube = await connectAdmin(settings);
    const maps = kube.resource(ConfigMap);
    for (const name of ["a", "b", "c"]) {
      await maps.create({ metadata: { name, labels: { of: name } }, data: { secret: "x" } });
    }
    const fieldSelector = { "metadata.name": { not: ["a", "b"] } } as const;
    expect((await maps.list({ fieldSelector })).items.map(({ metadata }) => metadata.name)).toEqual(
      ["c"],
    );
    const partial = await maps.metadata.get("a");
    expect(partial).toMatchObject({ metadata: { name: "a", labels: { of: "a" } } });
    expect(partial).not.toHaveProperty("data");

    const informer = maps.metadata.informer();
    await informer.synced();
    expect(informer.size).toBe(3);
    await cluster.cutConnections();
    await maps.patch("b", { metadata: { labels: { of: "d" } } });
    await expect
      .poll(() => informer.get("b")?.metadata.labels?.["of"], { timeout: 60_000 })
      .toBe("d");
    expect(informer.get("b")).not.toHaveProperty("data");
    await informer.stop();

    const watch = maps.watch({ initial: false });
    const seen: string[] = [];
    const watching = (async () => {
      for await (const event of watch) {
        if (event.type === "synced") {
          await maps.delete("c");
          continue;
        }
        seen.push(`${event.type} ${event.object.metadata.name}`);
        return;
      }
    })();
    await watching;
    expect(seen).toEqual(["deleted c"]);
  });

  test("table() returns the columns and cells that kubectl get prints", async () => {
    const kube = await connectAdmin(settings);
    await createDeployment(kube, "web");
    const { columnDefinitions, rows } = await kube.resource(Deployment).table();
    const shown = columnDefinitions.flatMap(({ priority }, at) => (priority === 0 ? [at] : []));
    const names = shown.map((at) => columnDefinitions[at]?.name.toUpperCase());
    const cells = rows.map((row) => shown.map((at) => String(row.cells[at])));
    expect(cells[0]?.[0]).toBe("web");
    if (kubectl === undefined) return;
    const { stdout } = await kubectl(kube.namespace, ["get", "deployments"]);
    const [heading = "", line = ""] = stdout.split("\n");
    expect(names).toEqual(heading.trim().split(/ {2,}/));
    // The age keeps changing.
    expect(cells[0]?.slice(0, -1)).toEqual(line.trim().split(/\s+/).slice(0, -1));
  });

  test("subresources are written by their own verbs", async () => {
    const kube = await connectWithAccount(settings);
    await createPodToDrain(kube, { nodeName: node().name, name: "pod" });
    const pods = kube.resource(Pod);
    await pods.ephemeralcontainers.patch(
      "pod",
      { spec: { ephemeralContainers: [{ name: "debug", image: "none" }] } },
      { type: "strategic" },
    );
    expect((await pods.get("pod")).spec?.ephemeralContainers?.[0]?.name).toBe("debug");
    const resized = {
      spec: { containers: [{ name: "main", resources: { requests: { cpu: "20m" } } }] },
    };
    // The stand-in for a node can't resize. Only this subresource reports that.
    const refused = await rejection(pods.resize.patch("pod", resized, { type: "strategic" }));
    expect(refused).toMatchObject({
      status: 422,
      message: expect.stringContaining("without support for resize") as string,
    });

    await pods.create({
      metadata: { name: "unbound" },
      spec: { serviceAccountName: "default", containers: [{ name: "main", image: "none" }] },
    });
    await pods.binding.create("unbound", {
      metadata: { name: "unbound" },
      target: { kind: "Node", name: node().name },
    });
    expect((await pods.get("unbound")).spec?.nodeName).toBe(node().name);

    const { status } = await kube
      .resource(ServiceAccount)
      .token.create("default", { spec: { audiences: ["vault"], expirationSeconds: 600 } });
    expect(status?.token?.split(".")).toHaveLength(3);

    const namespaces = kube.resource(Namespace);
    const name = `finalized-${crypto.randomUUID().slice(0, 8)}`;
    const created = await namespaces.create({ metadata: { name } });
    await namespaces.delete(name);
    const { metadata } = await namespaces.get(name);
    await namespaces.finalize.replace({ ...created, metadata, spec: { finalizers: [] } });
    await namespaces.waitForDeleted(name);
  });

  test("undo() and restart() leave a workload in the same state as kubectl's", async () => {
    const kube = await connectAdmin(settings);
    const deployments = kube.resource(Deployment);
    const sets = kube.resource(StatefulSet);
    for (const name of ["mine", "theirs"]) {
      await createDeployment(kube, name);
      await createStatefulSet(kube, name);
    }
    // Only the names differ.
    const plain = (object: { spec?: unknown; metadata: { annotations?: unknown } }): unknown =>
      JSON.parse(
        JSON.stringify([object.spec, object.metadata.annotations])
          .replaceAll("theirs", "mine")
          .replaceAll(/("kubectl.kubernetes.io\/restartedAt":)"[^"]+"/g, "$1null"),
      );
    const imageOf = ({ spec }: Deployment | StatefulSet) =>
      spec?.template.spec?.containers[0]?.image;

    expect(await rejection(deployments.undo("mine", { toRevision: 7 }))).toMatchObject({
      name: "RolloutError",
    });
    expect(imageOf(await deployments.undo("mine"))).toBe("one");
    expect(imageOf(await sets.undo("mine"))).toBe("one");
    await deployments.restart("mine");
    await sets.restart("mine");
    if (kubectl === undefined) return;
    for (const kind of ["deployment", "statefulset"]) {
      for (const verb of ["undo", "restart"]) {
        const { code, stderr } = await kubectl(kube.namespace, ["rollout", verb, `${kind}/theirs`]);
        expect(code, stderr).toBe(0);
      }
    }
    expect(plain(await deployments.get("mine"))).toEqual(plain(await deployments.get("theirs")));
    expect(plain(await sets.get("mine"))).toEqual(plain(await sets.get("theirs")));

    // undo() returns to what kubectl has written, or finds that it is already there.
    const before = await deployments.get("theirs");
    expect(imageOf(await deployments.undo("theirs", { toRevision: 2 }))).toBe("two");
    const again = await deployments.undo("theirs", { toRevision: 2 });
    expect(again.metadata.generation).toBe((before.metadata.generation ?? 0) + 1);
  });

  test("rolledOut() reports what is missing until it is done, as kubectl rollout status does", async () => {
    const kube = await connectAdmin(settings);
    const deployments = kube.resource(Deployment);
    await createDeployment(kube, "web");
    const { metadata } = await deployments.scale
      .patch("web", { spec: { replicas: 3 } })
      .then(async () => await deployments.get("web"));
    const observedGeneration = metadata.generation ?? 0;
    const half = { observedGeneration, replicas: 3, updatedReplicas: 2, readyReplicas: 2 };
    await deployments.status.patch("web", { status: half });
    const told: string[] = [];
    const done = deployments.rolledOut("web", { onProgress: (text) => void told.push(text) });
    await eventually("it says what is missing", async () => told.length > 0);
    expect(told).toEqual(["2 of 3 replicas are updated"]);
    const full = { ...half, updatedReplicas: 3, availableReplicas: 3, readyReplicas: 3 };
    await deployments.status.patch("web", { status: full });
    await done;
    if (kubectl === undefined) return;
    const { code } = await kubectl(kube.namespace, ["rollout", "status", "deployment/web"]);
    expect(code).toBe(0);
  });

  test("can() and whoAmI() answer as kubectl auth does, for an account with few rights", async () => {
    const account = await createPodAccount();
    const { kube } = await connectAs(account, { settings });
    const user = `system:serviceaccount:${account.namespace}:${account.name}`;
    const { username, groups } = await kube.whoAmI();
    expect(username).toBe(user);
    expect(groups).toContain("system:serviceaccounts");
    const questions = [
      { verb: "get", resource: "pods" },
      { verb: "get", resource: "pods", subresource: "log" },
      { verb: "delete", resource: "pods", namespace: "*" },
      { verb: "list", resource: "nodes" },
      { verb: "get", resource: "secrets", name: "a" },
      { verb: "get", path: "/healthz" },
      { verb: "get", path: "/metrics" },
    ] as const;
    const answers = await Promise.all(questions.map(async (question) => await kube.can(question)));
    expect(answers).toEqual([true, true, false, false, false, true, false]);
    expect(await kube.can({ verb: "create", resource: Pod })).toBe(true);
    if (kubectl === undefined) return;
    const as = [`--as=${user}`, "--as-group=system:authenticated"];
    const theirs = await Promise.all(
      questions.map(async (question) => {
        const what =
          "path" in question
            ? [question.path]
            : [
                "name" in question ? `${question.resource}/${question.name}` : question.resource,
                ...("subresource" in question ? [`--subresource=${question.subresource}`] : []),
                ...("namespace" in question ? ["--all-namespaces"] : []),
              ];
        const args = ["auth", "can-i", question.verb, ...what, ...as];
        return (await kubectl(account.namespace, args)).stdout.trim() === "yes";
      }),
    );
    expect(theirs).toEqual(answers);
    const whoAmI = await kubectl(account.namespace, ["auth", "whoami", "-ojson", ...as]);
    expect(JSON.parse(whoAmI.stdout)).toMatchObject({ status: { userInfo: { username } } });
  });

  test("approval approves a certificate signing request, and denies another, as kubectl certificate does", async () => {
    const kube = await connectAdmin(settings);
    const requests = kube.resource(CertificateSigningRequest);
    async function request(name: string): Promise<string> {
      const { metadata } = await requests.create({
        metadata: { name: `${name}-${kube.namespace}` },
        spec: {
          request: encodeBase64(await createCertificateRequest("web")),
          signerName: "kubernetes.io/kube-apiserver-client",
          usages: ["client auth"],
        },
      });
      onTestFinished(async () => void (await requests.delete(metadata.name)));
      return metadata.name;
    }
    const stateOf = async (name: string) =>
      (await requests.approval.get(name)).status?.conditions?.map(({ type, status }) => [
        type,
        status,
      ]);
    const kubectlVerbs = { Approved: "approve", Denied: "deny" } as const;
    for (const type of ["Approved", "Denied"] as const) {
      const name = await request(type.toLowerCase());
      const conditions = [{ type, status: "True", reason: "Checked", message: "by a test" }];
      // The status alone can't say so.
      const refused = await rejection(requests.status.patch(name, { status: { conditions } }));
      expect(refused).toMatchObject({ status: 422 });
      const approved = await requests.approval.patch(name, { status: { conditions } });
      expect(approved.status?.conditions).toMatchObject(conditions);
      expect(await stateOf(name)).toEqual([[type, "True"]]);
      if (kubectl === undefined) continue;
      const theirs = await request(`their-${type.toLowerCase()}`);
      const { code, stderr } = await kubectl(kube.namespace, [
        "certificate",
        kubectlVerbs[type],
        theirs,
      ]);
      expect(code, stderr).toBe(0);
      expect(await stateOf(theirs)).toEqual(await stateOf(name));
    }
  });

  test("logs() of a Job has the lines of its pods, and follows them until it has ended", async () => {
    const account = await createPodAccount();
    const kube = await connectAdmin(settings);
    const jobs = kube.resource(Job, { namespace: account.namespace });
    const folder = await createSharedFolder();
    const { metadata, spec } = await jobs.create({
      metadata: { name: "report" },
      spec: { template: { spec: { ...templateOf("none").spec, restartPolicy: "Never" } } },
    });
    // The server itself has made the selector.
    const labels = spec?.selector?.matchLabels ?? {};
    expect(Object.values(labels)).toEqual([metadata.uid]);
    await createPod(account, node(), {
      name: "report-1",
      labels,
      containers: [{ command: shell("echo one", folder.waitFor("end"), "echo two") }],
    });
    const lines: string[] = [];
    const following = (async () => {
      for await (const line of jobs.logs("report", { follow: true })) lines.push(line);
    })();
    await eventually("the first line is read", async () => lines.length > 0);
    await folder.open("end");
    await eventually("both are read", async () => lines.length > 1);
    const time = new Date(Date.now() - 1_000).toISOString().replace(/\.\d+/, "");
    const condition = (type: string) => ({ type, status: "True", lastTransitionTime: time });
    await jobs.status.patch("report", {
      status: {
        startTime: time,
        completionTime: time,
        succeeded: 1,
        conditions: [condition("SuccessCriteriaMet"), condition("Complete")],
      },
    });
    await following;
    const expected = ["one", "two"].map((line) => `[pod/report-1/main] ${line}`);
    expect(lines).toEqual(expected);
    expect(await collect(jobs.logs("report"))).toEqual(expected);
    if (kubectl === undefined) return;
    const { stdout } = await kubectl(account.namespace, ["logs", "--prefix", "job/report"]);
    expect(stdout.trimEnd().split("\n")).toEqual(expected);
  });

  test("approval, top() and an account without rights throw the server's own errors", async () => {
    const kube = await connectAdmin(settings);
    const requests = kube.resource(CertificateSigningRequest);
    expect(await rejection(requests.approval.patch("nobody", { status: {} }))).toMatchObject({
      reason: "NotFound",
    });
    expect(await rejection(kube.resource(Node).top())).toMatchObject({ status: 404 });
    const limited = await connectAs(await createAccount(), { settings });
    const nodes = limited.kube.resource(Node);
    expect(await rejection(nodes.drain(node().name))).toMatchObject({ status: 403 });
    expect(await rejection(nodes.cordon(node().name))).toMatchObject({ status: 403 });
    expect((await kube.resource(Node).get(node().name)).spec?.unschedulable).toBeUndefined();
  });

  test("serviceAccountTokenSource() authenticates, like the token of kubectl create token", async () => {
    const kube = await connectWithAccount(settings);
    const token = entry.serviceAccountTokenSource(kube, { name: "default" });
    const ca = entry.staticCaSource(await cluster.servingCa());
    const config = { server: cluster.origin, ca, token, namespace: kube.namespace };
    const other = await connect({ config, ...settings });
    const username = `system:serviceaccount:${kube.namespace}:default`;
    expect((await other.kube.whoAmI()).username).toBe(username);
    if (kubectl === undefined) return;
    const { stdout } = await kubectl(kube.namespace, ["create", "token", "default"]);
    const claims = (text: string): object => {
      const [, payload = ""] = text.split(".");
      const { iss, aud, sub } = JSON.parse(Buffer.from(payload, "base64url").toString()) as Record<
        string,
        unknown
      >;
      return { iss, aud, sub };
    };
    expect(claims(await token.current())).toEqual(claims(stdout.trim()));
  });

  test("logs() of a workload returns the lines of kubectl logs --all-pods", async () => {
    const account = await createPodAccount();
    const { kube } = await connectAs(account, { settings });
    const labels = { app: "web" };
    await cluster.admin("POST", `/apis/apps/v1/namespaces/${account.namespace}/deployments`, {
      metadata: { name: "web" },
      spec: { replicas: 2, selector: { matchLabels: labels }, template: templateOf("none") },
    });
    for (const name of ["web-1", "web-2"]) {
      const command = shell(`echo from ${name}`, `echo more`);
      await createPod(account, node(), { name, labels, containers: [{ command }] });
    }
    const admin = await connectAdmin(settings);
    const deployments = admin.resource(Deployment, { namespace: account.namespace });
    const expected = ["from web-1", "more"].map((line) => `[pod/web-1/main] ${line}`);
    expected.push(...["from web-2", "more"].map((line) => `[pod/web-2/main] ${line}`));
    await eventually("all is written", async () => {
      return (await collect(deployments.logs("web"))).length === expected.length;
    });
    expect(await collect(deployments.logs("web"))).toEqual(expected);
    expect(await collect(kube.resource(Pod).logs("web-1"))).toEqual(["from web-1", "more"]);
    if (kubectl === undefined) return;
    const args = ["logs", "--prefix", "-lapp=web"];
    const { stdout } = await kubectl(account.namespace, args);
    expect(stdout.trimEnd().split("\n").toSorted()).toEqual(expected.toSorted());
  });

  test("drain() rejects the pods that kubectl drain rejects, and keeps those that it keeps", async () => {
    const nodes = new Map<string, readonly [string[], string[]]>();
    for (const by of kubectl === undefined ? ["reanchor"] : ["reanchor", "kubectl"]) {
      const kube = await connectWithAccount(settings);
      await kube.resource(Deployment).create({
        metadata: { name: "owner" },
        spec: {
          replicas: 0,
          selector: { matchLabels: { app: "x" } },
          template: templateOf("x", { app: "x" }),
        },
      });
      await createPodToDrain(kube, { nodeName: node().name, name: "managed", owner: "ReplicaSet" });
      await createPodToDrain(kube, {
        nodeName: node().name,
        name: "local",
        owner: "ReplicaSet",
        emptyDir: true,
      });
      await createPodToDrain(kube, { nodeName: node().name, name: "alone" });
      await createPodToDrain(kube, { nodeName: node().name, name: "orphan", owner: "DaemonSet" });
      await createPodToDrain(kube, {
        nodeName: node().name,
        name: "kept",
        labels: { keep: "yes" },
      });
      // Pods of other tests are on the node, in namespaces that are being deleted.
      const labelSelector = `scene=${kube.namespace},!keep`;
      let rejected: string[];
      if (by === "reanchor" || kubectl === undefined) {
        const error = (await rejection(
          kube.resource(Node).drain(node().name, { labelSelector }),
        )) as { pods: { namespace: string; name: string }[] };
        rejected = error.pods
          .filter(({ namespace }) => namespace === kube.namespace)
          .map(({ name }) => name);
        expect(await podNames(kube)).toHaveLength(5);
        await kube.resource(Node).drain(node().name, {
          labelSelector,
          force: true,
          deleteEmptyDirData: true,
          timeoutMs: 100_000,
        });
      } else {
        const args = ["drain", node().name, `--pod-selector=${labelSelector}`];
        const { stderr } = await kubectl(kube.namespace, args);
        const found = stderr.matchAll(new RegExp(`(?:${kube.namespace}/)([a-z]+)`, "g"));
        rejected = [...new Set(Array.from(found, ([, name = ""]) => name))];
        expect(await podNames(kube)).toHaveLength(5);
        const all = [...args, "--force", "--delete-emptydir-data", "--timeout=100s"];
        const result = await kubectl(kube.namespace, all);
        expect(result.code, result.stderr).toBe(0);
      }
      expect((await kube.resource(Node).get(node().name)).spec?.unschedulable).toBe(true);
      nodes.set(by, [rejected.toSorted(), await podNames(kube)]);
      const { spec } = await kube.resource(Node).uncordon(node().name);
      expect(spec?.unschedulable).toBeUndefined();
      await kube.resource(Pod).delete("kept");
      await kube.resource(Pod).waitForDeleted("kept");
    }
    expect(nodes.get("reanchor")).toEqual([["alone", "local", "orphan"], ["kept"]]);
    if (kubectl !== undefined) expect(nodes.get("kubectl")).toEqual(nodes.get("reanchor"));
  });

  test("drain() waits for a disruption budget, and keeps a new pod with the name of one that it evicted", async () => {
    const kube = await connectWithAccount(settings);
    const pods = kube.resource(Pod);
    const labels = { app: "web" };
    for (const name of ["first", "second"]) {
      await createPodToDrain(kube, { nodeName: node().name, name, owner: "ReplicaSet", labels });
    }
    await createBudget(kube);
    if (kubectl !== undefined) {
      const args = ["drain", node().name, "--pod-selector=app=web", "--timeout=1s"];
      const { code, stderr } = await kubectl(kube.namespace, args);
      expect(code).toBe(1);
      expect(stderr).toContain("violate the pod's disruption budget");
    }
    const steps: DrainProgress[] = [];
    const drained = kube.resource(Node).drain(node().name, {
      labelSelector: labels,
      timeoutMs: 120_000,
      onProgress: (step) => void steps.push(step),
    });
    const hasTold = (type: string, name: string) => async () =>
      steps.some((step) => step.type === type && step.name === name);
    await eventually("first is blocked", hasTold("blocked", "first"));
    await eventually("second is blocked", hasTold("blocked", "second"));
    await pods.delete("first");
    await pods.waitForDeleted("first");
    await createPodToDrain(kube, {
      nodeName: node().name,
      name: "first",
      owner: "ReplicaSet",
      labels,
    });
    await eventually("the first one is gone", hasTold("gone", "first"));
    await allowDisruptions(kube, 1);
    const result = await drained;
    const names = ["first", "second"].map((name) => `${kube.namespace}/${name}`);
    expect([...result.drained].toSorted()).toEqual(names);
    expect(await podNames(kube)).toEqual(["first"]);
    await kube.resource(Node).uncordon(node().name);
    await pods.delete("first");
  });

  test("drain() waits in a namespace that is being deleted, until its pods are gone", async () => {
    const kube = await connectWithAccount(settings);
    await createPodToDrain(kube, {
      nodeName: node().name,
      name: "pod",
      owner: "ReplicaSet",
      labels: { of: "ending" },
    });
    await kube.resource(Namespace).delete(kube.namespace);
    const steps: DrainProgress[] = [];
    const drained = kube.resource(Node).drain(node().name, {
      labelSelector: "of=ending",
      timeoutMs: 120_000,
      onProgress: (step) => void steps.push(step),
    });
    await eventually("it is asked to go", async () => steps.length > 0);
    await eventually("it is blocked or gone", async () => steps.length > 1);
    if (steps[1]?.type === "blocked") await kube.resource(Pod).delete("pod");
    expect((await drained).drained).toEqual([`${kube.namespace}/pod`]);
    await kube.resource(Node).uncordon(node().name);
  });
});
