/**
 * The initial and the final state of each recipe of `docs/recipes.md`, which are the same at a real API
 * server and at the model.
 *
 * @module
 */

import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect } from "vitest";
import type { ResourceDefinition } from "../../../src/api/resource-definition.ts";
import { applyManifests, readManifests } from "../../../src/manifests/index.ts";
import {
  CertificateSigningRequest,
  ConfigMap,
  CustomResourceDefinition,
  DaemonSet,
  Deployment,
  Event,
  Job,
  Lease,
  Node,
  Pod,
  ReplicaSet,
  Secret,
  ServiceAccount,
  defineResource,
  encodeBase64,
} from "../../../src/resources/index.ts";
import { createCertificateRequest } from "../pki.ts";
import { until } from "../until.ts";
import type { RecipeScene } from "./scene.ts";

/** The context while the program runs. */
export interface Meanwhile {
  /** Its output so far. */
  readonly output: () => string;
  /** Aborts when it has ended. */
  readonly ended: AbortSignal;
}

/** One recipe in one situation. */
export interface Scenario {
  /** The recipe's heading. */
  readonly title: string;
  /** What is special about the situation. */
  readonly situation?: string;
  /** What only a real server has, so that the model can't be asked. */
  readonly needs?: "a kubelet" | "authentication" | "OpenAPI documents" | "strategic merge patches";
  /** The files that it reads. */
  readonly files?: Readonly<Record<string, string>>;
  /** Creates the initial state. Returns replacements for parts of the recipe that differ here. */
  readonly prepare?: (scene: RecipeScene) => Promise<Readonly<Record<string, string>> | void>;
  /** Plays the controllers and kubelets while it runs. */
  readonly meanwhile?: (scene: RecipeScene, running: Meanwhile) => Promise<void>;
  /** Text that its output must contain. */
  readonly output?: readonly (string | RegExp)[];
  /** Whether it runs for ever. It is stopped once its output contains all expected text. */
  readonly goesOn?: boolean;
  /** Whether it ends with an error. */
  readonly fails?: boolean;
  /** Checks the final state. The command beside the recipe leaves the same. */
  readonly after?: (scene: RecipeScene) => Promise<void>;
  /** Why the command beside it is not run at a real server, or its exit code. */
  readonly command?: "goes on" | "has a parent of its own" | "only looks" | number;
}

/** How long a program may take to start on a loaded machine. */
const LIMIT_MS = 120_000;

const labels = { app: "web" };
const containers = [{ name: "main", image: "none" }];
const settings = (colour: string): string =>
  JSON.stringify({
    apiVersion: "v1",
    kind: "ConfigMap",
    metadata: { name: "settings" },
    data: { colour },
  });
const definition = `
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: { name: widgets.example.com }
spec:
  group: example.com
  scope: Namespaced
  names: { kind: Widget, plural: widgets }
  versions:
    - name: v1
      served: true
      storage: true
      schema:
        openAPIV3Schema:
          type: object
          properties:
            spec: { type: object, properties: { size: { type: integer } } }
`;
const widget = `
apiVersion: example.com/v1
kind: Widget
metadata: { name: first }
spec: { size: 3 }
`;

async function createPod({ kube }: RecipeScene, pod: Pod = {}): Promise<void> {
  const { metadata, spec } = pod;
  await kube.resource(Pod).create({
    metadata: { name: "web", labels, ...metadata },
    spec: { automountServiceAccountToken: false, containers, ...spec },
  });
}

/** The name of a request in a scene, whose cluster others share. */
function certificateRequestOf({ namespace }: RecipeScene["kube"]): string {
  return `client-${namespace}`;
}

async function createSettings({ kube }: RecipeScene): Promise<void> {
  const map = { metadata: { name: "settings" }, data: { colour: "blue" } };
  await kube.resource(ConfigMap).apply(map, { fieldManager: "my-program" });
}

const template = (image: string, more = {}) => ({
  metadata: { labels: { ...labels, ...more } },
  spec: { containers: [{ name: "main", image }] },
});

async function createDeployment({ kube }: RecipeScene, replicas = 1): Promise<string> {
  const { metadata } = await kube.resource(Deployment).create({
    metadata: { name: "web", annotations: { "deployment.kubernetes.io/revision": "2" } },
    spec: { replicas, selector: { matchLabels: labels }, template: template("two") },
  });
  return metadata.uid;
}

