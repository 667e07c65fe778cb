/**
 * Certificate chains and the bundles that they are verified with. Each row is a question for a verifier. Go's
 * answers are in `verdicts.json`.
 *
 * Each process creates new keys and certificates, so that nothing in the repository expires and it contains
 * no private key.
 *
 * @module
 */

import { type KeyObject, createHash, createPublicKey, generateKeyPairSync } from "node:crypto";
import {
  type CertificateSpec,
  authorityKeyIdentifier,
  basicConstraints,
  extendedKeyUsage,
  keyUsage,
  makeCertificate,
  nameConstraints,
  subjectAltName,
  subjectKeyIdentifier,
  unknownExtension,
} from "./certificate.ts";

/** A row. */
export interface ChainCase {
  readonly name: string;
  /** The host that the client asks for. */
  readonly host: string;
  /** The anchors that the client trusts, as PEM. */
  readonly bundle: string;
  /** The chain that the server presents, its own certificate first, as PEM. */
  readonly chain: string;
  /** The private key of the server's certificate, as PEM. */
  readonly key: string;
}

type Algorithm = "P-256" | "P-384" | "P-521" | "RSA" | "RSA 1024" | "Ed25519";

const HOUR_MS = 3_600_000;
const now = Date.now();
const valid = { notBefore: new Date(now - HOUR_MS), notAfter: new Date(now + 24 * HOUR_MS) };
const past = { notBefore: new Date(now - 48 * HOUR_MS), notAfter: new Date(now - HOUR_MS) };
const future = { notBefore: new Date(now + HOUR_MS), notAfter: new Date(now + 48 * HOUR_MS) };

/** A certificate with its private key. */
interface Certified {
  readonly subject: string;
  readonly pem: string;
  readonly key: KeyObject;
  /** The key identifier, if certificates have one. */
  readonly id: string | undefined;
}

/** How a certificate differs from a valid one. */
interface Change extends Partial<CertificateSpec> {
  readonly algorithm?: Algorithm;
  /** A key to reuse. */
  readonly key?: KeyObject;
  /** Whether it has key identifiers. @default true */
  readonly identified?: boolean;
  /** Extensions in addition to the basic constraints and the names. */
  readonly also?: readonly Uint8Array<ArrayBuffer>[];
}

interface LeafChange extends Change {
  readonly names?: readonly string[];
}

/** As most issuers derive it: from the key, so that a renewal keeps it (RFC 5280 section 4.2.1.2). */
function identifierOf(key: KeyObject): string {
  const spki = createPublicKey(key).export({ format: "der", type: "spki" });
  return createHash("sha256").update(spki).digest("hex").slice(0, 20);
}

function newKey(algorithm: Algorithm = "P-256"): KeyObject {
  switch (algorithm) {
    case "RSA":
      return generateKeyPairSync("rsa", { modulusLength: 2048 }).privateKey;
    case "RSA 1024":
      return generateKeyPairSync("rsa", { modulusLength: 1024 }).privateKey;
    case "Ed25519":
      return generateKeyPairSync("ed25519").privateKey;
    default:
      return generateKeyPairSync("ec", { namedCurve: algorithm }).privateKey;
  }
}

function certify(
  issuer: Certified | undefined,
  subject: string,
  { algorithm, key = newKey(algorithm), identified = true, also = [], ...change }: Change,
  extensions: readonly Uint8Array<ArrayBuffer>[],
): Certified {
  const id = identified ? identifierOf(key) : undefined;
  const own = issuer === undefined;
  const signer = issuer?.key ?? key;
  const identifiers = id === undefined ? [] : [subjectKeyIdentifier(id)];
  if (issuer?.id !== undefined && identified) identifiers.push(authorityKeyIdentifier(issuer.id));
  const pem = makeCertificate({
    subject,
    issuer: own ? subject : issuer.subject,
    publicKey: key,
    signer,
    ...valid,
    extensions: [...extensions, ...identifiers, ...also],
    ...change,
  });
  return { subject, pem, key, id };
}

/** A root if it has no issuer, otherwise an intermediate. */
function authority(subject: string, issuer?: Certified, change: Change = {}): Certified {
  return certify(issuer, subject, change, [basicConstraints(true), keyUsage("keyCertSign")]);
}

