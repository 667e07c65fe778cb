/**
 * The model of the API server that the other tests use, compared with kube-apiserver.
 *
 * @module
 */

import { describe, expect, onTestFinished, test } from "vitest";
import type { KubeClient } from "../../src/index.ts";
import { CustomResourceDefinition } from "../../src/resources/index.ts";
import { entry } from "../contract/support/entry.ts";
import { createFakeApi } from "../../src/testing/model/fake-api.ts";
import { fakeFetch } from "../../src/testing/model/fake-fetch.ts";
import { type Answer, type Api, type SendOptions, scenarios } from "./support/scenarios.ts";
import { normalise } from "./support/normalise.ts";
import { cluster, connect } from "./support/scene.ts";

type Fetch = (path: string, init: RequestInit) => Promise<Response>;

/** Records the responses of a scenario. */
async function record(fetch: Fetch, namespace: string, name: string): Promise<unknown[]> {
  const answers: unknown[] = [];
  const api: Api = {
    namespace,
    async send(method, path, body, options: SendOptions = {}) {
      const place = path.startsWith("/") ? path : `/api/v1/namespaces/{namespace}/${path}`;
      const url = place.replace("{namespace}", namespace);
      const type =
        options.type ?? (method === "PATCH" ? "application/merge-patch+json" : "application/json");
      const text = options.text ?? (body === undefined ? undefined : JSON.stringify(body));
      const response = await fetch(url, {
        method,
        headers: { "content-type": type, "user-agent": "scenario/1.0", accept: "application/json" },
        ...(text !== undefined && { body: text }),
      });
      const answer = await response.text();
      const isWatch = url.includes("watch=true") && response.ok;
      const parsed: unknown = isWatch
        ? answer
            .split("\n")
            .filter(Boolean)
            .map((line) => JSON.parse(line) as unknown)
        : parse(answer);
      answers.push({ request: `${method} ${path}`, status: response.status, body: parsed });
      return parsed as Answer;
    },
  };
  await scenarios[name]?.(api);
  return normalise(answers);
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

async function connectAdmin(): Promise<KubeClient> {
  const { cert, key } = await cluster.issueClientCertificate({
    commonName: "admin",
    organizations: ["system:masters"],
  });
  const { kube } = await connect({
    config: {
      server: cluster.origin,
      ca: entry.staticCaSource(await cluster.servingCa()),
      clientCert: entry.staticClientCertSource({ certificate: cert, key }),
    },
  });
  return kube;
}

async function defineWidgets(kube: KubeClient): Promise<void> {
  const definitions = kube.resource(CustomResourceDefinition);
  const preserved = { type: "object", "x-kubernetes-preserve-unknown-fields": true };
  const openAPIV3Schema = { type: "object", properties: { spec: preserved, status: preserved } };
  const scale = { specReplicasPath: ".spec.replicas", statusReplicasPath: ".status.replicas" };
  await definitions.apply(
    {
      apiVersion: "apiextensions.k8s.io/v1",
      kind: "CustomResourceDefinition",
      metadata: { name: "widgets.example.com" },
      spec: {
        group: "example.com",
        scope: "Namespaced",
        names: { kind: "Widget", plural: "widgets" },
        versions: [
          {
            name: "v1",
            served: true,
            storage: true,
            schema: { openAPIV3Schema },
            subresources: { status: {}, scale },
          },
        ],
      },
    },
    { fieldManager: "tests" },
  );
  await definitions.waitFor("widgets.example.com", "Established");
}

describe("the fake API answers as kube-apiserver does", () => {
  test.each(Object.keys(scenarios))("%s", async (name) => {
    const kube = await connectAdmin();
    await defineWidgets(kube);
    const namespace = `same-${crypto.randomUUID().slice(0, 8)}`;
    await cluster.admin("POST", "/api/v1/namespaces", { metadata: { name: namespace } });
    // Without a controller this object is never created, and without it no pod can be.
    const account = { metadata: { name: "default" } };
    await cluster.admin("POST", `/api/v1/namespaces/${namespace}/serviceaccounts`, account);
    onTestFinished(async () => {
      await cluster.admin("DELETE", `/api/v1/namespaces/${namespace}`);
    });
    const fake = fakeFetch(createFakeApi());
    const expected = await record((path, init) => kube.fetch(path, init), namespace, name);
    const actual = await record(
      (path, init) => fake(`https://api.invalid${path}`, init),
      namespace,
      name,
    );
    expect(actual).toEqual(expected);
  });
});
