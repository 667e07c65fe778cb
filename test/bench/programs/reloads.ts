/**
 * Reloads a CA bundle whose content has changed, again and again, on Node.
 *
 * @module
 */

import { readFile, rename, writeFile } from "node:fs/promises";
import { setTimeout as delay } from "node:timers/promises";
import { createCa } from "../../support/pki.ts";
import { obey, readArgument } from "../orders.ts";
import type { Place } from "../stage.ts";
import { loadEntry } from "./entry.ts";

/** Every bundle has two of them beside the server's own CA, and no two bundles the same two. */
const OTHERS = 150;
const RELOADS_PER_REQUEST = 100;

const { dist, root, origin } = readArgument() as Place;
const { connect, fileCaSource, fileTokenSource } = await loadEntry(dist);
const file = `${root}/ca.crt`;
const own = await readFile(file, "utf8");
const others = await Promise.all(
  Array.from({ length: OTHERS }, async () => (await createCa({ commonName: "another" })).pem),
);
const ca = fileCaSource(file, { cooldownMs: 0 });
const kube = await connect({
  config: { server: origin, ca, token: fileTokenSource(`${root}/token`) },
});
const bundles = pairs();

await obey({
  /** Reloads so often, and sends a request now and then. Says how often the bundle was another. */
  async reload(count: number) {
    let changed = 0;
    let fingerprint = ca.peek()?.fingerprint;
    for (let reload = 1; reload <= count; reload += 1) {
      const { value } = bundles.next();
      if (value === undefined) throw new RangeError("Cannot reload: every bundle has been used");
      await writeFile(`${file}.new`, value);
      await rename(`${file}.new`, file);
      const bundle = await ca.reload();
      if (bundle.fingerprint !== fingerprint) changed += 1;
      fingerprint = bundle.fingerprint;
      if (reload % RELOADS_PER_REQUEST === 0) await kube.get("/version");
    }
    return changed;
  },
  /** The heap after a collection, in bytes. */
  async heap() {
    for (let round = 0; round < 5; round += 1) {
      globalThis.gc?.();
      await delay(50);
    }
    return process.memoryUsage().heapUsed;
  },
});

function* pairs(): Generator<string, undefined> {
  for (const [index, one] of others.entries()) {
    for (const other of others.slice(index + 1)) yield `${own}${one}${other}`;
  }
}
