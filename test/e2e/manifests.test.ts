/**
 * Manifests at kube-apiserver: reading, applying, comparing, pruning and deleting, compared with kubectl's
 * results for the same text.
 *
 * @module
 */

import { describe, expect, onTestFinished, test } from "vitest";
import type { KubeClient, KubeObject, Stored } from "../../src/index.ts";
import { ConfigMap, CustomResourceDefinition, Secret } from "../../src/resources/index.ts";
import {
  type ManifestResult,
  ManifestsFailedError,
  applyManifests,
  applySetId,
  deleteManifests,
  diffManifests,
  formatDiff,
  readManifests,
} from "../../src/manifests/index.ts";
import { lane } from "../contract/support/entry.ts";
import { connectAdmin } from "./support/admin.ts";
import { findKubectl } from "./support/kubectl.ts";
import { cluster, rejection, ways } from "./support/scene.ts";

const kubectl = await findKubectl(cluster);

/** Runs kubectl. Throws if it fails. */
async function runKubectl(
  namespace: string,
  args: readonly string[],
  stdin: string,
): Promise<string> {
  if (kubectl === undefined) throw new Error("kubectl is not installed");
  const { code, stdout, stderr } = await kubectl(namespace, args, stdin);
  if (code !== 0) throw new Error(`kubectl ${args.join(" ")} ended with ${code}: ${stderr}`);
  return stdout;
}

let count = 0;

/** Names of a kind that no other test uses. */
function uniqueKind(): { kind: string; plural: string; crd: string } {
  const kind = `Gadget${lane.replaceAll(/\W/g, "")}${(count += 1)}`;
  const plural = `${kind.toLowerCase()}s`;
  return { kind, plural, crd: `${plural}.example.com` };
}

/** A CustomResourceDefinition and its custom resource, the latter first. */
function gadgets(kind: string, plural: string, fields = "size: { type: integer }"): string {
  return `
apiVersion: example.com/v1
kind: ${kind}
metadata: { name: one }
spec: { size: 0644 }
---
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: { name: ${plural}.example.com }
spec:
  group: example.com
  scope: Namespaced
  names: { kind: ${kind}, plural: ${plural} }
  versions:
    - name: v1
      served: true
      storage: true
      schema:
        openAPIV3Schema:
          type: object
          properties:
            spec:
              type: object
              properties: { ${fields} }
`;
}

const settings = (colour: string): string => `
apiVersion: v1
kind: ConfigMap
metadata: { name: settings }
data: { colour: ${colour} }
`;

const web = `
apiVersion: apps/v1
kind: Deployment
metadata: { name: web, labels: { app: web } }
spec:
  replicas: 2
  selector: { matchLabels: { app: web } }
  template:
    metadata: { labels: { app: web } }
    spec: { containers: [{ name: web, image: web }] }
`;

function actions(results: readonly ManifestResult[]): string[] {
  return results.map(({ action, kind, name }) => `${action} ${kind} ${name}`);
}

function removeLater(kube: KubeClient, crd: string): void {
  onTestFinished(async () => {
    await kube
      .resource(CustomResourceDefinition)
      .delete(crd)
      .catch(() => {});
  });
}

