/**
 * IP addresses, whichever way they are written.
 *
 * @module
 */

/** An IP address as a number. */
export interface IpAddress {
  readonly bits: 32 | 128;
  readonly value: bigint;
}

/** Parses an IP address. An IPv4 address within IPv6 counts as IPv4. */
export function parseAddress(text: string): IpAddress | undefined {
  if (/^\d{1,3}(?:\.\d{1,3}){3}$/.test(text)) {
    const octets = text.split(".").map(Number);
    if (octets.some((octet) => octet > 255)) return undefined;
    return { bits: 32, value: octets.reduce((value, octet) => (value << 8n) | BigInt(octet), 0n) };
  }
  if (!text.includes(":")) return undefined;
  // The URL standard writes an IPv6 address in its one canonical form.
  const canonical = URL.parse(`http://[${text}]`)?.hostname.slice(1, -1);
  if (canonical === undefined) return undefined;
  const [head = "", tail] = canonical.split("::");
  const left = head === "" ? [] : head.split(":");
  const right = tail === undefined || tail === "" ? [] : tail.split(":");
  const zeros = Array.from({ length: 8 - left.length - right.length }, () => "0");
  const value = [...left, ...zeros, ...right].reduce(
    (sum, group) => (sum << 16n) | BigInt(Number.parseInt(group, 16)),
    0n,
  );
  return unmapped({ bits: 128, value });
}

/** Reads an IP address from its bytes; `undefined` if there are neither four nor sixteen. */
export function addressOf(bytes: Uint8Array): IpAddress | undefined {
  if (bytes.length !== 4 && bytes.length !== 16) return undefined;
  const value = bytes.reduce((sum, byte) => (sum << 8n) | BigInt(byte), 0n);
  return bytes.length === 4 ? { bits: 32, value } : unmapped({ bits: 128, value });
}

/** Writes an address in its canonical form, an IPv6 one without brackets. */
export function formatAddress({ bits, value }: IpAddress): string {
  const [length, radix, separator] =
    bits === 32 ? ([8, 10, "."] as const) : ([16, 16, ":"] as const);
  const groups = Array.from({ length: bits / length }, (_, index) =>
    ((value >> BigInt(bits - length * (index + 1))) & ((1n << BigInt(length)) - 1n)).toString(
      radix,
    ),
  );
  const text = groups.join(separator);
  return bits === 32 ? text : (URL.parse(`http://[${text}]`)?.hostname.slice(1, -1) ?? text);
}

/** Whether two are the same address. */
export function isSameAddress(a: IpAddress, b: IpAddress): boolean {
  return a.bits === b.bits && a.value === b.value;
}

function unmapped({ bits, value }: IpAddress): IpAddress {
  return value >> 32n === 0xffffn ? { bits: 32, value: value & 0xffff_ffffn } : { bits, value };
}
/** A host without the brackets that a URL puts around an IPv6 address. */
export function withoutBrackets(host: string): string {
  return host.startsWith("[") && host.endsWith("]") ? host.slice(1, -1) : host;
}
