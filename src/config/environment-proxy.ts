/**
 * Which proxy the environment asks for, by the rules of Go's `golang.org/x/net/http/httpproxy`, which
 * client-go and kubectl go by.
 *
 * @module
 */

import type { Runtime } from "../runtime.ts";

/**
 * Reads `HTTPS_PROXY` (for an http server `HTTP_PROXY`) and `NO_PROXY`, in capitals or not.
 *
 * @returns The proxy, as it is written there, or `undefined` for a straight connection.
 */
export async function environmentProxy(
  runtime: Pick<Runtime, "env">,
  server: URL,
): Promise<string | undefined> {
  const [upper, lower] =
    server.protocol === "https:" ? ["HTTPS_PROXY", "https_proxy"] : ["HTTP_PROXY", "http_proxy"];
  const proxy = (runtime.env(upper) || runtime.env(lower))?.trim();
  if (!proxy) return undefined;
  // Loaded where there is a proxy: most clusters are reached without one.
  const { isExcepted } = await import("./no-proxy.ts");
  if (isExcepted(server, runtime.env("NO_PROXY") || runtime.env("no_proxy") || ""))
    return undefined;
  return /^[A-Za-z][A-Za-z0-9+.-]*:\/\//.test(proxy) ? proxy : `http://${proxy}`;
}
