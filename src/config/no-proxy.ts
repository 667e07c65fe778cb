/**
 * Which servers are reached without the environment's proxy, by the rules of Go's
 * `golang.org/x/net/http/httpproxy`.
 *
 * @module
 */

import { type IpAddress, isSameAddress, parseAddress, withoutBrackets } from "../ip-address.ts";

/**
 * Whether a server is reached straight: on loopback, or one of those that `NO_PROXY` lists, as hosts,
 * suffixes, addresses, ranges, or `*`.
 */
export function isExcepted(server: URL, exceptions: string): boolean {
  const host = bareHost(server);
  if (isLoopback(host)) return true;
  const port = server.port || (server.protocol === "https:" ? "443" : "80");
  const address = parseAddress(host);
  return exceptions.split(",").some((written) => {
    const entry = written.trim().toLowerCase();
    if (entry === "") return false;
    if (entry === "*") return true;
    if (entry.includes("/")) return address !== undefined && isInRange(address, entry);
    const { name, port: entryPort } = splitPort(entry);
    if (entryPort !== undefined && entryPort !== port) return false;
    const entryAddress = parseAddress(name);
    if (entryAddress !== undefined) {
      return address !== undefined && isSameAddress(address, entryAddress);
    }
    if (name.startsWith("*.")) return host.endsWith(name.slice(1));
    if (name.startsWith(".")) return host.endsWith(name);
    return host === name || host.endsWith(`.${name}`);
  });
}

function bareHost(server: URL): string {
  return withoutBrackets(server.hostname).replace(/\.$/, "").toLowerCase();
}

function isLoopback(host: string): boolean {
  const address = parseAddress(host);
  if (address === undefined) return host === "localhost";
  return address.bits === 32 ? address.value >> 24n === 127n : address.value === 1n;
}

function splitPort(entry: string): { name: string; port: string | undefined } {
  const bracketed = /^\[([^\]]*)\](?::(\d+))?$/.exec(entry);
  if (bracketed !== null) return { name: bracketed[1] ?? "", port: bracketed[2] };
  const parts = entry.split(":");
  return parts.length === 2
    ? { name: parts[0] ?? "", port: parts[1] }
    : { name: entry, port: undefined };
}

function isInRange(address: IpAddress, range: string): boolean {
  const [base = "", length = ""] = range.split("/");
  const from = parseAddress(base);
  if (from === undefined || from.bits !== address.bits || !/^\d{1,3}$/.test(length)) return false;
  const rest = from.bits - Number(length);
  return rest >= 0 && address.value >> BigInt(rest) === from.value >> BigInt(rest);
}
