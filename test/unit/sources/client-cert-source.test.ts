/**
 * Client certificates from files, functions and memory. A certificate always comes with its own key.
 *
 * @module
 */

import { readFile } from "node:fs/promises";
import { afterAll, describe, expect, test, vi } from "vitest";
import { ConfigError, SourceError } from "../../../src/errors.ts";
import type { ReanchorEvent } from "../../../src/events.ts";
import {
  type ClientCert,
  type ClientCertPem,
  type ClientCertSource,
  bindFileClientCertSource,
  bindFunctionClientCertSource,
  staticClientCertSource,
} from "../../../src/sources/client-cert-source.ts";
import {
  createStaticClientCertSource,
  parseClientCert,
} from "../../../src/sources/client-cert-pair.ts";
import { shown } from "../../contract/support/inspect.ts";
import { fromPem, toPem, toPkcs1, toSec1 } from "../../support/key-forms.ts";
import { type IssueOptions, createCa } from "../../support/pki.ts";
import {
  createProjectedVolume,
  moveAwayAndRecreate,
  renameOver,
  truncateMidBlock,
  writeInPlace,
} from "../../support/projected-volume.ts";
import { certificatePem, der, pemBlock } from "../support/certificates.ts";
import { type FakeRuntime, createFakeRuntime } from "../support/fake-runtime.ts";

const files = { certificate: "/etc/client/tls.crt", key: "/etc/client/tls.key" };
const from = `files ${files.certificate} and ${files.key}`;

/** The fake clock starts with the year 2026. */
const start = Date.parse("2026-01-01T00:00:00Z");
const hour = 3_600_000;
const dates = { notBefore: new Date(start - hour), notAfter: new Date(start + 24 * hour) };

const ca = await createCa();
const old = await issue();
const next = await issue();

interface Pair {
  readonly certificate: string;
  readonly key: string;
}

async function issue(options: IssueOptions = {}): Promise<Pair> {
  const { cert, key } = await ca.issue({
    client: true,
    commonName: "admin",
    organizations: ["system:masters"],
    ...dates,
    ...options,
  });
  return { certificate: cert, key };
}

function write(runtime: FakeRuntime, { certificate, key }: Pair): void {
  runtime.disk.set(files.certificate, certificate);
  runtime.disk.set(files.key, key);
}

interface Loaded {
  readonly runtime: FakeRuntime;
  readonly source: ClientCertSource;
  readonly events: ReanchorEvent[];
  readonly first: ClientCert;
}

/** A source that has loaded a pair, and whose interval has passed. */
async function expired(pair: Pair = old): Promise<Loaded> {
  const runtime = createFakeRuntime();
  write(runtime, pair);
  const source = bindFileClientCertSource(runtime)(files);
  const events: ReanchorEvent[] = [];
  source.subscribe((event) => events.push(event));
  const first = await source.current();
  await runtime.clock.advance(60_000);
  return { runtime, source, events, first };
}

/** Advances the clock until a promise has settled. */
async function passing<T>(runtime: FakeRuntime, promise: Promise<T>): Promise<T> {
  let settled = false;
  const done = (): void => {
    settled = true;
  };
  promise.then(done, done);
  while (!settled) await runtime.clock.advance(5);
  return await promise;
}

function pairOf({ certificate, key }: ClientCert): Pair {
  return { certificate, key };
}

