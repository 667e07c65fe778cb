/**
 * The entry of the runtime that the tests run in.
 *
 * @module
 */

type Entry = typeof import("../../../runtimes/node.ts");

/** The runtime that this is. */
export const lane: "node" | "deno" | "bun" = findLane();

/** What it exports; all entries export the same names. */
export const entry: Entry = await load();

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
