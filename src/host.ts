/**
 * Host names as URLs write them.
 *
 * @module
 */

/** A host without the brackets that a URL puts around an IPv6 address. */
export function withoutBrackets(host: string): string {
  return host.startsWith("[") && host.endsWith("]") ? host.slice(1, -1) : host;
}