describe("Client certificate reload", () => {
  test("inside the interval: the same object, no read", async () => {
    const runtime = createFakeRuntime();
    write(runtime, old);
    const source = bindFileClientCertSource(runtime)(files);
    const first = await source.current();
    write(runtime, next);
    await runtime.clock.advance(59_999);
    expect(await source.current()).toBe(first);
    expect(runtime.reads).toEqual([files.certificate, files.key]);
  });

  test("no change: the same object, no event", async () => {
    const { runtime, source, events, first } = await expired();
    runtime.disk.set(files.certificate, `# rewritten\n${old.certificate}`);
    runtime.disk.set(files.key, toSec1(old.key));
    expect(await source.current()).toBe(first);
    expect(runtime.reads).toHaveLength(4);
    expect(events).toEqual([]);
  });

  test("changed pair: a new object, one event", async () => {
    const { runtime, source, events, first } = await expired();
    write(runtime, next);
    const second = await source.current();
    expect(pairOf(second)).toEqual(next);
    expect(second.loadedAt).toBe(first.loadedAt + 60_000);
    expect(events).toEqual([
      {
        type: "client-cert-reloaded",
        source: from,
        subject: "CN=admin,O=system:masters",
        notAfter: dates.notAfter.getTime(),
        fingerprint: second.fingerprint,
        previousFingerprint: first.fingerprint,
      },
    ]);
  });

  test("one file for both, as the kubelet writes it: read once", async () => {
    const path = "/var/lib/kubelet/pki/kubelet-client-current.pem";
    const runtime = createFakeRuntime();
    runtime.disk.set(path, old.certificate + old.key);
    const source = bindFileClientCertSource(runtime)({ certificate: path, key: path });
    expect(pairOf(await source.current())).toEqual(old);
    expect(runtime.reads).toEqual([path]);
    expect(source.status.source).toBe(`file ${path}`);
    runtime.disk.set(path, next.key + next.certificate);
    await runtime.clock.advance(60_000);
    expect(pairOf(await source.current())).toEqual(next);
  });

  test("half-written pair keeps the old one, until the other half is there", async () => {
    const { runtime, source, events, first } = await expired();
    runtime.disk.set(files.certificate, next.certificate);
    expect(await passing(runtime, source.current())).toBe(first);
    expect(runtime.reads).toHaveLength(2 + 3 * 2);
    expect(events).toMatchObject([
      { type: "reload-failed", kind: "client-certificate", error: { reason: "invalid" } },
    ]);
    expect(source.status.lastError).toBe(
      `Cannot load client certificate from ${from}: the private key does not belong to the certificate; a rotation may be under way, or they are of different pairs`,
    );
    runtime.disk.set(files.key, next.key);
    await runtime.clock.advance(1_000);
    expect(pairOf(await source.current())).toEqual(next);
    expect(source.status).toMatchObject({ failures: 0, lastError: undefined });
  });

  test("half-written pair that is completed at once: one read returns the new one", async () => {
    const { runtime, source, events } = await expired();
    runtime.disk.set(files.certificate, old.certificate);
    let reads = 0;
    runtime.disk.set(files.key, async () => {
      // The change falls between the two reads of the first attempt.
      if (reads++ === 0) runtime.disk.set(files.certificate, next.certificate);
      return next.key;
    });
    expect(pairOf(await passing(runtime, source.current()))).toEqual(next);
    expect(events.map(({ type }) => type)).toEqual(["client-cert-reloaded"]);
  });

  test("initially half-written pair: an error, then the pair", async () => {
    const runtime = createFakeRuntime();
    write(runtime, { ...old, key: next.key });
    const source = bindFileClientCertSource(runtime)(files);
    const message = /does not belong to the certificate; a rotation may be under way/;
    await expect(passing(runtime, source.current())).rejects.toThrow(message);
    write(runtime, next);
    expect(pairOf(await source.current())).toEqual(next);
    expect(runtime.clock.pending).toBe(0);
  });

  test("a key that this runtime can't check is accepted unchecked, and so is the next one", async () => {
    const algorithm = der(0x30, [0x06, 0x03, 0x2a, 0x03, 0x04]);
    const keyOf = (byte: number): string =>
      pemBlock("PRIVATE KEY", der(0x30, der(0x02, [0]), algorithm, der(0x04, [byte])));
    const certificate = certificatePem();
    const { runtime, source, first } = await expired({ certificate, key: keyOf(1) });
    expect(pairOf(first)).toEqual({ certificate, key: keyOf(1) });
    // The key that came with the certificate may have belonged to the previous one.
    write(runtime, { certificate, key: keyOf(2) });
    expect(pairOf(await source.current())).toEqual({ certificate, key: keyOf(2) });
  });

  test("waits between two tries no longer than the read's time limit", async () => {
    const runtime = createFakeRuntime();
    write(runtime, { ...old, key: next.key });
    const source = bindFileClientCertSource(runtime)(files, { readTimeoutMs: 10 });
    await expect(passing(runtime, source.current())).rejects.toThrow(/longer than 10 ms/);
    expect(runtime.clock.pending).toBe(0);
    expect(runtime.reads).toHaveLength(2);
  });

  test.each<[string, Partial<Record<keyof Pair, string | Error>>, string, RegExp]>([
    ["no certificate", { certificate: "sesame" }, "invalid", /the certificate: it holds no CERT/],
    ["an empty certificate", { certificate: "" }, "empty", /the certificate: it is empty/],
    ["an empty key", { key: "\n" }, "empty", /the private key: it is empty/],
    ["a certificate for a key", { key: next.certificate }, "invalid", /only CERTIFICATE/],
    ["a truncated key", { key: next.key.slice(0, 120) }, "invalid", /the private key: block 1/],
    [
      "a truncated certificate",
      { certificate: next.certificate.slice(0, 200) },
      "invalid",
      /the certificate: block 1 \(line 1\) is malformed/,
    ],
    [
      "an encrypted key",
      { key: toPem("ENCRYPTED PRIVATE KEY", Uint8Array.from([48, 3, 2, 1, 0])) },
      "invalid",
      /the private key: it is encrypted with a passphrase.*openssl pkey -in KEY -out KEY/,
    ],
    ["a read error", { key: new Error("EACCES: permission denied") }, "unreadable", /EACCES/],
    ["too large a key", { key: next.key.padEnd(1024 * 1024 + 1, "#") }, "too-large", /1 MiB/],
  ])("%s: the old pair is kept, one event", async (_, change, reason, message) => {
    const { runtime, source, events, first } = await expired();
    write(runtime, next);
    for (const part of ["certificate", "key"] as const) {
      const content = change[part];
      if (content !== undefined) runtime.disk.set(files[part], content);
    }
    expect(await source.current()).toBe(first);
    expect(events).toMatchObject([{ type: "reload-failed", error: { reason } }]);
    expect(source.status.lastError).toMatch(message);
    expect(shown(events)).not.toContain(next.key.split("\n")[1]);
  });

  test("reads one file once for both of its parts", async () => {
    const runtime = createFakeRuntime();
    runtime.disk.set("/bundle.pem", next.key + next.certificate);
    const source = bindFileClientCertSource(runtime)("/bundle.pem");
    expect(pairOf(await source.current())).toEqual(next);
    expect(runtime.reads).toEqual(["/bundle.pem"]);
  });

  test("is read again 10 s before it expires", async () => {
    const runtime = createFakeRuntime();
    const brief = await issue({ notAfter: new Date(start + 30_000) });
    write(runtime, brief);
    const source = bindFileClientCertSource(runtime)(files);
    await source.current();
    write(runtime, next);
    await runtime.clock.advance(19_999);
    expect(pairOf(await source.current())).toEqual(brief);
    await runtime.clock.advance(1);
    expect(pairOf(await source.current())).toEqual(next);
  });
});

