/**
 * The name that a server's certificate must carry: a host name or an IP address, in one spelling.
 *
 * @module
 */

import { withoutBrackets } from "../ip-address.ts";
/** As Go's `crypto/x509` has it: underscores are common inside clusters. */
const hostName = /^(?=.{1,253}$)[a-z0-9_][a-z0-9_-]*(?:\.[a-z0-9_][a-z0-9_-]*)*$/;
const ipv4 = /^\d{1,3}(?:\.\d{1,3}){3}$/;

/**
 * Reads a name as a config, a kubeconfig or a URL has it.
 *
 * @param text A host name, with or without the final dot, or an IP address, an IPv6 one with or without brackets.
 * @returns In lower case, without the final dot and the brackets; `undefined` if it is neither.
 */
export function readServerName(text: string): string | undefined {
  const name = text.toLowerCase();
  const bare = withoutBrackets(name);
  if (bare.includes(":")) return URL.parse(`https://[${bare}]`)?.hostname.slice(1, -1);
  const host = name.endsWith(".") ? name.slice(0, -1) : name;
  if (!hostName.test(host)) return undefined;
  // Digits alone after the last dot are an address, in whatever way they are written.
  const isAddress = /(?:^|\.)\d+$/.test(host);
  const isIpv4 = ipv4.test(name) && URL.parse(`https://${name}`)?.hostname === name;
  return isAddress && !isIpv4 ? undefined : host;
}

/**
 * The name that a server's certificate must carry. A request's `Host` header has no say in it.
 *
 * @param hostname The host of the URL.
 * @param serverName What a config says in its place, as {@link readServerName} returned it.
 */
export function expectedName(hostname: string, serverName: string | undefined): string {
  return serverName ?? readServerName(hostname) ?? hostname;
}

/** What SNI says for a name: nothing for an address, which it can't carry (RFC 6066 section 3). */
export function sniOf(name: string): string {
  return name.includes(":") || ipv4.test(name) ? "" : name;
}
