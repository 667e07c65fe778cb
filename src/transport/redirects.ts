/**
 * Follows redirects where credentials may go, and nowhere else.
 *
 * @module
 */

import { ConnectionError } from "../errors.ts";
import { type Send, describe } from "./request.ts";

/** The Fetch standard's limit. */
const MAX_REDIRECTS = 20;
const redirectStatuses = new Set([301, 302, 303, 307, 308]);

/**
 * Follows redirects of GET and HEAD within the request's origin. Every other one comes back as it is, so
 * that no credential leaves and no other verb is repeated.
 */
export function withRedirects(send: Send): Send {
  return async (request) => {
    for (let url = request.url, count = 0; ; count++) {
      const response = await send(url === request.url ? request : { ...request, url });
      if (!redirectStatuses.has(response.status)) return response;
      const location = response.header("location");
      if (location === null) return response;
      if (request.redirect === "manual") return response;
      if (request.redirect === "error") {
        await response.discard();
        throw new TypeError(
          `Cannot ${describe(request)}: the server redirects, which redirect: "error" rejects`,
        );
      }
      if (request.method !== "GET" && request.method !== "HEAD") return response;
      const next = URL.parse(location, url);
      const { origin, protocol } = request.url;
      // The origin of a blob: URL is that of the server within it.
      if (next?.origin !== origin || next.protocol !== protocol) return response;
      await response.discard();
      if (count === MAX_REDIRECTS) {
        throw new ConnectionError(
          `Cannot ${describe(request)}: it redirects more than ${MAX_REDIRECTS} times`,
        );
      }
      url = next;
    }
  };
}