describe("Client certificate file shapes", async () => {
  const volumes = new Set<() => Promise<void>>();
  afterAll(async () => {
    for (const remove of volumes) await remove();
  });

  /** A source on real files, which are laid out like a service account's volume. */
  async function onDisk(): Promise<
    Loaded & { volume: Awaited<ReturnType<typeof createProjectedVolume>> }
  > {
    const volume = await createProjectedVolume({ ca: old.certificate, token: old.key });
    volumes.add(volume.remove);
    const runtime = createFakeRuntime();
    const paths = { certificate: volume.caFile, key: volume.tokenFile };
    for (const path of Object.values(paths)) {
      runtime.disk.set(path, async () => await readFile(path, "utf8"));
    }
    const source = bindFileClientCertSource(runtime)(paths);
    const events: ReanchorEvent[] = [];
    source.subscribe((event) => events.push(event));
    const first = await source.current();
    await runtime.clock.advance(60_000);
    return { volume, runtime, source, events, first };
  }

  test.each([
    ["written in place", writeInPlace],
    ["renamed over", renameOver],
    ["moved away then recreated", moveAwayAndRecreate],
  ])("%s: half of it keeps the old pair, all of it returns the new one", async (_, change) => {
    const { volume, runtime, source, first } = await onDisk();
    await change(volume.caFile, next.certificate);
    expect(await passing(runtime, source.current())).toBe(first);
    await change(volume.tokenFile, next.key);
    await runtime.clock.advance(60_000);
    expect(pairOf(await source.current())).toEqual(next);
  });

  test("..data symlink swap: the new pair, in one read", async () => {
    const { volume, source, events } = await onDisk();
    await volume.write({ ca: next.certificate, token: next.key });
    expect(pairOf(await source.current())).toEqual(next);
    expect(events).toMatchObject([{ type: "client-cert-reloaded" }]);
  });

  test("..data symlink swap between the two reads: never mixed", async () => {
    const { volume, runtime, source } = await onDisk();
    runtime.disk.set(volume.tokenFile, async () => {
      await volume.write({ ca: next.certificate, token: next.key });
      return await readFile(volume.tokenFile, "utf8");
    });
    expect(pairOf(await passing(runtime, source.current()))).toEqual(next);
  });

  test.each(["caFile", "tokenFile"] as const)(
    "truncated mid-write (%s): the old pair",
    async (file) => {
      const { volume, runtime, source, first } = await onDisk();
      await volume.write({ ca: next.certificate, token: next.key });
      await truncateMidBlock(volume[file]);
      expect(await source.current()).toBe(first);
      await volume.write({ ca: next.certificate, token: next.key });
      await runtime.clock.advance(1_000);
      expect(pairOf(await source.current())).toEqual(next);
    },
  );
});

