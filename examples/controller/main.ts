/**
 * A controller: keeps a ConfigMap with the greeting of every Greeting (`crd.yaml`), and says in its status
 * that it does. Runs until it is stopped, through every rotation.
 */

import process from "node:process";
import { connect } from "reanchor";
import { ConfigMap, type ObjectOf, type Stored, defineResource } from "reanchor/resources";
import { z } from "zod/mini";

const schema = z.object({
  spec: z.object({ name: z.string() }),
  status: z.optional(z.object({ observedGeneration: z.number(), configMap: z.string() })),
});
type Greeting = ObjectOf<typeof schema>;
const Greeting = defineResource({
  group: "example.com",
  version: "v1",
  kind: "Greeting",
  plural: "greetings",
  namespaced: true,
  schema,
});
const options = { fieldManager: "greeter", force: true };

const stop = new AbortController();
process.once("SIGTERM", () => stop.abort());
process.once("SIGINT", () => stop.abort());

const kube = await connect({
  userAgent: "greeter/1.0",
  onEvent: (event) => console.error(JSON.stringify(event)),
});
const greetings = kube.resource(Greeting, { namespace: "*" }).informer({ signal: stop.signal });

/** The Greetings to process. Each is in the queue once, however often it has changed meanwhile. */
const queue = new Map<string, () => Stored<Greeting> | undefined>();
let wake = (): void => {};
stop.signal.addEventListener("abort", () => wake());

function enqueue({ metadata, status }: Stored<Greeting>): void {
  if (status?.observedGeneration === metadata.generation) return;
  const { name, namespace, uid } = metadata;
  queue.set(uid, () => greetings.get(name, namespace));
  wake();
}

async function reconcile({ metadata, spec }: Stored<Greeting>): Promise<void> {
  const { name, namespace, uid, generation = 0 } = metadata;
  const owner = { apiVersion: "example.com/v1", kind: "Greeting", name, uid, controller: true };
  const configMap = `${name}-greeting`;
  const data = { greeting: `Hello, ${spec.name}!` };
  const wanted = { metadata: { name: configMap, ownerReferences: [owner] }, data };
  await kube.resource(ConfigMap, { namespace }).apply(wanted, options);
  const done = { metadata: { name }, status: { observedGeneration: generation, configMap } };
  await kube.resource(Greeting, { namespace }).status.apply(done, options);
  console.log(`${namespace}/${name}: ${configMap} at generation ${generation}`);
}

greetings.on({ added: enqueue, modified: enqueue });
await greetings.synced();
for (;;) {
  for (const [uid, find] of queue) {
    queue.delete(uid);
    const greeting = find();
    if (greeting === undefined) continue;
    await reconcile(greeting).catch((error: unknown) => {
      console.error(String(error));
      setTimeout(() => enqueue(greeting), 1_000);
    });
  }
  if (stop.signal.aborted) break;
  await new Promise<void>((resolve) => (wake = resolve));
}
await kube.close();