/** A server's certificate. */
function leaf(issuer: Certified | undefined, change: LeafChange = {}): Certified {
  const { names = ["a.example"], subject = "server", ...rest } = change;
  return certify(issuer, subject, rest, [
    basicConstraints(false),
    ...(names.length === 0 ? [] : [subjectAltName(...names)]),
  ]);
}

function row(
  name: string,
  bundle: readonly Certified[],
  chain: readonly [Certified, ...Certified[]],
  host = "a.example",
): ChainCase {
  return {
    name,
    host,
    bundle: bundle.map(({ pem }) => pem).join(""),
    chain: chain.map(({ pem }) => pem).join(""),
    key: chain[0].key.export({ format: "pem", type: "pkcs8" }) as string,
  };
}

let table: readonly ChainCase[] | undefined;

/** All rows. */
export function chainTable(): readonly ChainCase[] {
  return (table ??= [
    ...paths(),
    ...anchors(),
    ...sameNames(),
    ...crossSigned(),
    ...intermediates(),
    ...constraints(),
    ...leaves(),
    ...hostNames(),
    ...addresses(),
    ...algorithms(),
  ]);
}

function paths(): ChainCase[] {
  const root = authority("root");
  const first = authority("first", root);
  const second = authority("second", first);
  const other = authority("other");
  const below = leaf(second);
  const direct = leaf(root);
  const many = Array.from({ length: 249 }, (_, index) => authority(`root ${index}`));
  return [
    row("a root", [root], [direct]),
    row("a root and an intermediate", [root], [leaf(first), first]),
    row("a root and two intermediates", [root], [below, second, first]),
    row("intermediates in the wrong order", [root], [below, first, second]),
    row("an intermediate that is not presented", [root], [below, second]),
    row("intermediates that only the bundle holds", [root, first, second], [below]),
    row("the root presented as well", [root], [below, second, first, root]),
    row("a certificate presented that has nothing to do with it", [root], [direct, other]),
    row("another root", [other], [direct]),
    row("another root, and the right one presented", [other], [direct, root]),
    row("the right root among 250", [...many, root], [direct]),
    row("250 roots and none of them", [...many, other], [direct]),
    row("a broken signature", [root], [leaf(root, { signature: "broken" })]),
    ...forgeries(root),
    row(
      "an intermediate with a broken signature",
      [root],
      ((): [Certified, Certified] => {
        const broken = authority("broken", root, { signature: "broken" });
        return [leaf(broken), broken];
      })(),
    ),
  ];
}

/** Certificates that name an issuer which did not sign them. */
function forgeries(root: Certified): ChainCase[] {
  const nobody = { ...root, key: newKey() };
  const first = { version: 1, subject: "a.example", identified: false } as const;
  const forged = authority("forged", nobody);
  const forgedFirst = authority("forged", nobody, { version: 1, identified: false });
  return [
    row("a forged certificate", [root], [leaf(nobody)]),
    row("a forged certificate of version 1", [root], [leaf(nobody, first)]),
    row("a forged certificate of version 1 beside the root", [root], [leaf(nobody, first), root]),
    row("a forged intermediate", [root], [leaf(forged), forged]),
    row("a forged intermediate of version 1", [root], [leaf(forgedFirst), forgedFirst]),
    row(
      "a forged intermediate of version 1 beside the root",
      [root],
      [leaf(forgedFirst), forgedFirst, root],
    ),
    row("a forged certificate beside one of version 1", [root], [leaf(nobody), forgedFirst, root]),
  ];
}

