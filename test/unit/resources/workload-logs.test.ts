/**
 * The logs of all pods of a workload, against a model of the API server.
 *
 * @module
 */

import { describe, expect, test } from "vitest";
import { Deployment, Job } from "../../../src/resources/index.ts";
import type { FakeApi } from "../../../src/testing/model/fake-api.ts";
import type { KindDefinition } from "../../../src/testing/model/served-kinds.ts";
import { rejection } from "../../support/rejection.ts";
import { connectFake } from "../support/fake-cluster.ts";

const jobs: KindDefinition = {
  group: "batch",
  version: "v1",
  kind: "Job",
  plural: "jobs",
  namespaced: true,
};

type Phase = "Pending" | "Running" | "Succeeded";

function putPod(
  api: FakeApi,
  name: string,
  phase: Phase = "Running",
  labels = { app: "web" },
): void {
  const states = { Pending: "waiting", Running: "running", Succeeded: "terminated" };
  const state = { [states[phase]]: {} };
  api.put("pods", {
    metadata: { name, labels },
    spec: { containers: [{ name: "main" }, { name: "side" }] },
    status: { phase, containerStatuses: [{ name: "main", state }] },
  });
}

async function start() {
  const { kube, api } = await connectFake([jobs]);
  const spec = { selector: { matchLabels: { app: "web" } } };
  api.put("deployments", { metadata: { name: "web" }, spec });
  api.put("jobs", { metadata: { name: "report" }, spec });
  return { api, deployments: kube.resource(Deployment), jobs: kube.resource(Job) };
}

async function collect(lines: AsyncIterable<string>): Promise<string[]> {
  const found: string[] = [];
  for await (const line of lines) found.push(line);
  return found;
}

describe("logs() of a workload", () => {
  test("returns the lines of each started pod, with its pod and container", async () => {
    const { api, deployments } = await start();
    putPod(api, "web-1");
    putPod(api, "web-2");
    putPod(api, "web-3", "Pending");
    putPod(api, "other", "Running", { app: "other" });
    for (const pod of ["web-1", "web-2", "other"]) api.log(pod, "main", `from ${pod}`);
    expect(await collect(deployments.logs("web"))).toEqual([
      "[pod/web-1/main] from web-1",
      "[pod/web-2/main] from web-2",
    ]);
    api.put("pods", {
      metadata: { name: "web-4", labels: { app: "web" } },
      spec: { containers: [{ name: "main" }, { name: "side" }] },
      status: {
        phase: "Pending",
        containerStatuses: [
          { name: "main", state: { running: {} } },
          { name: "side", state: { waiting: { reason: "ImagePullBackOff" } } },
        ],
      },
    });
    api.log("web-4", "main", "from web-4");
    expect((await collect(deployments.logs("web"))).slice(2)).toEqual([
      "[pod/web-4/main] from web-4",
    ]);
    api.log("web-2", "side", "aside");
    expect(await collect(deployments.logs("web", { container: "side", prefix: false }))).toEqual([
      "aside",
    ]);
  });

  test("follows the pods of a Job until the Job ends, including pods that start later", async () => {
    const { api, jobs: reports } = await start();
    putPod(api, "web-1");
    api.log("web-1", "main", "one");
    const found: string[] = [];
    for await (const line of reports.logs("report", { follow: true })) {
      found.push(line);
      if (found.length === 1) {
        putPod(api, "web-2");
        api.log("web-2", "main", "two");
      }
      if (found.length === 2) {
        api.log("web-1", "main", "three");
        api.put("jobs", {
          ...api.objects("jobs")[0],
          status: { conditions: [{ type: "Complete", status: "True" }] },
        });
      }
      if (found.length === 3) {
        for (const pod of ["web-1", "web-2"]) {
          putPod(api, pod, "Succeeded");
          api.endLog(pod, "main");
        }
      }
    }
    expect(found).toEqual([
      "[pod/web-1/main] one",
      "[pod/web-2/main] two",
      "[pod/web-1/main] three",
    ]);
  });

  test("ends when the workload is deleted, and leaves nothing open when its reader leaves", async () => {
    const { api, deployments } = await start();
    putPod(api, "web-1");
    api.log("web-1", "main", "one");
    for await (const line of deployments.logs("web", { follow: true })) {
      expect(line).toBe("[pod/web-1/main] one");
      break;
    }
    await expect.poll(() => api.openWatches.length, { timeout: 60_000 }).toBe(0);
    for await (const line of deployments.logs("web", { follow: true })) {
      expect(line).toBe("[pod/web-1/main] one");
      api.remove("deployments", "default", "web");
      api.remove("pods", "default", "web-1");
      api.endLogStreams();
    }
  });

  test("throws the reason of its signal, and an error if the workload does not exist", async () => {
    const { api, deployments } = await start();
    putPod(api, "web-1");
    api.log("web-1", "main", "one");
    const stop = new AbortController();
    const reason = new Error("stop");
    async function read(): Promise<void> {
      for await (const _ of deployments.logs("web", { follow: true, signal: stop.signal })) {
        stop.abort(reason);
      }
    }
    expect(await rejection(read())).toBe(reason);
    expect(await rejection(collect(deployments.logs("none")))).toMatchObject({ status: 404 });
  });
});
