/**
 * Shows the pods that a label selector chooses as they change, as `kubectl get pods --watch` does, and ends
 * when all of them are ready: `node main.ts app=web`.
 */

import process from "node:process";
import { connect } from "reanchor";
import { Pod, type Stored } from "reanchor/resources";

const [labelSelector] = process.argv.slice(2);

function row(...cells: readonly (string | number)[]): void {
  console.log(
    cells
      .map((cell) => String(cell).padEnd(24))
      .join(" ")
      .trimEnd(),
  );
}

function isReady({ status }: Stored<Pod>): boolean {
  return status?.conditions?.some((it) => it.type === "Ready" && it.status === "True") ?? false;
}

function show(pod: Stored<Pod>, phase = pod.status?.phase ?? "Unknown"): void {
  const containers = pod.status?.containerStatuses ?? [];
  const ready = containers.filter((container) => container.ready).length;
  const restarts = containers.reduce((sum, { restartCount }) => sum + restartCount, 0);
  row(pod.metadata.name, `${ready}/${pod.spec?.containers.length}`, phase, restarts);
}

const kube = await connect();
try {
  const pods = new Map<string, Stored<Pod>>();
  let isSynced = false;
  row("NAME", "READY", "STATUS", "RESTARTS");
  for await (const event of kube.resource(Pod).watch({ labelSelector })) {
    if (event.type === "synced") isSynced = true;
    else if (event.type === "deleted") {
      pods.delete(event.object.metadata.uid);
      show(event.object, "Deleted");
    } else {
      pods.set(event.object.metadata.uid, event.object);
      show(event.object);
    }
    if (isSynced && pods.size > 0 && Array.from(pods.values()).every(isReady)) break;
  }
} finally {
  await kube.close();
}