function anchors(): ChainCase[] {
  const plain = [keyUsage("keyCertSign")];
  const notCa = certify(undefined, "root", {}, [basicConstraints(false)]);
  const silent = certify(undefined, "root", {}, plain);
  const first = certify(undefined, "root", { version: 1, identified: false }, []);
  const noSigning = certify(undefined, "root", {}, [
    basicConstraints(true),
    keyUsage("digitalSignature"),
  ]);
  const expired = authority("root", undefined, past);
  const renewed = authority("root", undefined, { key: expired.key });
  const renamed = authority("root", undefined, {
    key: expired.key,
    identified: false,
    also: [subjectKeyIdentifier("another")],
  });
  const claiming = certify(undefined, "server", {}, [...plain, subjectAltName("a.example")]);
  const wide = authority("root");
  const narrow = authority("root", undefined, {
    key: wide.key,
    also: [extendedKeyUsage("clientAuth")],
  });
  const noCa = certify(undefined, "root", { key: wide.key }, [basicConstraints(false)]);
  const early = authority("root", undefined, future);
  const root = authority("root");
  const intermediate = authority("intermediate", root);
  const expiredBelow = authority("intermediate", root, past);
  const server = leaf(root);
  const selfSigned = leaf(undefined);
  const selfSignedCa = certify(undefined, "server", {}, [
    basicConstraints(true),
    subjectAltName("a.example"),
  ]);
  const selfSignedSilent = certify(undefined, "server", {}, [subjectAltName("a.example")]);
  const old = leaf(root, past);
  const forClients = authority("root", undefined, { also: [extendedKeyUsage("clientAuth")] });
  const forServers = authority("root", undefined, { also: [extendedKeyUsage("serverAuth")] });
  const unknown = authority("root", undefined, { also: [unknownExtension(true)] });
  const underV1 = authority("intermediate", first);
  return [
    row("an expired root", [expired], [leaf(expired)]),
    row("an expired root and its renewal", [expired, renewed], [leaf(expired)]),
    row("an expired root and its renewal, which is first", [renewed, expired], [leaf(expired)]),
    row(
      "an expired root and its renewal under another identifier",
      [expired, renamed],
      [leaf(expired)],
    ),
    row("a root behind one of its name and key that is for clients", [narrow, wide], [leaf(wide)]),
    row("a root behind one of its name and key that is no CA", [noCa, wide], [leaf(wide)]),
    row("a root that is not yet valid", [early], [leaf(early)]),
    row("a root that is no CA", [notCa], [leaf(notCa)]),
    row("a root without basic constraints", [silent], [leaf(silent)]),
    row("a root that may not sign certificates", [noSigning], [leaf(noSigning)]),
    row("a root of version 1", [first], [leaf(first)]),
    row("a root of version 1 and an intermediate", [first], [leaf(underV1), underV1]),
    row("a root for clients", [forClients], [leaf(forClients)]),
    row("a root for servers", [forServers], [leaf(forServers)]),
    row("a root with an unknown critical extension", [unknown], [leaf(unknown)]),
    row("an intermediate as anchor", [intermediate], [leaf(intermediate)]),
    row("an intermediate as anchor, presented", [intermediate], [leaf(intermediate), intermediate]),
    row(
      "an intermediate as anchor, presented with its root",
      [intermediate],
      [leaf(intermediate), intermediate, root],
    ),
    row("an expired intermediate as anchor", [expiredBelow], [leaf(expiredBelow)]),
    row("the server's certificate as anchor", [server], [server]),
    row("the server's certificate as anchor, presented with its root", [server], [server, root]),
    row("the server's certificate as anchor, for another host", [server], [server], "b.example"),
    row("the server's expired certificate as anchor", [old], [old]),
    row("a self-signed certificate as anchor", [selfSigned], [selfSigned]),
    row("a self-signed CA as the server's certificate", [selfSignedCa], [selfSignedCa]),
    row(
      "a self-signed certificate without basic constraints",
      [selfSignedSilent],
      [selfSignedSilent],
    ),
    row(
      "a self-signed certificate that may sign, without basic constraints",
      [claiming],
      [claiming],
    ),
    row("a self-signed certificate that nobody trusts", [root], [selfSigned]),
    row(
      "a server's certificate that signs another's",
      [server],
      [leaf({ ...server, subject: "server" }), server],
    ),
    row(
      "a self-signed certificate that signs another's",
      [selfSigned],
      [leaf(selfSigned, { subject: "another" })],
    ),
  ];
}

function sameNames(): ChainCase[] {
  const plain = { identified: false };
  const [old, next] = [
    authority("kubernetes", undefined, plain),
    authority("kubernetes", undefined, plain),
  ];
  const [known, knownNext] = [authority("kubernetes"), authority("kubernetes")];
  return [
    row("another root of the same name", [knownNext], [leaf(known)]),
    row("another root of the same name without identifiers", [next], [leaf(old, plain)]),
    row("two roots of one name, the first signed", [known, knownNext], [leaf(known)]),
    row("two roots of one name, the second signed", [knownNext, known], [leaf(known)]),
    row(
      "two roots of one name without identifiers, the first signed",
      [old, next],
      [leaf(old, plain)],
    ),
    row(
      "two roots of one name without identifiers, the second signed",
      [next, old],
      [leaf(old, plain)],
    ),
  ];
}

