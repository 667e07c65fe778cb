/**
 * Forwards a port of a pod, as `kubectl port-forward` does.
 *
 * @module
 */

import process from "node:process";
import { pathToFileURL } from "node:url";

const { dist, kubeconfig, pod, port, connections } = JSON.parse(process.argv[2]);
const runtime = "deno" in process.versions ? "deno" : "bun" in process.versions ? "bun" : "node";

const load = (file) => import(pathToFileURL(`${dist}/${file}.js`).href);
const { connect, kubeconfig: readKubeconfig } = await load(runtime);
const { Pod } = await load("resources");
const kube = await connect({ config: await readKubeconfig({ path: kubeconfig }) });
const pods = kube.resource(Pod, { namespace: "default" });
const tunnel = await pods.portForward(pod, port, { connections });
const listener = await tunnel.listen({ onError: (error) => process.stderr.write(`${error}\n`) });
process.stdout.write(`Forwarding from 127.0.0.1:${listener.port}\n`);
process.once("SIGTERM", () => process.exit(0));
