import { setTimeout as delay } from "node:timers/promises";
import { ApiException, CoordinationV1Api, KubeConfig, V1MicroTime } from "@kubernetes/client-node";

const config = new KubeConfig();
config.loadFromDefault();
const coordination = config.makeApiClient(CoordinationV1Api);
const name = "my-program";
const namespace = "default";
const me = crypto.randomUUID();
let seen = { version: "", at: 0 }; // When this process saw the Lease change, by its own clock.
let leadsUntil = 0;

async function tryToLead(): Promise<void> {
  const startedAt = performance.now();
  const lease = await coordination
    .readNamespacedLease({ name, namespace })
    .catch((error: unknown) => {
      if (!(error instanceof ApiException) || error.code !== 404) throw error;
      return coordination.createNamespacedLease({ namespace, body: { metadata: { name } } });
    });
  const version = lease.metadata?.resourceVersion ?? "";
  if (version !== seen.version) seen = { version, at: performance.now() };
  const { holderIdentity, leaseDurationSeconds = 15, ...spec } = lease.spec ?? {};
  const isOver = performance.now() > seen.at + leaseDurationSeconds * 1_000;
  if (holderIdentity && holderIdentity !== me && !isOver) return;
  const renewTime = new V1MicroTime();
  lease.spec = { ...spec, holderIdentity: me, leaseDurationSeconds: 15, renewTime };
  if (holderIdentity !== me) {
    lease.spec.acquireTime = renewTime;
    lease.spec.leaseTransitions = (spec.leaseTransitions ?? 0) + 1;
  }
  await coordination.replaceNamespacedLease({ name, namespace, body: lease });
  leadsUntil = startedAt + 10_000; // 5 s before another process may lead.
}

const isLeader = (): boolean => performance.now() < leadsUntil;
while (!isLeader()) {
  await tryToLead().catch(console.error);
  if (!isLeader()) await delay(2_000);
}
const renewal = setInterval(() => void tryToLead().catch(console.error), 2_000);
if (isLeader()) console.log("leads"); // Ask before each step of the work. Stop if it is false.

clearInterval(renewal);
leadsUntil = 0;
const lease = await coordination.readNamespacedLease({ name, namespace });
if (lease.spec?.holderIdentity === me) {
  lease.spec.holderIdentity = "";
  await coordination.replaceNamespacedLease({ name, namespace, body: lease }); // Not tried again on a 409.
}