/** The controller's record of two revisions. */
async function createRevisions({ kube }: RecipeScene, uid: string): Promise<void> {
  for (const [at, image] of ["one", "two"].entries()) {
    const hash = { "pod-template-hash": image };
    await kube.resource(ReplicaSet).create({
      metadata: {
        name: `web-${image}`,
        labels: { ...labels, ...hash },
        annotations: { "deployment.kubernetes.io/revision": `${at + 1}` },
        ownerReferences: [
          { apiVersion: "apps/v1", kind: "Deployment", name: "web", uid, controller: true },
        ],
      },
      spec: {
        replicas: 0,
        selector: { matchLabels: { ...labels, ...hash } },
        template: template(image, hash),
      },
    });
  }
}

async function expectColour({ kube }: RecipeScene, colour: string): Promise<void> {
  expect((await kube.resource(ConfigMap).get("settings")).data?.["colour"]).toBe(colour);
}

async function expectNoPod({ kube }: RecipeScene): Promise<void> {
  expect(await kube.resource(Pod).find("web")).toBeUndefined();
}

/** Ends pods that have a deletion timestamp, as a kubelet does. */
async function endPods({ kube }: RecipeScene, ended: AbortSignal): Promise<void> {
  const pods = kube.resource(Pod);
  await whileRunning(ended, async () => {
    for (const { metadata } of (await pods.list()).items) {
      if (metadata.deletionTimestamp === undefined) continue;
      await pods.delete(metadata.name, { gracePeriodSeconds: 0 });
    }
  });
}

async function whileRunning(ended: AbortSignal, act: () => Promise<void>): Promise<void> {
  while (!ended.aborted) {
    await act();
    await new Promise((resolve) => void setTimeout(resolve, 50));
  }
}

async function createDrained(scene: RecipeScene): Promise<void> {
  const { kube, node } = scene;
  await kube.resource(Node).create({ metadata: { name: node } });
  const { metadata } = await kube.resource(DaemonSet).create({
    metadata: { name: "agent" },
    spec: {
      selector: { matchLabels: { app: "agent" } },
      template: template("x", { app: "agent" }),
    },
  });
  const owner = (kind: string, name: string, uid: string) => ({
    ownerReferences: [{ apiVersion: "apps/v1", kind, name, uid, controller: true }],
  });
  const web = owner("ReplicaSet", "web", crypto.randomUUID());
  const agent = {
    name: "agent",
    labels: { app: "agent" },
    ...owner("DaemonSet", "agent", metadata.uid),
  };
  for (const more of [web, agent]) {
    await createPod(scene, { metadata: more, spec: { nodeName: node, containers } });
  }
}

async function defineWidgets({ kube, group, serveDefinitions }: RecipeScene): Promise<void> {
  const served = new AbortController();
  const serving = serveDefinitions(served.signal);
  const objects = readManifests(definition.replaceAll("example.com", group));
  await applyManifests(kube, objects, { fieldManager: "my-program" });
  served.abort();
  await serving;
}

/** Serves metrics as metrics-server does, from stored objects. */
async function createMetrics({ kube, node, serveDefinitions }: RecipeScene): Promise<void> {
  const kinds = [
    { kind: "NodeMetrics", plural: "nodes", scope: "Cluster" },
    { kind: "PodMetrics", plural: "pods", scope: "Namespaced" },
  ];
  const openAPIV3Schema = { type: "object", "x-kubernetes-preserve-unknown-fields": true };
  const definitions = kube.resource(CustomResourceDefinition);
  const served = new AbortController();
  const serving = serveDefinitions(served.signal);
  const [group, version] = ["metrics.k8s.io", "v1beta1"];
  for (const { kind, plural, scope } of kinds) {
    const name = `${plural}.${group}`;
    await definitions.create({
      metadata: { name, annotations: { "api-approved.kubernetes.io": "unapproved, for a test" } },
      spec: {
        group,
        scope,
        names: { kind, plural },
        versions: [{ name: version, served: true, storage: true, schema: { openAPIV3Schema } }],
      },
    });
    await definitions.waitFor(name, "Established");
  }
  served.abort();
  await serving;
  const sample = { timestamp: "2026-01-01T00:00:00Z", window: "15s" };
  const usage = { cpu: "250m", memory: "64Mi" };
  const measured = (kind: string, plural: string, namespaced: boolean) =>
    kube.resource(defineResource({ group, version, kind, plural, namespaced }));
  await kube.resource(Node).create({ metadata: { name: node } });
  await kube
    .resource(Node)
    .status.patch(node, { status: { allocatable: { cpu: "1", memory: "128Mi" } } });
  await until("metrics are served", async () => {
    return await measured("NodeMetrics", "nodes", false)
      .list()
      .then(
        () => true,
        () => false,
      );
  });
  await measured("NodeMetrics", "nodes", false).create({
    metadata: { name: node },
    ...sample,
    usage,
  } as object);
  await measured("PodMetrics", "pods", true).create({
    metadata: { name: "web" },
    ...sample,
    containers: [{ name: "main", usage }],
  } as object);
}