function crossSigned(): ChainCase[] {
  const [one, other] = [newKey(), newKey()];
  const byOther = authority(
    "one",
    { subject: "other", key: other, pem: "", id: undefined },
    { key: one },
  );
  const [selfOne, selfOther] = [
    authority("one", undefined, { key: one }),
    authority("other", undefined, { key: other }),
  ];
  const byOne = authority(
    "other",
    { subject: "one", key: one, pem: "", id: undefined },
    { key: other },
  );
  const old = authority("old");
  const expiredOld = authority("old", undefined, { ...past, key: old.key });
  const next = authority("next");
  const cross = authority("next", old, { key: next.key, identified: false });
  const plainNext = { ...next, id: undefined };
  const server = leaf(plainNext);
  return [
    row(
      "two roots that have signed each other as well",
      [byOther, byOne, selfOne, selfOther],
      [leaf(byOther)],
    ),
    row("two anchors that have signed each other", [byOther, byOne], [leaf(byOther)]),
    row("a cross-signed root, the old one trusted", [old], [server, cross]),
    row("a cross-signed root, the new one trusted", [next], [server, cross]),
    row("a cross-signed root, both trusted", [old, next], [server, cross]),
    row("a cross-signed root, the old one expired", [expiredOld], [server, cross]),
    row(
      "a cross-signed root, the old one expired beside the new",
      [expiredOld, next],
      [server, cross],
    ),
  ];
}

function intermediates(): ChainCase[] {
  const root = authority("root");
  const none = authority("root", undefined, {
    extensions: [basicConstraints(true, 0), keyUsage("keyCertSign")],
  });
  const one = authority("root", undefined, {
    extensions: [basicConstraints(true, 1), keyUsage("keyCertSign")],
  });

  function below(name: string, change: Change, issuer = root, more?: Certified): ChainCase {
    const intermediate = authority("intermediate", issuer, { identified: false, ...change });
    if (more === undefined) return row(name, [root], [leaf(intermediate), intermediate]);
    return row(name, [root], [leaf(intermediate), intermediate, more]);
  }

  const last = authority("last", root, {
    identified: false,
    extensions: [basicConstraints(true, 0), keyUsage("keyCertSign")],
  });
  const underNone = authority("intermediate", none);
  const underOne = authority("intermediate", one);
  const second = authority("second", underOne);
  return [
    below("an expired intermediate", past),
    below("an intermediate that is not yet valid", future),
    below("an intermediate that is no CA", { extensions: [basicConstraints(false)] }),
    below("an intermediate without basic constraints", { extensions: [keyUsage("keyCertSign")] }),
    below("an intermediate of version 1", { version: 1 }),
    below("an intermediate that may not sign certificates", {
      extensions: [basicConstraints(true), keyUsage("digitalSignature")],
    }),
    below("an intermediate for clients", { also: [extendedKeyUsage("clientAuth")] }),
    below("an intermediate for servers", { also: [extendedKeyUsage("serverAuth")] }),
    below("an intermediate for any use", { also: [extendedKeyUsage("any")] }),
    below("an intermediate with an unknown critical extension", { also: [unknownExtension(true)] }),
    below("an intermediate with an unknown extension", { also: [unknownExtension(false)] }),
    below("an intermediate below one of path length 0", {}, last, last),
    row("a root of path length 0", [none], [leaf(none)]),
    row("a root of path length 0 and an intermediate", [none], [leaf(underNone), underNone]),
    row("a root of path length 1 and an intermediate", [one], [leaf(underOne), underOne]),
    row("a root of path length 1 and two intermediates", [one], [leaf(second), second, underOne]),
  ];
}

