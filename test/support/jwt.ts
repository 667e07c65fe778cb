/**
 * Creates signed tokens with nothing but Web Crypto.
 *
 * @module
 */

/** Signs claims with ES256 (RFC 7518 section 3.4), with a P-256 key as PKCS#8 in PEM. */
export async function signJwt(
  claims: Readonly<Record<string, unknown>>,
  pem: string,
): Promise<string> {
  const algorithm = { name: "ECDSA", namedCurve: "P-256" };
  const base64 = pem.replaceAll(/-----[^-]+-----/g, "");
  const der = Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));
  const key = await crypto.subtle.importKey("pkcs8", der, algorithm, false, ["sign"]);
  const parts = [{ alg: "ES256", typ: "JWT" }, claims].map((part) => {
    return encode(new TextEncoder().encode(JSON.stringify(part)));
  });
  const signed = parts.join(".");
  const signature = await crypto.subtle.sign(
    { name: "ECDSA", hash: "SHA-256" },
    key,
    new TextEncoder().encode(signed),
  );
  return `${signed}.${encode(new Uint8Array(signature))}`;
}

function encode(bytes: Uint8Array): string {
  return btoa(String.fromCharCode(...bytes))
    .replaceAll("+", "-")
    .replaceAll("/", "_")
    .replaceAll("=", "");
}