/** All scenarios, in the order of the recipes. */
export const scenarios: readonly Scenario[] = [
  {
    title: "Get an object",
    async prepare(scene) {
      await createPod(scene);
      await scene.kube.resource(Pod).status.patch("web", { status: { phase: "Running" } });
    },
    output: ["web Running"],
  },
  {
    title: "List with selectors",
    async prepare(scene) {
      await createPod(scene, {
        metadata: { name: "here" },
        spec: { nodeName: scene.node, containers },
      });
      await createPod(scene, { metadata: { name: "elsewhere" } });
    },
    output: [/^1$/m],
  },
  {
    title: "Watch",
    prepare: async (scene) => await createPod(scene),
    output: [/added web/],
    goesOn: true,
    command: "goes on",
  },
  {
    title: "Watch changes only",
    prepare: async (scene) => await createPod(scene),
    async meanwhile(scene, { output }) {
      await until("it watches", () => output().includes("watching"), LIMIT_MS);
      await createPod(scene, { metadata: { name: "late" } });
    },
    output: [/^watching\nadded late/],
    goesOn: true,
    command: "goes on",
  },
  {
    title: "Change a field",
    prepare: createSettings,
    after: async (scene) => await expectColour(scene, "green"),
  },
  {
    title: "Apply on the server",
    files: { "settings.yaml": settings("blue") },
    async after(scene) {
      await expectColour(scene, "blue");
      const { metadata } = await scene.kube.resource(ConfigMap).get("settings");
      expect(metadata.managedFields?.map(({ manager }) => manager)).toEqual(["my-program"]);
    },
  },
  {
    title: "Apply a file",
    files: { "web.yaml": [widget, settings("blue"), definition].join("\n---\n") },
    meanwhile: async (scene, { ended }) => await scene.serveDefinitions(ended),
    output: ["created CustomResourceDefinition widgets", "created Widget first"],
    after: async (scene) => await expectColour(scene, "blue"),
    // kubectl does not wait for the definition.
    command: 1,
  },
  {
    title: "See what a file would change",
    files: { "web.yaml": settings("red") },
    prepare: createSettings,
    output: ['"blue" -> "red"'],
    after: async (scene) => await expectColour(scene, "blue"),
    command: 1,
  },
  {
    title: "Apply a file, and delete what is no longer in it",
    files: { "shop.yaml": settings("blue") },
    async prepare({ kube }) {
      const old = { apiVersion: "v1", kind: "ConfigMap", metadata: { name: "old" } };
      await applyManifests(kube, [old, ...readManifests(settings("red"))], {
        fieldManager: "my-program",
        prune: { applySet: { name: "shop", namespace: kube.namespace } },
      });
    },
    async after(scene) {
      await expectColour(scene, "blue");
      expect(await scene.kube.resource(ConfigMap).find("old")).toBeUndefined();
    },
    command: "has a parent of its own",
  },
  {
    title: "Delete the objects of a file",
    files: { "web.yaml": settings("blue") },
    prepare: createSettings,
    async after({ kube }) {
      expect(await kube.resource(ConfigMap).find("settings")).toBeUndefined();
    },
  },
  {
    title: "Delete and wait",
    prepare: async (scene) => await createPod(scene),
    after: expectNoPod,
  },
  {
    title: "Scale",
    prepare: async (scene) => void (await createDeployment(scene)),
    async after({ kube }) {
      expect((await kube.resource(Deployment).get("web")).spec?.replicas).toBe(3);
    },
  },
  {
    title: "Restart a rollout",
    prepare: async (scene) => void (await createDeployment(scene)),
    async after({ kube }) {
      const { spec } = await kube.resource(Deployment).get("web");
      const name = "kubectl.kubernetes.io/restartedAt";
      expect(spec?.template.metadata?.annotations?.[name]).toMatch(/^\d{4}-/);
    },
  },
  {
    title: "Wait for a rollout",
    async prepare(scene) {
      await createDeployment(scene, 3);
      const deployments = scene.kube.resource(Deployment);
      const { generation = 1 } = (await deployments.get("web")).metadata;
      const replicas = { replicas: 3, updatedReplicas: 2, readyReplicas: 2, availableReplicas: 2 };
      const status = { observedGeneration: generation, ...replicas };
      await deployments.status.patch("web", { status });
    },
    async meanwhile({ kube }, { output }) {
      await until("it says what is missing", () => /2 (out )?of 3/.test(output()), LIMIT_MS);
      const status = { updatedReplicas: 3, readyReplicas: 3, availableReplicas: 3 };
      await kube.resource(Deployment).status.patch("web", { status });
    },
    output: ["2 of 3 replicas are updated"],
  },
  {
    title: "Undo a rollout",
    prepare: async (scene) => await createRevisions(scene, await createDeployment(scene, 0)),
    async after({ kube }) {
      const { spec } = await kube.resource(Deployment).get("web");
      expect(spec?.template.spec?.containers[0]?.image).toBe("one");
    },
  },
  {
    title: "Read, change and write an object",
    prepare: createSettings,
    after: async (scene) => await expectColour(scene, "green"),
  },
  { title: "Get an object that may not exist", output: ["undefined"] },
  {
    title: "Get an object that may not exist",
    situation: "it exists",
    prepare: createSettings,
    output: ["blue"],
  },
  {
    title: "Evict a pod",
    files: {
      "eviction.json": JSON.stringify({
        apiVersion: "policy/v1",
        kind: "Eviction",
        metadata: { name: "web" },
      }),
    },
    prepare: async (scene) => await createPod(scene),
    after: expectNoPod,
  },
  {
    title: "Cordon a node",
    prepare: async ({ kube, node }) => {
      await kube.resource(Node).create({ metadata: { name: node } });
    },
    async after({ kube, node }) {
      expect((await kube.resource(Node).get(node)).spec?.unschedulable).toBe(true);
    },
  },
  {
    title: "Drain a node",
    prepare: createDrained,
    meanwhile: async (scene, { ended }) => await endPods(scene, ended),
    output: ["1 pods are gone"],
    async after(scene) {
      await expectNoPod(scene);
      expect(await scene.kube.resource(Pod).find("agent")).toBeDefined();
      const { spec } = await scene.kube.resource(Node).get(scene.node);
      expect(spec?.unschedulable).toBeUndefined();
    },
  },
  {
    title: "Follow a log",
    prepare: async (scene) => await scene.runPod({ name: "web", lines: ["one", "two"] }),
    output: ["one\ntwo\n"],
  },
  {
    title: "Follow the logs of all pods of a Deployment",
    async prepare(scene) {
      await createDeployment(scene, 2);
      for (const name of ["web-a", "web-b"]) {
        await scene.runPod({ name, labels, lines: [`from ${name}`] });
      }
    },
    async meanwhile({ kube }, { output }) {
      await until(
        "both have written",
        () => /from web-a[^]*from web-b|b[^]*web-a/.test(output()),
        LIMIT_MS,
      );
      await kube.resource(Deployment).delete("web");
    },
    output: ["[pod/web-a/main] from web-a", "[pod/web-b/main] from web-b"],
    command: "goes on",
  },
  {
    title: "Logs of a Job",
    async prepare(scene) {
      await scene.kube.resource(Job).create({
        metadata: { name: "report" },
        spec: {
          manualSelector: true,
          selector: { matchLabels: labels },
          template: {
            metadata: { labels },
            spec: { restartPolicy: "Never", containers },
          },
        },
      });
      await scene.runPod({ name: "report-1", labels, lines: ["one", "two"] });
    },
    output: ["one\ntwo\n"],
  },
  {
    title: "Run a command in a pod",
    needs: "a kubelet",
    prepare: async (scene) => await scene.runPod({ name: "web" }),
    output: [/^v\d+\./m],
  },
  {
    title: "Debug a pod",
    needs: "strategic merge patches",
    prepare: async (scene) => await createPod(scene),
    async after({ kube }) {
      const { spec } = await kube.resource(Pod).get("web");
      expect(spec?.ephemeralContainers).toMatchObject([
        { image: "busybox", targetContainerName: "main" },
      ]);
    },
  },
  {
    title: "Copy files",
    needs: "a kubelet",
    files: { "settings.json": "{}" },
    async prepare(scene) {
      await scene.runPod({ name: "web" });
      // The containers here are programs of this machine.
      await mkdir(join(scene.folder, "pod"));
      await writeFile(join(scene.folder, "pod/report.csv"), "1,2\n");
      return { "/tmp/": `${scene.folder}/pod/` };
    },
    async after({ folder }) {
      expect(await readFile(join(folder, "pod/settings.json"), "utf8")).toBe("{}");
      expect(await readFile(join(folder, "report.csv"), "utf8").catch(() => "")).toBe("1,2\n");
    },
  },
  {
    title: "Forward a port",
    needs: "a kubelet",
    async prepare(scene) {
      await scene.runPod({ name: "web" });
      const server = createServer((_request, response) => response.end("hello")).listen(
        0,
        "127.0.0.1",
      );
      server.unref();
      await new Promise((resolve) => server.once("listening", resolve));
      return { "8080": String((server.address() as AddressInfo).port) };
    },
    output: ["hello"],
    command: "goes on",
  },
  {
    title: "Wait for a condition",
    prepare: async (scene) => await createPod(scene),
    async meanwhile({ kube }) {
      const conditions = [{ type: "Ready", status: "True" }];
      await kube.resource(Pod).status.patch("web", { status: { conditions } });
    },
  },
  {
    title: "A typed custom resource",
    files: { "widget.yaml": widget },
    prepare: defineWidgets,
    output: [/^3$/m],
  },
  {
    title: "Define a custom resource",
    files: { "crd.yaml": definition },
    meanwhile: async (scene, { ended }) => await scene.serveDefinitions(ended),
  },
  {
    title: "Types of a custom resource",
    files: { "crd.yaml": definition },
    needs: "OpenAPI documents",
    async prepare(scene) {
      await defineWidgets(scene);
      // A server documents a definition shortly after it serves it.
      const document = `/openapi/v3/apis/${scene.group}/v1`;
      await until("it is documented", async () => (await scene.kube.fetch(document)).ok);
    },
    async after({ folder }) {
      const types = await readFile(join(folder, "widgets.ts"), "utf8");
      expect(types).toContain("export const Widget");
    },
  },
  {
    title: "Wait for a custom resource definition",
    async prepare({ kube, group }) {
      const [crd] = readManifests(definition.replaceAll("example.com", group));
      await kube.post("/apis/apiextensions.k8s.io/v1/customresourcedefinitions", crd);
    },
    meanwhile: async (scene, { ended }) => await scene.serveDefinitions(ended),
  },
  ...["Complete", "Failed"].map((type): Scenario => ({
    title: "Wait for a Job",
    situation: `it is ${type}`,
    async prepare({ kube }) {
      await kube.resource(Job).create({
        metadata: { name: "report" },
        spec: { template: { spec: { restartPolicy: "Never", containers } } },
      });
    },
    async meanwhile({ kube }) {
      const time = "2026-01-01T00:00:00Z";
      const condition = (of: string) => ({
        type: of,
        status: "True",
        reason: "TooSlow",
        message: "it was too slow",
        lastTransitionTime: time,
      });
      const isComplete = type === "Complete";
      const before = condition(isComplete ? "SuccessCriteriaMet" : "FailureTarget");
      const status = {
        startTime: time,
        ...(isComplete && { completionTime: time, succeeded: 1 }),
        conditions: [before, condition(type)],
      };
      await kube.resource(Job).status.patch("report", { status });
    },
    ...(type === "Failed" && {
      fails: true,
      output: ["it was too slow"],
      command: "goes on" as const,
    }),
  })),
  {
    title: "Events of a namespace",
    async prepare({ kube }) {
      const { namespace } = kube;
      await kube.resource(Event).create({
        metadata: { name: "web.1" },
        involvedObject: { kind: "Pod", name: "web", namespace },
        reason: "Started",
        message: "Started container main",
        type: "Normal",
      });
    },
    output: ["Pod web Started Started container main"],
  },
  {
    title: "Warnings about a pod",
    async prepare({ kube }) {
      const { namespace } = kube;
      const events = kube.resource(Event);
      for (const [type, name] of [
        ["Normal", "web"],
        ["Warning", "web"],
        ["Warning", "other"],
      ] as const) {
        await events.create({
          metadata: { name: `${name}.${type.toLowerCase()}` },
          involvedObject: { kind: "Pod", name, namespace },
          reason: "Told",
          message: `${type} of ${name}`,
          type,
        });
      }
    },
    output: [/^Told Warning of web\n1$/m],
  },
  {
    title: "Approve a certificate signing request",
    async prepare({ kube }) {
      const name = certificateRequestOf(kube);
      await kube.resource(CertificateSigningRequest).create({
        metadata: { name },
        spec: {
          request: encodeBase64(await createCertificateRequest("web")),
          signerName: "kubernetes.io/kube-apiserver-client",
          usages: ["client auth"],
        },
      });
      return { "web-client": name };
    },
    async after({ kube }) {
      const requests = kube.resource(CertificateSigningRequest);
      const { metadata, status } = await requests.get(certificateRequestOf(kube));
      expect(status?.conditions).toMatchObject([{ type: "Approved", status: "True" }]);
      await requests.delete(metadata.name);
    },
  },
  {
    title: "A token for a service account",
    needs: "authentication",
    async prepare({ kube }) {
      await kube.resource(ServiceAccount).create({ metadata: { name: "builder" } });
    },
    output: [/^\d{4}-/m],
  },
  {
    title: "Tokens of a service account, replaced in time",
    needs: "authentication",
    async prepare({ kube }) {
      await kube.resource(ServiceAccount).create({ metadata: { name: "builder" } });
    },
    output: ["authorization"],
  },
  {
    title: "Check a permission",
    needs: "authentication",
    output: ["true", "system:masters"],
  },
  {
    title: "Read a Secret",
    async prepare({ kube }) {
      await kube.resource(Secret).create({
        metadata: { name: "db" },
        data: { password: btoa("sesame") },
      });
    },
    output: [/^6$/m],
  },
  {
    title: "Resource usage of nodes and pods",
    prepare: createMetrics,
    output: [/^node-\S+ (0.25 67108864|250m 64Mi)/m],
  },
  {
    title: "List names and labels alone",
    prepare: async (scene) => await createPod(scene),
    output: ["web"],
  },
  {
    title: "A table as kubectl prints it",
    prepare: async (scene) => await createPod(scene),
    output: ["Name", "web"],
  },
  { title: "List all kinds", output: ["apps v1 deployments"] },
  {
    title: "List all objects of a namespace",
    async prepare(scene) {
      await createSettings(scene);
      await createDeployment(scene);
    },
    output: ["configmaps/settings", "deployments/web"],
  },
  {
    title: "Elect a leader",
    output: ["leads"],
    async after({ kube }) {
      const { spec } = await kube.resource(Lease).get("my-program");
      expect(spec).toMatchObject({ holderIdentity: "", leaseTransitions: 1 });
    },
    command: "only looks",
  },
  {
    title: "Elect a leader",
    situation: "its leader has been killed",
    async prepare({ kube }) {
      await kube.resource(Lease).create({
        metadata: { name: "my-program" },
        spec: { holderIdentity: "other", leaseDurationSeconds: 1, leaseTransitions: 4 },
      });
    },
    output: ["leads"],
    async after({ kube }) {
      const { spec } = await kube.resource(Lease).get("my-program");
      expect(spec).toMatchObject({ holderIdentity: "", leaseTransitions: 5 });
    },
    command: "only looks",
  },
];

/** The kinds that the recipes use. */
export const sceneKinds: readonly ResourceDefinition[] = [
  CertificateSigningRequest,
  ConfigMap,
  CustomResourceDefinition,
  DaemonSet,
  Deployment,
  Event,
  Job,
  Lease,
  Node,
  Pod,
  ReplicaSet,
  Secret,
  ServiceAccount,
];
