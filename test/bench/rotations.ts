/**
 * Rotations of the CA: with overlap under load, and without.
 *
 * @module
 */

import { setTimeout as delay } from "node:timers/promises";
import { type Control, type TestServer, startControl } from "../support/api-server.ts";
import { createProjectedVolume } from "../support/projected-volume.ts";
import { type BenchContext, type Figure, exactly, under } from "./figures.ts";
import { removeAtExit } from "./leftovers.ts";
import { type RuntimeName, runtimeTitles, startProgram } from "./program.ts";
import type { LoopsArgument, LoopsResult } from "./programs/loops.ts";
import type { RecoveryArgument } from "./programs/recovery.ts";
import { type CertificateKind, createAuthority, issueCertificate } from "./stage.ts";
import { median } from "./statistics.ts";

const LOOPS = 64;
const COOLDOWN_MS = 100;
const runtimes = ["node", "deno", "bun"] as const;

/** Measures both kinds, on a server whose certificate can be swapped. */
export async function measureRotations(context: BenchContext): Promise<Figure[]> {
  await using stack = new AsyncDisposableStack();
  const control = stack.adopt(await startControl(), async (it) => await it.close());
  const figures: Figure[] = [];
  for (const runtime of runtimes) figures.push(await measureOverlap(context, control, runtime));
  for (const runtime of runtimes) {
    figures.push(await measureRecovery(context, control, runtime, "P-256"));
  }
  figures.push(await measureRecovery(context, control, "node", "RSA-2048"));
  return figures;
}

async function measureOverlap(
  { dist, isQuick, say }: BenchContext,
  control: Control,
  runtime: RuntimeName,
): Promise<Figure> {
  const rotations = isQuick ? 5 : 100;
  const title = runtimeTitles[runtime];
  await using stack = new AsyncDisposableStack();
  let ca = await createAuthority("P-256");
  const server = stack.adopt(
    await control.serve(await issueCertificate(ca, "P-256")),
    async (it) => await it.close(),
  );
  const volume = await createProjectedVolume({ ca: ca.pem });
  removeAtExit(volume.root);
  const { origin } = server;
  const argument: LoopsArgument = { dist, origin, caFile: volume.caFile, loops: LOOPS };
  const program = stack.use(startProgram("programs/loops.ts", { runtime, argument }));
  for (let rotation = 1; rotation <= rotations; rotation += 1) {
    say(`rotations with overlap on ${title}: ${rotation} of ${rotations}`);
    const successor = await createAuthority("P-256");
    await program.ask("progress", 2 * LOOPS);
    await volume.write({ ca: ca.pem + successor.pem });
    await present(server, await issueCertificate(successor, "P-256"));
    await program.ask("progress", 2 * LOOPS);
    await volume.write({ ca: successor.pem });
    ca = successor;
    // A request may wait out a cooldown, and is to meet no second rotation then.
    await delay(2 * COOLDOWN_MS);
  }
  const { requests, failed, failures } = await program.ask<LoopsResult>("stop");
  return {
    name: `failed requests in ${rotations} rotations with overlap, ${LOOPS} loops, ${title}`,
    value: failed,
    unit: "",
    goal: exactly(0),
    detail: [`of ${requests} requests`, ...failures].join("; "),
  };
}

async function measureRecovery(
  { dist, isQuick, say }: BenchContext,
  control: Control,
  runtime: RuntimeName,
  kind: CertificateKind,
): Promise<Figure> {
  const rotations = isQuick ? 3 : 20;
  const title = runtimeTitles[runtime];
  await using stack = new AsyncDisposableStack();
  const first = await createAuthority(kind);
  const server = stack.adopt(
    await control.serve(await issueCertificate(first, kind)),
    async (it) => await it.close(),
  );
  const volume = await createProjectedVolume({ ca: first.pem });
  removeAtExit(volume.root);
  const argument: RecoveryArgument = { dist, origin: server.origin, caFile: volume.caFile };
  const program = stack.use(startProgram("programs/recovery.ts", { runtime, argument }));
  const recoveries: number[] = [];
  const roundTrips: number[] = [];
  for (let rotation = 1; rotation <= rotations; rotation += 1) {
    say(`rotations without overlap on ${title}, ${kind}: ${rotation} of ${rotations}`);
    const ca = await createAuthority(kind);
    await present(server, await issueCertificate(ca, kind));
    await program.ask("untilRefused");
    const waitMs = 200 + Math.random() * COOLDOWN_MS;
    recoveries.push(await program.ask<number>("recover", { ca: ca.pem, waitMs }));
    for (let trip = 0; trip < 5; trip += 1) {
      roundTrips.push(await program.ask<number>("roundTrip"));
    }
  }
  const roundTrip = median(roundTrips);
  const each = recoveries.map((ms) => ms.toFixed(0)).join(", ");
  return {
    name: `slowest of ${rotations} rotations without overlap, from the file to a success, ${title}, ${kind}`,
    value: Math.max(...recoveries),
    unit: "ms",
    goal: under(COOLDOWN_MS + 2 * roundTrip),
    detail: `median ${median(recoveries).toFixed(1)} ms, each ${each} ms; a request on a new connection takes ${roundTrip.toFixed(1)} ms`,
  };
}

/** Goes over to another certificate, as a server does that is restarted. */
async function present(
  server: TestServer,
  certificate: { cert: string; key: string },
): Promise<void> {
  await server.swap({ ...certificate, forgetSessions: true });
  await server.dropConnections();
}
