/**
 * Certificate authorities and leaf certificates minted per run, on Web Crypto alone, so that every
 * runtime can make its own.
 *
 * @module
 */

import "./reflect-metadata.ts";
import type { Extension, JsonGeneralName } from "@peculiar/x509";

// Bun evaluates a CommonJS dependency ahead of the imports written before it, so the library, which
// needs the line above, is imported dynamically.
const {
  AuthorityKeyIdentifierExtension,
  BasicConstraintsExtension,
  ExtendedKeyUsage,
  ExtendedKeyUsageExtension,
  KeyUsageFlags,
  KeyUsagesExtension,
  Pkcs10CertificateRequestGenerator,
  SubjectAlternativeNameExtension,
  SubjectKeyIdentifierExtension,
  X509CertificateGenerator,
} = await import("@peculiar/x509");

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;

/** The type of key pair: `EC` is P-256, `RSA` has 2048 bits. */
export type KeyAlgorithm = "EC" | "P-384" | "RSA" | "Ed25519";

/** The options of {@linkcode createCa}. */
export interface CreateCaOptions {
  /** The subject's common name. @default "kubernetes" */
  commonName?: string;
  /** Subject key identifier on the CA, authority key identifier on its leaves. @default true */
  keyIdentifiers?: boolean;
  /** @default one hour ago */
  notBefore?: Date;
  /** @default one day ahead */
  notAfter?: Date;
  /** A key pair to reuse, for an anchor that is renewed with the same key. */
  keys?: CryptoKeyPair;
  /** @default "EC" */
  algorithm?: KeyAlgorithm;
}

/** The options of {@linkcode TestCa.issue}. */
export interface IssueOptions {
  /** Subject alternative names: IP addresses, DNS names or URIs. @default 127.0.0.1, ::1, localhost */
  hosts?: string[];
  /** The subject's common name. @default "kube-apiserver", or "client" for a client */
  commonName?: string;
  /** The subject's organizations, which are the groups of a Kubernetes client certificate. @default none */
  organizations?: string[];
  /** @default one hour ago */
  notBefore?: Date;
  /** @default one day ahead */
  notAfter?: Date;
  /** Whether the certificate is for a client instead of a server. A client has no hosts by default. */
  client?: boolean;
  /** @default "EC" */
  algorithm?: KeyAlgorithm;
}

/** A certificate and its private key, both PEM. */
export interface IssuedCertificate {
  cert: string;
  /** PKCS#8. */
  key: string;
}

/** A certificate authority that lives for one run. */
export interface TestCa {
  readonly pem: string;
  readonly keys: CryptoKeyPair;
  readonly commonName: string;
  /** Issues a leaf certificate, for a server by default. */
  issue(options?: IssueOptions): Promise<IssuedCertificate>;
}

/**
 * Creates a self-signed certificate authority.
 *
 * @param options the content of the certificate
 * @returns the authority, ready to issue
 */
export async function createCa(options: CreateCaOptions = {}): Promise<TestCa> {
  const commonName = options.commonName ?? "kubernetes";
  const keyIdentifiers = options.keyIdentifiers ?? true;
  const keys = options.keys ?? (await generateKeys(options.algorithm ?? "EC"));
  const extensions: Extension[] = [
    new BasicConstraintsExtension(true, undefined, true),
    new KeyUsagesExtension(KeyUsageFlags.keyCertSign | KeyUsageFlags.cRLSign, true),
  ];
  if (keyIdentifiers) {
    extensions.push(await SubjectKeyIdentifierExtension.create(keys.publicKey));
  }
  const certificate = await X509CertificateGenerator.createSelfSigned({
    ...validity(options),
    serialNumber: randomSerialNumber(),
    name: [{ CN: [commonName] }],
    keys,
    signingAlgorithm: signingAlgorithm(keys.privateKey),
    extensions,
  });

  async function issue(leaf: IssueOptions = {}): Promise<IssuedCertificate> {
    const leafKeys = await generateKeys(leaf.algorithm ?? "EC");
    const isClient = leaf.client ?? false;
    const name: Record<string, string[]>[] = (leaf.organizations ?? []).map((it) => ({ O: [it] }));
    name.push({ CN: [leaf.commonName ?? (isClient ? "client" : "kube-apiserver")] });
    const leafExtensions = leafUsages(isClient);
    const hosts = leaf.hosts ?? (isClient ? [] : ["127.0.0.1", "::1", "localhost"]);
    if (hosts.length > 0) {
      leafExtensions.push(new SubjectAlternativeNameExtension(hosts.map(toGeneralName)));
    }
    if (keyIdentifiers) {
      leafExtensions.push(await AuthorityKeyIdentifierExtension.create(keys.publicKey));
    }
    const issued = await X509CertificateGenerator.create({
      ...validity(leaf),
      serialNumber: randomSerialNumber(),
      subject: name,
      issuer: certificate.subjectName,
      publicKey: leafKeys.publicKey,
      signingKey: keys.privateKey,
      signingAlgorithm: signingAlgorithm(keys.privateKey),
      extensions: leafExtensions,
    });
    return { cert: withFinalNewline(issued.toString("pem")), key: await toPkcs8Pem(leafKeys) };
  }

  return { pem: withFinalNewline(certificate.toString("pem")), keys, commonName, issue };
}

