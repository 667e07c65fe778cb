/**
 * A client, on any runtime, whose server rotates before the file does: how soon after the file's change a
 * request succeeds.
 *
 * @module
 */

import { rename, writeFile } from "node:fs/promises";
import { setTimeout as delay } from "node:timers/promises";
import { obey, readArgument } from "../orders.ts";
import { loadEntry } from "./entry.ts";

/** Where the client connects. */
export interface RecoveryArgument {
  readonly dist: string;
  readonly origin: string;
  readonly caFile: string;
}

const { dist, origin, caFile } = readArgument() as RecoveryArgument;
const { connect, fileCaSource } = await loadEntry(dist);
const config = { server: origin, ca: fileCaSource(caFile) };
const kube = await connect({ config });

async function succeeds(): Promise<boolean> {
  return await kube.get("/version").then(
    () => true,
    () => false,
  );
}

await obey({
  /** Answers when the server is rejected. */
  async untilRefused() {
    while (await succeeds());
  },
  /** Changes the file at a moment that has nothing to do with the client's, and says how long it took. */
  async recover({ ca, waitMs }: { ca: string; waitMs: number }) {
    await writeFile(`${caFile}.new`, ca);
    let recovered = false;
    const recovery = (async () => {
      while (!(await succeeds()));
      recovered = true;
      return performance.now();
    })();
    await delay(waitMs);
    if (recovered) throw new Error("Cannot measure a recovery: the server was trusted before");
    const changedAt = performance.now();
    await rename(`${caFile}.new`, caFile);
    return (await recovery) - changedAt;
  },
  /** How long a request takes on a new connection, in milliseconds. */
  async roundTrip() {
    const { staticCaSource } = await loadEntry(dist);
    const fresh = await connect({ config: { ...config, ca: staticCaSource(await currentCa()) } });
    const startedAt = performance.now();
    await fresh.get("/version");
    const ms = performance.now() - startedAt;
    await fresh.close();
    return ms;
  },
});

async function currentCa(): Promise<string> {
  const { certificates } = await config.ca.current();
  return certificates.join("\n");
}