/** Random numbers from 0 to 1, from a seed (mulberry32). */
function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

describe("never a mixed pair, however writes fall between reads", async () => {
  const rsa = await issue({ algorithm: "RSA" });
  const p384 = await issue({ algorithm: "P-384" });
  const written: readonly Pair[] = [
    old,
    { certificate: `# with its CA\n${next.certificate}${ca.pem}`, key: toSec1(next.key) },
    { ...rsa, key: toPkcs1(rsa.key) },
    p384,
    await issue({ algorithm: "Ed25519" }),
  ];
  const given = new Map(
    await Promise.all(
      written.map(async (pair) => {
        const { certificate, key } = await parseClientCert(pair, 0);
        return [leafOf(certificate), key] as const;
      }),
    ),
  );

  /** A chain that is truncated between two certificates is still a chain. */
  function leafOf(certificate: string): string {
    return certificate.slice(0, certificate.indexOf("-----END"));
  }

  test.each(Array.from({ length: 40 }, (_, index) => index + 1))("seed %i", async (seed) => {
    const random = seeded(seed);
    const pick = (count: number): number => Math.floor(random() * count);
    const at = (index: number): Pair => written[index] ?? old;
    const content = { ...at(pick(written.length)) };
    const steps: (() => void)[] = [];

    /** Writes another pair: its files in either order, each at once or in halves. */
    function rotate(): void {
      const pair = at(pick(written.length));
      const order =
        random() < 0.5 ? (["certificate", "key"] as const) : (["key", "certificate"] as const);
      const byHalves = random() < 0.5;
      for (const part of order) {
        const text = pair[part];
        const cuts = byHalves ? [0, pick(text.length)] : [];
        for (const cut of [...cuts, text.length]) {
          steps.push(() => {
            content[part] = text.slice(0, cut);
          });
        }
      }
    }

    const runtime = createFakeRuntime();
    for (const part of ["certificate", "key"] as const) {
      runtime.disk.set(files[part], async () => {
        for (let count = pick(4); count > 0; count--) steps.shift()?.();
        const text = content[part];
        for (let count = pick(3); count > 0; count--) steps.shift()?.();
        return text;
      });
    }
    const source = bindFileClientCertSource(runtime)(files);
    for (let round = 0; round < 12; round++) {
      rotate();
      const cert = await passing(runtime, source.current()).catch(() => undefined);
      if (cert !== undefined) expect(cert.key).toBe(given.get(leafOf(cert.certificate)));
      await runtime.clock.advance(60_000);
    }
    for (const step of steps.splice(0)) step();
    const last = await passing(runtime, source.current());
    expect(last).toMatchObject(pairOf(await parseClientCert(content, 0)));
  });
});

