/**
 * Paths that are not resources: the server's version and its health.
 *
 * @module
 */

import type { ApiAnswer } from "./request-target.ts";

/** The version that the server claims to be. */
const VERSION = {
  major: "1",
  minor: "37",
  gitVersion: "v1.37.2",
  gitCommit: "0000000000000000000000000000000000000000",
  gitTreeState: "clean",
  buildDate: "2026-11-11T00:00:00Z",
  goVersion: "go1.26.0",
  compiler: "gc",
  platform: "linux/amd64",
};

/** Answers a request for one of those paths; `undefined` for any other. */
export function answerServerPath(pathname: string): ApiAnswer | undefined {
  if (pathname === "/version") {
    const headers = { "Content-Type": "application/json" };
    return { status: 200, headers, body: JSON.stringify(VERSION, undefined, 2) };
  }
  if (!/^\/(?:healthz|livez|readyz)(?:\/|$)/.test(pathname)) return undefined;
  return { status: 200, headers: { "Content-Type": "text/plain; charset=utf-8" }, body: "ok" };
}
