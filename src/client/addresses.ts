/**
 * Where a client's requests go: never beyond its server's origin, where its credentials belong.
 *
 * @module
 */

import type { CallOptions } from "../api/api-call.ts";
import { trimEnd } from "../trim-end.ts";

/** How many are remembered: programs ask for the same ones again and again. */
const MAX_KNOWN = 256;

export class Addresses {
  readonly #known = new Map<string, URL>();
  #server: URL | undefined;

  /**
   * The URL that a caller means by a path, or by a URL of the server. It is others' as well, and stays as it is.
   *
   * @throws {TypeError} if it is none of the server's.
   */
  resolve(text: string, server: URL): URL {
    if (this.#server !== server || this.#known.size >= MAX_KNOWN) {
      this.#known.clear();
      this.#server = server;
    }
    let url = this.#known.get(text);
    if (url === undefined) {
      url = resolve(text, server);
      this.#known.set(text, url);
    }
    return url;
  }
}

function resolve(text: string, server: URL): URL {
  const base = trimEnd(server.href, "/");
  const absolute = /^[A-Za-z][A-Za-z0-9+.-]*:/.test(text);
  // Put together as text: resolved as a reference, "//host/path" would be another host.
  const url = URL.parse(absolute ? text : `${base}${text.startsWith("/") ? "" : "/"}${text}`);
  if (url === null) throw new TypeError("Cannot fetch: the path or URL is malformed");
  // The origin of a blob: URL is that of the server within it.
  if (url.origin !== server.origin || url.protocol !== server.protocol) {
    throw new TypeError(
      `Cannot fetch from ${url.origin}: this client's credentials are for ${server.origin} alone`,
    );
  }
  if (url.username !== "" || url.password !== "") {
    throw new TypeError("Cannot fetch: the URL carries credentials; set headers in their place");
  }
  return url;
}

/** Adds a query to a path. */
export function withQuery(path: string, query: CallOptions["query"]): string {
  if (query === undefined) return path;
  const parameters = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) {
    if (value !== undefined) parameters.set(name, String(value));
  }
  const text = parameters.toString();
  return text === "" ? path : `${path}${path.includes("?") ? "&" : "?"}${text}`;
}