describe("ClientCert", () => {
  test("has the leaf's subject and dates, and the chain's fingerprint", async () => {
    const chain = old.certificate + ca.pem;
    const cert = await parseClientCert({ certificate: chain, key: old.key }, 7);
    expect(cert).toMatchObject({
      certificate: chain,
      key: old.key,
      subject: "CN=admin,O=system:masters",
      notBefore: dates.notBefore.getTime(),
      notAfter: dates.notAfter.getTime(),
      loadedAt: 7,
    });
    expect(cert.fingerprint).toMatch(/^[0-9a-f]{64}$/);
    const alone = await parseClientCert(old, 7);
    const leaf = Uint8Array.from(fromPem(old.certificate));
    const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", leaf));
    expect(alone.fingerprint).toBe(
      Array.from(digest, (byte) => byte.toString(16).padStart(2, "0")).join(""),
    );
    expect(cert.fingerprint).not.toBe(alone.fingerprint);
  });

  test("accepts bytes and text, and a key in any form", async () => {
    const bytes = new TextEncoder().encode(old.certificate);
    const cert = await parseClientCert({ certificate: bytes, key: toSec1(old.key) }, 0);
    expect(pairOf(cert)).toEqual(old);
  });

  test("is frozen, and does not reveal its key accidentally", async () => {
    const cert = await staticClientCertSource(old).current();
    expect(Object.isFrozen(cert)).toBe(true);
    expect(cert.key).toBe(old.key);
    const { ...copy } = cert;
    for (const value of [cert, { nested: [cert] }, copy, structuredClone(copy)]) {
      const text = shown(value);
      expect(text).not.toContain("PRIVATE KEY");
      for (const line of old.key.split("\n").slice(1, -2)) expect(text).not.toContain(line);
    }
    expect(Object.keys(cert)).not.toContain("key");
    expect(String(cert)).toBe(
      "ClientCert(CN=admin,O=system:masters, until 2026-01-02T00:00:00.000Z)",
    );
  });

  test("is rejected if the key belongs to an intermediate: the leaf must come first", async () => {
    const pem = { certificate: ca.pem + old.certificate, key: old.key };
    await expect(parseClientCert(pem, 0)).rejects.toThrow(
      "the private key does not belong to the certificate; give both of one pair, and the certificate ahead of its intermediates",
    );
  });
});

