/**
 * undici's own requests on Node, by one version of HTTP, round by round.
 *
 * @module
 */

import { readFile } from "node:fs/promises";
import { Agent, request } from "undici";
import { obey, readArgument } from "../orders.ts";
import type { Place } from "../stage.ts";
import { bareHeaders } from "./entry.ts";
import { type Round, runRound } from "./rounds.ts";

/** By which version of HTTP. */
export type Protocol = "HTTP/1.1" | "HTTP/2";

/** What it is told. */
export interface ProtocolArgument {
  readonly protocol: Protocol;
  readonly place: Place;
}

const { protocol, place } = readArgument() as ProtocolArgument;
const ca = await readFile(`${place.root}/ca.crt`, "utf8");
const headers = await bareHeaders(place.root);
const dispatcher = new Agent({ allowH2: protocol === "HTTP/2", connect: { ca } });

async function send(): Promise<void> {
  const { body } = await request(`${place.origin}/version`, { dispatcher, headers });
  await body.json();
}

await obey({ round: (round: Round) => runRound(send, round) });