function constraints(): ChainCase[] {
  const root = authority("root");

  function below(
    name: string,
    limits: Parameters<typeof nameConstraints>[0],
    names: readonly string[] = ["a.example"],
    host?: string,
  ): ChainCase {
    const limited = authority("limited", root, { also: [nameConstraints(limits)] });
    return row(`names ${name}`, [root], [leaf(limited, { names }), limited], host);
  }

  const inside = authority("root", undefined, {
    also: [nameConstraints({ permitted: ["example"] })],
  });
  const outside = authority("root", undefined, {
    also: [nameConstraints({ permitted: ["other.test"] })],
  });
  const lax = authority("root", undefined, {
    also: [nameConstraints({ permitted: ["other.test"] }, false)],
  });
  const loopback = "ip:127.0.0.0/255.0.0.0";
  const withUri = ["a.example", "uri:spiffe://a.example/b"];
  return [
    below("permitted", { permitted: ["example"] }),
    below("permitted with a leading dot", { permitted: [".example"] }),
    below("not permitted", { permitted: ["other.test"] }),
    below("one permitted and one not", { permitted: ["example"] }, ["a.example", "b.test"]),
    below("excluded", { excluded: ["example"] }),
    below("of which another is excluded", { excluded: ["other.test"] }),
    below("excluded though permitted", { permitted: ["example"], excluded: ["a.example"] }),
    below("of a wildcard, excluded", { excluded: ["a.example"] }, ["*.example"]),
    below("of a wildcard, permitted", { permitted: ["example"] }, ["*.example"]),
    below("limited by address alone", { permitted: [loopback] }),
    below("limited by mail domain alone", { permitted: ["email:example"] }),
    below("limited by directory alone", { permitted: ["directory:other"] }),
    below("of an address, permitted", { permitted: [loopback] }, ["ip:127.0.0.1"], "127.0.0.1"),
    below(
      "of an address, not permitted",
      { permitted: ["ip:10.0.0.0/255.0.0.0"] },
      ["ip:127.0.0.1"],
      "127.0.0.1",
    ),
    below("of an address, excluded", { excluded: [loopback] }, ["ip:127.0.0.1"], "127.0.0.1"),
    below("limited by URI alone", { permitted: ["uri:other.test"] }),
    below("beside a URI, permitted", { permitted: ["uri:a.example"] }, withUri),
    below("beside a URI, not permitted", { permitted: ["uri:other.test"] }, withUri),
    below("beside a URI, excluded", { excluded: ["uri:a.example"] }, withUri),
    below("beside a URI of which another is excluded", { excluded: ["uri:other.test"] }, withUri),
    row("a root whose name constraints permit", [inside], [leaf(inside)]),
    row("a root whose name constraints do not permit", [outside], [leaf(outside)]),
    row("a root whose name constraints do not permit, not critical", [lax], [leaf(lax)]),
  ];
}

function leaves(): ChainCase[] {
  const root = authority("root");
  const server = (name: string, change: LeafChange): ChainCase =>
    row(`a server's certificate ${name}`, [root], [leaf(root, change)]);
  const ca = certify(root, "server", {}, [basicConstraints(true), subjectAltName("a.example")]);
  const silent = certify(root, "server", {}, [subjectAltName("a.example")]);
  return [
    server("that has expired", past),
    server("that is not yet valid", future),
    server("for clients", { also: [extendedKeyUsage("clientAuth")] }),
    server("for servers and clients", { also: [extendedKeyUsage("serverAuth", "clientAuth")] }),
    server("for any use", { also: [extendedKeyUsage("any")] }),
    server("with an unknown critical extension", { also: [unknownExtension(true)] }),
    server("with an unknown extension", { also: [unknownExtension(false)] }),
    server("of version 1", { version: 1, subject: "a.example" }),
    server("without a subject", { subject: "" }),
    row("a server's certificate that is a CA", [root], [ca]),
    row("a server's certificate without basic constraints", [root], [silent]),
  ];
}