describe("bindFunctionClientCertSource()", () => {
  test("passes a signal, and accepts a promise or a value", async () => {
    const runtime = createFakeRuntime();
    const read = vi.fn((_signal: AbortSignal): ClientCertPem => old);
    const source = bindFunctionClientCertSource(runtime)(read);
    expect(pairOf(await source.current())).toEqual(old);
    expect(read.mock.calls[0]?.[0]).toBeInstanceOf(AbortSignal);
    expect(source.status).toMatchObject({ kind: "client-certificate", source: "function" });
    const later = bindFunctionClientCertSource(runtime)(async () => next);
    expect(pairOf(await later.current())).toEqual(next);
  });

  test("calls again if the certificate and the key do not match", async () => {
    const runtime = createFakeRuntime();
    const read = vi.fn<() => ClientCertPem>(() => next);
    read.mockReturnValueOnce({ ...old, key: next.key });
    const source = bindFunctionClientCertSource(runtime)(read);
    expect(pairOf(await passing(runtime, source.current()))).toEqual(next);
    expect(read).toHaveBeenCalledTimes(2);
  });

  test("reports a function that throws as a failed read, and one that returns nothing as invalid", async () => {
    const runtime = createFakeRuntime();
    const failing = bindFunctionClientCertSource(runtime)(() => {
      throw new Error("no vault");
    });
    await expect(failing.current()).rejects.toThrow(
      "Cannot load client certificate from function: no vault",
    );
    const half: unknown = { certificate: old.certificate };
    const empty = bindFunctionClientCertSource(runtime)(() => half as ClientCertPem);
    await expect(empty.current()).rejects.toThrow("the private key: it is neither text nor bytes");
  });

  test("rejects a value that is not a function", () => {
    const read: unknown = old;
    expect(() =>
      bindFunctionClientCertSource(createFakeRuntime())(read as () => ClientCertPem),
    ).toThrow(TypeError);
  });
});

describe("staticClientCertSource()", () => {
  test("always returns the same object, and says memory", async () => {
    const source = staticClientCertSource(old);
    expect(source.peek()).toBeUndefined();
    const cert = await source.current();
    expect(pairOf(cert)).toEqual(old);
    expect(await source.reload()).toBe(cert);
    expect(source.status).toMatchObject({ kind: "client-certificate", source: "memory" });
  });

  test.each([
    ["an empty certificate", { ...old, certificate: "" }, "empty"],
    ["no key", { ...old, key: "sesame" }, "invalid"],
    ["a truncated key", { ...old, key: old.key.slice(0, -30) }, "invalid"],
    ["the key of another certificate", { ...old, key: next.key }, "invalid"],
  ])("rejects %s at its first use, without quoting it", async (_, pem, reason) => {
    const rejection = await staticClientCertSource(pem)
      .current()
      .catch((error: unknown) => error);
    expect(rejection).toBeInstanceOf(SourceError);
    expect(rejection).toMatchObject({ reason });
    expect(String(rejection)).toMatch(
      /^SourceError: Cannot use client certificate: (?!.*(?:sesame|BEGIN))/,
    );
  });

  test.each([{ certificate: "a" }, { key: "a" }, {}, { ...old, passphrase: "a" }])(
    "throws a TypeError for %j at once",
    (pem) => {
      expect(() => staticClientCertSource(pem as ClientCertPem)).toThrow(TypeError);
    },
  );

  test("rejects at its first use a key that only a signature can distinguish from the right one", async () => {
    const [one, other] = [
      await issue({ algorithm: "Ed25519" }),
      await issue({ algorithm: "Ed25519" }),
    ];
    const source = staticClientCertSource({ ...one, key: other.key });
    await expect(source.current()).rejects.toThrow(
      /^Cannot use client certificate: the private key does not belong/,
    );
  });

  test("names the origin of the text, if it is given", () => {
    const broken = { ...old, key: "" };
    const where = "kubeconfig /k (users[0])";
    expect(() => createStaticClientCertSource(broken, { source: where })).toThrow(
      `Cannot use client certificate from ${where}: the private key: it is empty`,
    );
    expect(createStaticClientCertSource(old, { source: where }).status.source).toBe(where);
  });
});

test("bindFileClientCertSource() says what to do on a runtime without files", () => {
  const runtime = createFakeRuntime({ name: "edge", hasFiles: false });
  expect(() => bindFileClientCertSource(runtime)(files)).toThrow(ConfigError);
  expect(() => bindFileClientCertSource(runtime)(files)).toThrow(/no file system; use what/);
});