/** Creates a self-signed server certificate that is not a CA. */
export async function selfSign({
  hosts = ["127.0.0.1", "::1", "localhost"],
}: Pick<IssueOptions, "hosts"> = {}): Promise<IssuedCertificate> {
  const keys = await generateKeys("EC");
  const certificate = await X509CertificateGenerator.createSelfSigned({
    ...validity({}),
    serialNumber: randomSerialNumber(),
    name: [{ CN: ["self-signed"] }],
    keys,
    signingAlgorithm: signingAlgorithm(keys.privateKey),
    extensions: [
      ...leafUsages(false),
      new SubjectAlternativeNameExtension(hosts.map(toGeneralName)),
    ],
  });
  return { cert: withFinalNewline(certificate.toString("pem")), key: await toPkcs8Pem(keys) };
}

async function generateKeys(algorithm: KeyAlgorithm): Promise<CryptoKeyPair> {
  if (algorithm === "EC" || algorithm === "P-384") {
    const ec = { name: "ECDSA", namedCurve: algorithm === "EC" ? "P-256" : algorithm };
    return await crypto.subtle.generateKey(ec, true, ["sign", "verify"]);
  }
  if (algorithm === "Ed25519") {
    // The types of some runtimes also allow a single key here.
    const keys: CryptoKey | CryptoKeyPair = await crypto.subtle.generateKey(algorithm, true, [
      "sign",
      "verify",
    ]);
    if ("publicKey" in keys) return keys;
    throw new TypeError(`Cannot make a pair of ${algorithm} keys: there is but one key`);
  }
  const rsa = {
    name: "RSASSA-PKCS1-v1_5",
    modulusLength: 2048,
    publicExponent: new Uint8Array([1, 0, 1]),
    hash: "SHA-256",
  };
  return await crypto.subtle.generateKey(rsa, true, ["sign", "verify"]);
}

function signingAlgorithm(key: CryptoKey): EcdsaParams {
  return { name: key.algorithm.name, hash: "SHA-256" };
}

function validity(dates: { notBefore?: Date; notAfter?: Date }): {
  notBefore: Date;
  notAfter: Date;
} {
  const now = Date.now();
  return {
    notBefore: dates.notBefore ?? new Date(now - HOUR_MS),
    notAfter: dates.notAfter ?? new Date(now + DAY_MS),
  };
}

function leafUsages(isClient: boolean): Extension[] {
  return [
    new BasicConstraintsExtension(false, undefined, true),
    new KeyUsagesExtension(KeyUsageFlags.digitalSignature | KeyUsageFlags.keyEncipherment, true),
    new ExtendedKeyUsageExtension([
      isClient ? ExtendedKeyUsage.clientAuth : ExtendedKeyUsage.serverAuth,
    ]),
  ];
}

/** Makes a request for a client's certificate, as PEM. */
export async function createCertificateRequest(commonName: string): Promise<string> {
  const keys = await generateKeys("EC");
  const request = await Pkcs10CertificateRequestGenerator.create({
    name: [{ CN: [commonName] }],
    keys,
    signingAlgorithm: signingAlgorithm(keys.privateKey),
  });
  return request.toString("pem");
}

function toGeneralName(host: string): JsonGeneralName {
  if (host.includes("://")) return { type: "url", value: host };
  const isAddress = host.includes(":") || /^\d+(?:\.\d+){3}$/.test(host);
  return { type: isAddress ? "ip" : "dns", value: host };
}

function randomSerialNumber(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  // The first bit is cleared to keep the integer positive. The second is set to keep its length fixed.
  bytes[0] = ((bytes[0] ?? 0) & 0x7f) | 0x40;
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

async function toPkcs8Pem(keys: CryptoKeyPair): Promise<string> {
  const der = new Uint8Array(await crypto.subtle.exportKey("pkcs8", keys.privateKey));
  const base64 = btoa(String.fromCharCode(...der));
  const lines = base64.match(/.{1,64}/g) ?? [];
  return ["-----BEGIN PRIVATE KEY-----", ...lines, "-----END PRIVATE KEY-----", ""].join("\n");
}

function withFinalNewline(text: string): string {
  return text.endsWith("\n") ? text : `${text}\n`;
}
