/**
 * Asks an API server as its administrator, with none of the code that the tests are about.
 *
 * @module
 */

import { request } from "node:https";
import type { IssuedCertificate } from "./pki.ts";

/** An answer, whatever its status. */
export interface AdminAnswer {
  readonly status: number;
  /** What its JSON holds; the text where it is none. */
  readonly body: unknown;
}

/** One request, on a connection of its own. */
export interface AdminRequest {
  readonly port: number;
  /** Who vouches for the server. */
  readonly ca: string;
  /** As whom; a token, a certificate, or nobody. */
  readonly identity?: IssuedCertificate | string | undefined;
  readonly method?: string | undefined;
  readonly path: string;
  readonly body?: unknown;
}

/** Sends a request; rejects where no answer comes, as from a server that `ca` does not vouch for. */
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
