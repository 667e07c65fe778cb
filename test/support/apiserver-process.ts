/**
 * The process of a kube-apiserver and its etcd, as `tools/e2e.ts` has built it.
 *
 * @module
 */

import { fileURLToPath } from "node:url";
import { type GoProgram, startGoProgram } from "./go-program.ts";

/** Where `tools/e2e.ts` puts the program. */
export const serverProgram: string = fileURLToPath(
  new URL("../../.tmp/apiserver", import.meta.url),
);

/** What a server prints once it is ready. */
export interface ServerAddress {
  readonly port: number;
  /** The port whose connections are counted and cut. */
  readonly control: number;
  /** A second port, whose connections are neither counted nor cut. */
  readonly uncounted: number;
  /** As in `v1.37.2`. */
  readonly version: string;
}

/** A running server. */
export interface ServerProcess extends ServerAddress, GoProgram {}

/**
 * Starts a server and waits until it is ready.
 *
 * @param folder where it runs; its log is there too
 * @param flags those of kube-apiserver
 */
export async function startServerProcess(
  folder: string,
  flags: readonly string[],
): Promise<ServerProcess> {
  const name = "kube-apiserver";
  const server = await startGoProgram({ name, program: serverProgram, folder, flags });
  return { ...server, ...(server.ready as ServerAddress) };
}
