/**
 * An administrator's client, in its own namespace.
 *
 * @module
 */

import { onTestFinished } from "vitest";
import type { KubeClient } from "../../../src/index.ts";
import { Namespace } from "../../../src/resources/index.ts";
import { entry } from "../../contract/support/entry.ts";
import { cluster, connect } from "./scene.ts";

/** Connects as an administrator, in a new namespace, which is removed when the test ends. */
export async function connectAdmin(settings: object): Promise<KubeClient> {
  const { cert, key } = await cluster.issueClientCertificate({
    commonName: "admin",
    organizations: ["system:masters"],
  });
  const namespace = `resources-${crypto.randomUUID().slice(0, 8)}`;
  const { kube } = await connect({
    config: {
      server: cluster.origin,
      ca: entry.staticCaSource(await cluster.servingCa()),
      clientCert: entry.staticClientCertSource({ certificate: cert, key }),
      namespace,
    },
    ...settings,
  });
  await kube.resource(Namespace).create({ metadata: { name: namespace } });
  onTestFinished(async () => {
    await cluster.admin("DELETE", `/api/v1/namespaces/${namespace}`);
  });
  return kube;
}