function hostNames(): ChainCase[] {
  const root = authority("root");
  const named = (name: string, names: string[], host?: string, subject?: string): ChainCase =>
    row(name, [root], [leaf(root, { names, ...(subject !== undefined && { subject }) })], host);
  const wildcard = (pattern: string, host: string): ChainCase =>
    named(`wildcard ${pattern} for ${host}`, [pattern], host);
  return [
    named("another name", ["b.example"]),
    named("one of several names", ["b.example", "c.example", "a.example"]),
    named("a name in upper case", ["A.EXAMPLE"]),
    named("a name with an underscore", ["_a.example"], "_a.example"),
    named("a name with a trailing dot, asked for without", ["a.example."]),
    named("a name asked for with a trailing dot", ["a.example"], "a.example."),
    named("a name of one label", ["localhost"], "localhost"),
    named("an internationalised name", ["xn--bcher-kva.example"], "xn--bcher-kva.example"),
    named("no alternative name, the common name fits", [], "a.example", "a.example"),
    named("a mail address, the common name fits", ["email:a@a.example"], "a.example", "a.example"),
    named("a URI, the common name fits", ["uri:spiffe://a.example/b"], "a.example", "a.example"),
    named("an address, the common name fits", ["ip:127.0.0.1"], "a.example", "a.example"),
    named("another name, the common name fits", ["b.example"], "a.example", "a.example"),
    named("a URI beside the name", ["uri:spiffe://a.example/b", "a.example"]),
    wildcard("*.b.example", "a.b.example"),
    wildcard("*.b.example", "a.c.b.example"),
    wildcard("*.b.example", "b.example"),
    wildcard("*.example", "a.example"),
    wildcard("*.B.Example", "a.b.example"),
    wildcard("a*.b.example", "ab.b.example"),
    wildcard("*a.b.example", "ba.b.example"),
    wildcard("a.*.example", "a.b.example"),
    wildcard("*.*.example", "a.b.example"),
    wildcard("*", "localhost"),
    wildcard("*", "a.example"),
    wildcard("*.b.example", "_a.b.example"),
    wildcard("*.b.example", "xn--bcher-kva.b.example"),
    wildcard("*.b.example.", "a.b.example"),
  ];
}

function addresses(): ChainCase[] {
  const root = authority("root");
  const at = (name: string, host: string, names: string[], subject?: string): ChainCase =>
    row(
      `address: ${name}`,
      [root],
      [leaf(root, { names, ...(subject !== undefined && { subject }) })],
      host,
    );
  return [
    at("its own", "127.0.0.1", ["ip:127.0.0.1"]),
    at("another", "127.0.0.1", ["ip:127.0.0.2"]),
    at("one of several", "127.0.0.1", ["a.example", "ip:10.0.0.1", "ip:127.0.0.1"]),
    at("as a host name", "127.0.0.1", ["127.0.0.1"]),
    at("as the common name", "127.0.0.1", [], "127.0.0.1"),
    at("as the common name beside a name", "127.0.0.1", ["a.example"], "127.0.0.1"),
    at("under a wildcard", "127.0.0.1", ["*.0.0.1"]),
    at("mapped to IPv6", "127.0.0.1", ["ip:::ffff:127.0.0.1"]),
    at("IPv6", "::1", ["ip:::1"]),
    at("another of IPv6", "::1", ["ip:::2"]),
    at("IPv6 as a host name", "::1", ["::1"]),
  ];
}

function algorithms(): ChainCase[] {
  const rows: ChainCase[] = [];
  for (const algorithm of ["P-256", "P-384", "P-521", "RSA", "Ed25519"] as const) {
    const root = authority("root", undefined, { algorithm });
    rows.push(row(`${algorithm} keys`, [root], [leaf(root, { algorithm })]));
  }
  const root = authority("root", undefined, { algorithm: "RSA" });
  const weak = authority("intermediate", root, { signature: "sha1" });
  const old = authority("root", undefined, { algorithm: "RSA", signature: "sha1" });
  const small = authority("root", undefined, { algorithm: "RSA 1024" });
  return [
    ...rows,
    row("a P-256 key signed by RSA", [root], [leaf(root)]),
    row("a signature by RSA-PSS", [root], [leaf(root, { signature: "pss" })]),
    row("a signature over SHA-1", [root], [leaf(root, { signature: "sha1" })]),
    row("an intermediate signed over SHA-1", [root], [leaf(weak), weak]),
    row("a root signed over SHA-1", [old], [leaf(old)]),
    row("a server's RSA key of 1024 bits", [root], [leaf(root, { algorithm: "RSA 1024" })]),
    row("a root's RSA key of 1024 bits", [small], [leaf(small)]),
  ];
}
