/**
 * The values of Secrets, which the API carries in base64.
 *
 * @module
 */

import { fromBase64, toBase64 } from "../bytes.ts";

/** The part of a Secret that has its values. */
export interface SecretData {
  /** Values in base64. */
  readonly data?: { readonly [key: string]: string } | undefined;
}

/**
 * Decodes the values of a Secret as UTF-8 text.
 *
 * @param secret A Secret, as the API returns it.
 * @returns Its values by their keys.
 * @throws {TypeError} if a value is not base64, or not UTF-8: use {@link decodeBase64} for bytes.
 *
 * @example
 * ```ts
 * import { readSecret } from "@reanchor/reanchor/resources";
 *
 * const { password } = readSecret({ data: { password: "c2VzYW1l" } });
 * console.log(password === "sesame"); // true
 * ```
 */
export function readSecret({ data = {} }: SecretData): Record<string, string> {
  const entries = Object.entries(data).map(([key, value]) => {
    try {
      const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
      return [key, decoder.decode(decodeBase64(value))] as const;
    } catch {
      // Without a cause: it might quote the value.
      throw new TypeError(
        `Cannot read key ${JSON.stringify(key)} of the Secret: it is no UTF-8 text`,
      );
    }
  });
  return Object.fromEntries(entries);
}

/**
 * Encodes a value for `data` of a Secret, or `binaryData` of a ConfigMap. (`stringData` takes text as it is.)
 *
 * @param value Text, which is encoded as UTF-8, or bytes.
 */
export function encodeBase64(value: string | Uint8Array): string {
  return toBase64(typeof value === "string" ? new TextEncoder().encode(value) : value);
}

/**
 * Decodes a value of `data` of a Secret, or of `binaryData` of a ConfigMap.
 *
 * @throws {TypeError} if it is not base64. The message does not quote it.
 */
export function decodeBase64(base64: string): Uint8Array<ArrayBuffer> {
  try {
    return fromBase64(base64);
  } catch {
    throw new TypeError("Cannot decode the value: it is not base64");
  }
}
