/**
 * Gives a client callbacks that all fail, most of them by a promise that is rejected, and prints `done`. An
 * unhandled rejection ends the process before that, or with another exit code than 0.
 *
 * Arguments: the server's origin, and the CA's file.
 */

import process from "node:process";
import { runInNewContext } from "node:vm";
import { Pod } from "../../../../src/resources/index.ts";
import { entry } from "../entry.ts";

const [server = "", caFile = ""] = process.argv.slice(2);
const called = new Set<string>();

/** A promise of another realm, which is no instance of this realm's class. */
function foreignRejection(): unknown {
  return runInNewContext("Promise.reject(new Error('rejected'))");
}

/** A listener that fails, each time in another way. */
function failing(name: string): () => unknown {
  let calls = 0;
  return () => {
    called.add(name);
    calls += 1;
    switch (calls % 4) {
      case 0:
        throw new Error(`${name} throws`);
      case 1:
        return Promise.reject(new Error(`${name} rejects`));
      case 2:
        return Promise.reject(Object.create(null));
      default:
        return foreignRejection();
    }
  };
}

/** A turn of the event loop, in which a runtime would see an unhandled rejection. */
async function turn(): Promise<void> {
  await new Promise((resolve) => void setTimeout(resolve, 0));
}

const always = { reloadIntervalMs: 0, cooldownMs: 0 };
const ca = entry.fileCaSource(caFile, always);
ca.subscribe(failing("source listener"));
let reads = 0;
const token = entry.functionTokenSource(() => {
  reads += 1;
  if (reads === 2) return Promise.reject(undefined);
  if (reads === 3) return Promise.reject(Object.create(null));
  return `token-${reads}`;
}, always);
const kube = await entry.connect({
  config: { server, ca, token },
  onEvent: failing("onEvent"),
  maxRetryAfterMs: 0,
});
for (let request = 0; request < 4; request += 1) {
  await kube.get("/version");
  await token.reload().catch(() => {});
  await turn();
}

const pods = kube.resource(Pod);
const informer = pods.informer({ resyncIntervalMs: 50 });
informer.on({
  added: failing("added"),
  modified: failing("modified"),
  deleted: failing("deleted"),
});
await informer.synced();
while (!called.has("modified")) await turn();
const spec = { containers: [{ name: "main", image: "web" }] };
for (const name of ["a", "b", "c", "d"]) {
  await pods.create({ metadata: { name, namespace: "default" }, spec });
  await pods.delete(name, { gracePeriodSeconds: 0 });
}
while (!called.has("deleted")) await turn();
await informer.stop();

// Functions whose result is needed at once: a promise is an error that says so.
async function message(promise: Promise<unknown>): Promise<void> {
  console.log(await promise.then(String, (error: Error) => error.message));
  await turn();
}
const reject = async (): Promise<never> => await Promise.reject(new Error("too late"));
await message(pods.informer({ transform: reject as never }).synced());
await message(pods.informer({ indexes: { name: reject as never } }).synced());
await message(pods.waitFor("pod-0", reject as never));

await kube.close();
await turn();
console.log([...called].sort().join(", "));
console.log("done");
