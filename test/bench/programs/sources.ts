/**
 * How long a source takes to give a fresh value, on Node, and what it reads for that.
 *
 * @module
 */

import fs from "node:fs/promises";
import { syncBuiltinESMExports } from "node:module";
import { obey, readArgument } from "../orders.ts";
import type { Place } from "../stage.ts";
import { loadEntry } from "./entry.ts";

/** What a round came to. */
export interface SourceRound {
  readonly nsPerCall: number;
  /** How many files were opened. */
  readonly reads: number;
}

let reads = 0;
const { open } = fs;
fs.open = async (...args) => {
  reads += 1;
  return await open(...args);
};
syncBuiltinESMExports();

const { dist, root } = readArgument() as Place;
const { fileCaSource, fileTokenSource } = await loadEntry(dist);
const sources = {
  CaSource: fileCaSource(`${root}/ca.crt`),
  TokenSource: fileTokenSource(`${root}/token`),
};
for (const source of Object.values(sources)) await source.current();
// Else it would be others than these that are counted.
if (reads !== 2) throw new Error(`Cannot count reads: two files were read, ${reads} were counted`);

await obey({
  async round({ source, calls }: { source: keyof typeof sources; calls: number }) {
    const measured = sources[source];
    const readsBefore = reads;
    const startedAt = performance.now();
    for (let call = 0; call < calls; call += 1) await measured.current();
    const nsPerCall = ((performance.now() - startedAt) * 1e6) / calls;
    return { nsPerCall, reads: reads - readsBefore } satisfies SourceRound;
  },
});