describe.each(ways)("$way", ({ settings: way }) => {
  const connect = async (): Promise<KubeClient> =>
    await connectAdmin({ ...way, fieldManager: "manifests-test" });

  test("applyManifests() applies a CustomResourceDefinition and its custom resource at once", async () => {
    const kube = await connect();
    const { kind, plural, crd } = uniqueKind();
    removeLater(kube, crd);
    const objects = readManifests(`${gadgets(kind, plural)}---${settings("blue")}---${web}`);
    const seen: string[] = [];
    const results = await applyManifests(kube, objects, {
      onProgress: (result) => void seen.push(result.kind),
    });
    expect(actions(results)).toEqual([
      `created ${kind} one`,
      `created CustomResourceDefinition ${crd}`,
      "created ConfigMap settings",
      "created Deployment web",
    ]);
    expect(seen).toEqual(["ConfigMap", "CustomResourceDefinition", "Deployment", kind]);
    const again = await applyManifests(kube, objects);
    expect(again.map(({ action }) => action)).toEqual(Array(4).fill("unchanged"));
    const repainted = readManifests(`${settings("green")}---${web}`);
    const dry = await applyManifests(kube, repainted, { dryRun: true });
    const changed = await applyManifests(kube, repainted);
    expect(changed.map(({ action }) => action)).toEqual(["changed", "unchanged"]);
    expect(actions(dry)).toEqual(actions(changed));
    expect((await kube.resource(ConfigMap).get("settings")).data).toEqual({ colour: "green" });
    const deleted = await deleteManifests(kube, objects);
    expect(deleted.map(({ action }) => action)).toEqual(Array(4).fill("deleted"));
    const gone = await deleteManifests(kube, objects);
    expect(gone.map(({ action }) => action)).toEqual(Array(4).fill("missing"));
  });

  test("applyManifests() applies a custom resource with a field that was just added to its definition", async () => {
    const kube = await connect();
    const { kind, plural, crd } = uniqueKind();
    removeLater(kube, crd);
    await applyManifests(kube, readManifests(gadgets(kind, plural)));
    const more = "size: { type: integer }, colour: { type: string }";
    const changed = gadgets(kind, plural, more).replace("size: 0644", "size: 1, colour: blue");
    const results = await applyManifests(kube, readManifests(changed));
    expect(results.map(({ action }) => action)).toEqual(["changed", "changed"]);
  });

  test("applyManifests() applies what it can, and then reports what failed", async () => {
    const kube = await connect();
    const text = `${settings("blue")}
surprise: true
---
apiVersion: v1
kind: ConfigMap
metadata: { name: good }
---
apiVersion: example.com/v9
kind: Nothing
metadata: { name: none }
---
apiVersion: v1
kind: ConfigMap
metadata: { name: lost, namespace: missing-namespace }
`;
    const error = await rejection(applyManifests(kube, readManifests(text)));
    expect(error).toBeInstanceOf(ManifestsFailedError);
    const { results, failures, message } = error as ManifestsFailedError;
    expect(results.map(({ action }) => action)).toEqual(["failed", "created", "failed", "failed"]);
    expect(message).toMatch(/^Cannot apply 3 of 4 objects: ConfigMap \S+\/settings: .*surprise/);
    expect(failures.map((failure) => failure.error.name)).toEqual([
      "ApiError",
      "UnknownKindError",
      "ApiError",
    ]);
  });

  test("applyManifests() reports in a dry run what the server can't validate yet", async () => {
    const kube = await connect();
    const { kind, plural } = uniqueKind();
    const text = `${gadgets(kind, plural)}
---
apiVersion: v1
kind: Namespace
metadata: { name: ${plural} }
---
apiVersion: v1
kind: ConfigMap
metadata: { name: settings, namespace: ${plural} }
`;
    const results = await applyManifests(kube, readManifests(text), { dryRun: true });
    expect(results.map(({ action }) => action)).toEqual(Array(4).fill("created"));
    expect(results.map((result) => "unchecked" in result && result.unchecked)).toEqual([
      "its kind would be created by the same set",
      false,
      false,
      "its namespace would be created by the same set",
    ]);
  });

  test("diffManifests() shows the fields that kubectl diff shows", async () => {
    const kube = await connect();
    await applyManifests(kube, readManifests(`${settings("blue")}---${web}`));
    const secret = "apiVersion: v1\nkind: Secret\nmetadata: { name: s }\nstringData: { a: hush }\n";
    const text = `${settings("green")}---${web.replace("image: web", "image: web:2")}---\n${secret}`;
    const diffs = await diffManifests(kube, readManifests(text));
    const lines = formatDiff(diffs).split("\n");
    const { namespace } = kube;
    expect(lines.slice(0, 4)).toEqual([
      `~ ConfigMap ${namespace}/settings`,
      '    data.colour: "blue" -> "green"',
      `~ Deployment ${namespace}/web`,
      '    spec.template.spec.containers[web].image: "web" -> "web:2"',
    ]);
    expect(lines).toContain(`+ Secret ${namespace}/s`);
    expect(lines.join("\n")).not.toMatch(/hush|aHVzaA/);
    expect((await kube.resource(ConfigMap).get("settings")).data).toEqual({ colour: "blue" });
    if (kubectl === undefined) return;
    const flags = ["diff", "--server-side", "--field-manager=manifests-test", "-f", "-"];
    const { code, stdout } = await kubectl(namespace, flags, text);
    expect(code).toBe(1); // The exit code means that there are differences.
    const said = stdout.split("\n").filter((line) => /^[-+] .*(?:colour|image):/.test(line));
    expect(said.map((line) => line.replaceAll(/\s+/g, " ")).toSorted()).toEqual([
      "+ - image: web:2",
      "+ colour: green",
      "- - image: web",
      "- colour: blue",
    ]);
  });

  test("applyManifests() prunes the objects that left its ApplySet, and nothing else", async () => {
    const kube = await connect();
    const { namespace } = kube;
    const prune = { applySet: { name: "shop", namespace } };
    const map = (name: string): string =>
      `apiVersion: v1\nkind: ConfigMap\nmetadata: { name: ${name} }\n---\n`;
    await kube.resource(ConfigMap).create({ metadata: { name: "foreign" } });
    await applyManifests(kube, readManifests(`${map("a")}${map("b")}${web}`), { prune });

    const dry = await applyManifests(kube, readManifests(map("a")), { prune, dryRun: true });
    expect(actions(dry)).toEqual([
      "unchanged ConfigMap a",
      "pruned Deployment web",
      "pruned ConfigMap b",
    ]);
    const broken = readManifests(
      `${map("a")}apiVersion: v1\nkind: ConfigMap\nmetadata: { name: c }\nx: 1`,
    );
    await rejection(applyManifests(kube, broken, { prune }));
    const names = async (): Promise<string[]> =>
      (await kube.resource(ConfigMap).list()).items.map(({ metadata }) => metadata.name);
    expect(await names()).toEqual(expect.arrayContaining(["a", "b", "foreign"]));

    const results = await applyManifests(kube, readManifests(map("a")), { prune });
    expect(actions(results)).toEqual(actions(dry));
    expect((await names()).filter((name) => name !== "kube-root-ca.crt")).toEqual(["a", "foreign"]);
    const parent = await kube.resource(Secret).get("shop");
    expect(parent.metadata).toMatchObject({
      labels: { "applyset.kubernetes.io/id": await applySetId(prune.applySet) },
      annotations: {
        "applyset.kubernetes.io/contains-group-kinds": "ConfigMap",
        "applyset.kubernetes.io/additional-namespaces": "",
      },
    });
  });

  test("applyManifests() does not touch kubectl's ApplySet, but computes the same ID", async () => {
    const kube = await connect();
    const { namespace } = kube;
    if (kubectl === undefined) return;
    const flags = ["apply", "--prune", "--applyset=theirs", "-f", "-"];
    await runKubectl(namespace, flags, `${settings("blue")}---${web}`);
    const parent = await kube.resource(Secret).get("theirs");
    expect(parent.metadata.labels).toEqual({
      "applyset.kubernetes.io/id": await applySetId({ name: "theirs", namespace }),
    });
    const prune = { applySet: { name: "theirs", namespace } };
    const error = await rejection(applyManifests(kube, readManifests(settings("red")), { prune }));
    expect(String(error)).toContain('"kubectl" manages it');
    expect((await kube.resource(ConfigMap).get("settings")).data).toEqual({ colour: "blue" });

    // In the opposite direction, both write the same apart from the tool's name.
    const own = { applySet: { name: "ours", namespace } };
    const text = `${settings("blue")}---${web}`
      .replaceAll("name: settings", "name: own")
      .replaceAll("name: web,", "name: own,");
    await applyManifests(kube, readManifests(text), { prune: own });
    const ours = await kube.resource(Secret).get("ours");
    const { "applyset.kubernetes.io/tooling": tool, ...rest } = ours.metadata.annotations ?? {};
    const { "applyset.kubernetes.io/tooling": theirs, ...others } =
      parent.metadata.annotations ?? {};
    expect(rest).toEqual(others);
    expect([tool, theirs]).toEqual([
      expect.stringMatching(/^reanchor\/v/),
      expect.stringMatching(/^kubectl\/v/),
    ]);
    const refused = await kubectl(
      namespace,
      ["apply", "--prune", "--applyset=ours", "-f", "-"],
      settings("red"),
    );
    expect(refused.stderr).toContain('managed by tooling "reanchor"');
  });

  test("applyManifests() leaves the same objects in the cluster as kubectl apply", async () => {
    if (kubectl === undefined) return;
    const [ours, theirs] = [await connect(), await connect()];
    const text = `${web}---${settings("0x1F")}`.replace("0x1F", '"0x1F"');
    await applyManifests(ours, readManifests(text));
    const flags = ["apply", "--server-side", "--field-manager=manifests-test", "-f", "-"];
    await runKubectl(theirs.namespace, flags, text);
    const paths = ["/api/v1", "/apis/apps/v1"].map((root, index) => (kube: KubeClient) => {
      const { namespace } = kube;
      return `${root}/namespaces/${namespace}/${index === 0 ? "configmaps/settings" : "deployments/web"}`;
    });
    for (const pathOf of paths) {
      const [a, b] = await Promise.all(
        [ours, theirs].map(async (kube) => {
          const { metadata, ...object } = await kube.get<Stored<KubeObject>>(pathOf(kube));
          const { name, labels, managedFields = [] } = metadata;
          const owners = managedFields.map((entry) => ({ ...(entry as object), time: "" }));
          return { ...object, name, labels, owners };
        }),
      );
      expect(a).toEqual(b);
    }
  });
});

