/**
 * The entry of the runtime that the tests run in, and by which HTTP they run: `REANCHOR_HTTP=sockets` runs all of them
 * by `http: "sockets"`.
 *
 * @module
 */

import process from "node:process";
import { type Http, chooseHttp } from "../../../src/transport/http-way.ts";

type Entry = typeof import("../../../runtimes/node.ts");

/** The runtime that this is. */
export const lane: "node" | "deno" | "bun" = findLane();

/** By whose HTTP requests are carried. */
export const http: Http = process.env["REANCHOR_HTTP"] === "sockets" ? "sockets" : "runtime";

/** What it exports; all entries export the same names. */
export const entry: Entry = bySockets(await load());

function findLane(): "node" | "deno" | "bun" {
  const name = navigator.userAgent.split("/", 1)[0];
  switch (name) {
    case "Node.js":
      return "node";
    case "Deno":
      return "deno";
    case "Bun":
      return "bun";
    default:
      throw new Error(`Cannot test in ${navigator.userAgent}: it is no lane`);
  }
}

async function load(): Promise<Entry> {
  switch (lane) {
    case "node":
      return await import("../../../runtimes/node.ts");
    case "deno":
      return await import("../../../runtimes/deno.ts");
    case "bun":
      return await import("../../../runtimes/bun.ts");
  }
}

/** An entry whose clients use sockets where that is what is tested. */
function bySockets(loaded: Entry): Entry {
  if (http === "runtime") return loaded;
  const { runtime } = chooseHttp(loaded.runtime, http, {});
  return {
    ...loaded,
    runtime,
    connect: async (options) => await loaded.connect({ http, ...options }),
    createFetch: (options) => loaded.createFetch({ http, ...options }),
  };
}
