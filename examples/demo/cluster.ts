/**
 * A cluster on this machine: one API server a client, all with the same certificate, and a pod's volume.
 *
 * @module
 */

import { type Control, type TestServer, startControl } from "../../test/support/api-server.ts";
import { type TestCa, createCa } from "../../test/support/pki.ts";
import {
  type ProjectedVolume,
  createProjectedVolume,
} from "../../test/support/projected-volume.ts";

const TOKEN = "demo-token";

/** See the module. */
export interface Cluster {
  readonly root: string;
  readonly token: string;
  readonly servers: readonly TestServer[];
  /** Makes the next authority, and gives its number. */
  nextCa(): Promise<number>;
  /** Has the file hold these authorities, as the kubelet swaps it. */
  writeFile(numbers: readonly number[]): Promise<void>;
  /** Has the servers go over to an authority, and close their connections as a restart does. */
  rotateServers(number: number): Promise<void>;
  stop(): Promise<void>;
}

/** Starts the servers with authority 1, which the file holds. */
export async function startCluster(serverCount: number): Promise<Cluster> {
  const authorities: TestCa[] = [await createCa()];
  const authority = (number: number): TestCa => {
    const found = authorities[number - 1];
    if (found === undefined) throw new RangeError(`Cannot find authority ${number}`);
    return found;
  };
  const control: Control = await startControl();
  const certificate = await authority(1).issue();
  const servers = await Promise.all(
    Array.from({ length: serverCount }, () => control.serve({ ...certificate, token: TOKEN })),
  );
  const volume: ProjectedVolume = await createProjectedVolume({
    ca: authority(1).pem,
    token: TOKEN,
    namespace: "demo",
  });
  return {
    root: volume.root,
    token: TOKEN,
    servers,
    async nextCa() {
      authorities.push(await createCa());
      return authorities.length;
    },
    async writeFile(numbers) {
      await volume.write({ ca: numbers.map((number) => authority(number).pem).join("") });
    },
    async rotateServers(number) {
      const next = await authority(number).issue();
      // No session survives either, as where another process takes over.
      await Promise.all(servers.map((server) => server.swap({ ...next, forgetSessions: true })));
      await Promise.all(servers.map((server) => server.dropConnections()));
    },
    async stop() {
      await control.close();
      await volume.remove();
    },
  };
}
