/**
 * Forwards a local port to the database behind a Service, as `kubectl port-forward service/NAME 5432`, but each
 * connection to a pod that is ready at that moment: `node main.ts SERVICE [PORT [LOCAL_PORT]]`, on Deno and Bun alike.
 */

import process from "node:process";
import { connect } from "reanchor";
import { Service } from "reanchor/resources";

const [service = "db", port = "5432", localPort = port] = process.argv.slice(2);

const kube = await connect();
const tunnel = await kube.resource(Service).portForward(service, Number(port));
const listener = await tunnel.listen({
  port: Number(localPort),
  onError: (error) => console.error(String(error)),
});
console.log(`127.0.0.1:${listener.port} is forwarded to port ${port} of ${service}`);

for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => void kube.close());
