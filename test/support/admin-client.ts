/**
 * Sends requests to an API server as its administrator, without any of the code under test.
 *
 * @module
 */

import { request } from "node:https";
import type { IssuedCertificate } from "./pki.ts";

/** A response of any status. */
export interface AdminAnswer {
  readonly status: number;
  /** The parsed JSON, or the text if it is not JSON. */
  readonly body: unknown;
}

/** A request, on a connection of its own. */
export interface AdminRequest {
  readonly port: number;
  /** The CA that the server must have. */
  readonly ca: string;
  /** The credentials: a token, a certificate, or none. */
  readonly identity?: IssuedCertificate | string | undefined;
  readonly method?: string | undefined;
  readonly path: string;
  readonly body?: unknown;
}

/** Sends a request. Rejects if there is no response, or if `ca` does not vouch for the server. */
export async function askServer(options: AdminRequest): Promise<AdminAnswer> {
  const { port, ca, identity, method = "GET", path, body } = options;
  const text = body === undefined ? undefined : JSON.stringify(body);
  const headers = {
    accept: "application/json",
    ...(text !== undefined && {
      "content-type": "application/json",
      "content-length": String(new TextEncoder().encode(text).byteLength),
    }),
    ...(typeof identity === "string" && { authorization: `Bearer ${identity}` }),
  };
  const tls = { ca, ...(typeof identity === "object" && identity) };
  return await new Promise<AdminAnswer>((resolve, reject) => {
    const target = {
      host: "127.0.0.1",
      port,
      agent: false as const,
      method,
      path,
      headers,
      ...tls,
    };
    const outgoing = request(target, (response) => {
      let answer = "";
      response.setEncoding("utf8");
      response.on("data", (chunk: string) => void (answer += chunk));
      response.on("error", reject);
      response.on("end", () => resolve({ status: response.statusCode ?? 0, body: parse(answer) }));
    });
    outgoing.on("error", reject);
    outgoing.end(text);
  });
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return text;
  }
}
