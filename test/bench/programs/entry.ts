/**
 * The built package's entry for the runtime that this is, and what a runtime's own `fetch` needs to do the
 * same.
 *
 * @module
 */

import { readFile } from "node:fs/promises";
import process from "node:process";
import { pathToFileURL } from "node:url";
import type * as nodeEntry from "../../../runtimes/node.ts";
import type { Place } from "../stage.ts";

/** What each of the runtime entries exports. */
export type Entry = typeof nodeEntry;

/** A `fetch` that trusts a CA. */
export type TrustingFetch = (
  url: string,
  init: { headers: Record<string, string>; signal?: AbortSignal },
) => Promise<{ json(): Promise<unknown>; text(): Promise<string> }>;

/** The runtime that this is. Deno and Bun name a version of Node too: their own comes first. */
export const runtimeName: "node" | "deno" | "bun" =
  "deno" in process.versions ? "deno" : "bun" in process.versions ? "bun" : "node";

/** Loads the entry. */
export async function loadEntry(dist: string): Promise<Entry> {
  return (await import(pathToFileURL(`${dist}/${runtimeName}.js`).href)) as Entry;
}

/** The headers of a request without reanchor. */
export async function bareHeaders(root: string): Promise<Record<string, string>> {
  return {
    accept: "application/json",
    authorization: `Bearer ${await readFile(`${root}/token`, "utf8")}`,
    "user-agent": `bench ${runtimeName}`,
    // reanchor asks for no encoding on Node; elsewhere it is the runtime's own on both sides.
    ...(runtimeName === "node" && { "accept-encoding": "identity" }),
  };
}

/** The runtime's own `fetch`, with the CA read once. */
export async function bareFetch({ root }: Pick<Place, "root">): Promise<TrustingFetch> {
  const ca = await readFile(`${root}/ca.crt`, "utf8");
  switch (runtimeName) {
    case "deno": {
      const { Deno } = globalThis as unknown as DenoGlobal;
      const client = Deno.createHttpClient({ caCerts: [ca] });
      return async (url, init) => await fetch(url, { ...init, client } as RequestInit);
    }
    case "bun":
      return async (url, init) => await fetch(url, { ...init, tls: { ca } } as RequestInit);
    case "node": {
      const undici = await import("undici");
      const dispatcher = new undici.Agent({ allowH2: false, connect: { ca } });
      return async (url, init) => await undici.fetch(url, { ...init, dispatcher });
    }
  }
}

interface DenoGlobal {
  Deno: { createHttpClient(options: { caCerts: string[] }): unknown };
}
