/** Connects as a pod does, with the service account under a given root, and prints the result. */

import { connect, inCluster } from "../../../runtimes/deno.ts";

const [root = "", exclusive = ""] = Deno.args;
try {
  const config = await inCluster({ root });
  const kube = await connect({ config, exclusiveTrust: exclusive === "exclusive" });
  const { gitVersion } = await kube.get<{ gitVersion: string }>("/version");
  console.log(JSON.stringify({ gitVersion, namespace: kube.namespace }));
  await kube.close();
} catch (error) {
  const { name, message } = error as Error;
  console.log(JSON.stringify({ name, message }));
}