test.runIf(kubectl !== undefined)("readManifests() reads scalars as kubectl does", async () => {
  const scalars =
    `yes Yes YES yEs y Y n on Off no true True tRUE ~ null Null nUll 0644 0o644 0O17 -0644 +5 089 08.5
1_000 0x1F 0X1f 0b101 -0b101 0B11 1__0 0_7 00 0 1e3 1.0 1. .5 -.5 +.5 1e999 .5e999 12e4567 1:30 2001-01-01
2001-01-01T00:00:00Z 1.2.3 12345678901234567890 123456789012345678901234567890 _1 1_ 0x 0b 0o9 0x_1 . ..5 .5_0
1_0.5 0b12 +0x1F -0x1F +0b1 1e+3 1E-3 0.1e1 1.5e = -.5_0 .5__0 -.5__0 ._5 .5_ 0xFFFFFFFFFFFFFFFF
0x8000000000000000 +0x8000000000000000 0x1FFFFFFFFFFFFFFFFF 0777777777777777777777777 1_.5 1._5 _.5 5_e1 -_5 +_.5
.5e1_0 -1_0 0_x1 01_2.5 1_e_5 9007199254740991`.split(/\s+/);
  const text = `
apiVersion: v1
kind: ConfigMap
metadata: { name: scalars }
data:
  values: [${scalars.map((scalar) => `{ v: ${scalar} }`).join(", ")}]
  on: 1
  0644: 2
  1.50: 3
  0x1F: 4
  text: |
    0644
  "quoted": "yes"
  tagged: !!str 1
`;
  const stdout = await runKubectl(
    "default",
    ["annotate", "--local", "-f", "-", "a=b", "-o", "json"],
    text,
  );
  const { data } = JSON.parse(stdout) as { data: object };
  expect(readManifests(text)[0]?.["data"]).toEqual(data);
});
