/**
 * CA bundles from files, functions and memory. The names of the reload cases are client-go's
 * (`transport/ca_rotation_test.go`).
 *
 * @module
 */

import { describe, expect, test, vi } from "vitest";
import { ConfigError, SourceError } from "../../../src/errors.ts";
import type { ReanchorEvent } from "../../../src/events.ts";
import {
  type CaBundle,
  type CaSource,
  bindFileCaSource,
  bindFunctionCaSource,
  staticCaSource,
} from "../../../src/sources/ca-source.ts";
import { anchorPem, certificateDer, pemBlock } from "../support/certificates.ts";
import { type FakeRuntime, createFakeRuntime } from "../support/fake-runtime.ts";

const path = "/var/run/secrets/kubernetes.io/serviceaccount/ca.crt";
const old = anchorPem("kubernetes", 1);
const next = anchorPem("kubernetes", 2);

interface Rotation {
  readonly runtime: FakeRuntime;
  readonly source: CaSource;
  readonly events: ReanchorEvent[];
  readonly first: CaBundle;
}

/** A source that has loaded `old`, and whose interval has passed. */
async function expired(): Promise<Rotation> {
  const runtime = createFakeRuntime();
  runtime.disk.set(path, old);
  const source = bindFileCaSource(runtime)(path);
  const events: ReanchorEvent[] = [];
  source.subscribe((event) => events.push(event));
  const first = await source.current();
  await runtime.clock.advance(60_000);
  return { runtime, source, events, first };
}

describe("CA reload", () => {
  test("inside the interval: the same object, no read", async () => {
    const runtime = createFakeRuntime();
    runtime.disk.set(path, old);
    const source = bindFileCaSource(runtime)(path);
    const first = await source.current();
    runtime.disk.set(path, next);
    await runtime.clock.advance(59_999);
    for (let call = 0; call < 10_000; call++) expect(await source.current()).toBe(first);
    expect(runtime.reads).toEqual([path]);
  });

  test("no change in the text: nothing is parsed again, even after another or a bad text", async () => {
    let parsed = 0;
    const runtime = { ...createFakeRuntime(), checkCertificate: () => void (parsed += 1) };
    let text = old;
    const source = bindFunctionCaSource(runtime)(() => text, { cooldownMs: 0 });
    for (let read = 0; read < 5; read += 1) await source.reload();
    expect(parsed).toBe(1);
    text = "no certificate";
    await source.reload();
    text = old;
    await source.reload();
    expect(parsed).toBe(1);
    text = next;
    const { fingerprint } = await source.reload();
    expect(parsed).toBe(2);
    text = old;
    expect((await source.reload()).fingerprint).not.toBe(fingerprint);
  });

  test("no change: the same object, one event", async () => {
    const { source, events, first } = await expired();
    expect(await source.current()).toBe(first);
    expect(events).toEqual([
      { type: "ca-unchanged", source: `file ${path}`, fingerprint: first.fingerprint },
    ]);
  });

  test("changed: another object, one event with the anchors added and removed", async () => {
    const { runtime, source, events, first } = await expired();
    runtime.disk.set(path, next);
    const second = await source.current();
    expect(second.fingerprint).not.toBe(first.fingerprint);
    expect(second.loadedAt).toBe(first.loadedAt + 60_000);
    expect(events).toEqual([
      {
        type: "ca-reloaded",
        source: `file ${path}`,
        fingerprint: second.fingerprint,
        previousFingerprint: first.fingerprint,
        added: second.anchors,
        removed: first.anchors,
      },
    ]);
  });

  test("changed with an overlap: the kept anchor is neither added nor removed", async () => {
    const { runtime, source, events } = await expired();
    runtime.disk.set(path, old + next);
    const { anchors } = await source.current();
    expect(events).toMatchObject([{ type: "ca-reloaded", added: [anchors[1]], removed: [] }]);
  });

  test.each<[string, string | Uint8Array | Error | undefined, string, RegExp]>([
    ["invalid text", "not a certificate", "invalid", /no CERTIFICATE block/],
    [
      "parse error in one of two blocks",
      old + next.slice(0, 100),
      "invalid",
      /block 2 \(line \d+\)/,
    ],
    ["read error", new Error("EACCES: permission denied"), "unreadable", /permission denied/],
    ["empty", "", "empty", /it is empty/],
    ["nothing but white space", " \n", "empty", /it is empty/],
    ["only a private key", pemBlock("PRIVATE KEY", Uint8Array.from([1])), "invalid", /PRIVATE KEY/],
    ["too large", old.padEnd(1024 * 1024 + 1, "#"), "too-large", /1 MiB/],
    ["bytes that are no text", Uint8Array.from([0xff, 0xfe, 0, 1]), "invalid", /no PEM block/],
    ["deleted after expiry", undefined, "unreadable", /no such file/],
  ])("%s: the old bundle is kept, one event", async (_, content, reason, message) => {
    const { runtime, source, events, first } = await expired();
    if (content === undefined) runtime.disk.delete(path);
    else runtime.disk.set(path, content);
    expect(await source.current()).toBe(first);
    expect(events).toMatchObject([{ type: "reload-failed", kind: "ca", error: { reason } }]);
    expect(source.status.lastError).toMatch(message);
    expect(source.status.lastError).toMatch(`Cannot load CA bundle from file ${path}: `);

    runtime.disk.set(path, next);
    await runtime.clock.advance(1_000);
    expect((await source.current()).certificates).toEqual([next]);
    expect(source.status).toMatchObject({ failures: 0, lastError: undefined });
  });

  test("empty at first then valid: an error, then the bundle", async () => {
    const runtime = createFakeRuntime();
    runtime.disk.set(path, "");
    const source = bindFileCaSource(runtime)(path);
    await expect(source.current()).rejects.toThrow(SourceError);
    await expect(source.current()).rejects.toThrow(/it is empty/);
    runtime.disk.set(path, old);
    expect((await source.current()).certificates).toEqual([old]);
  });

  test("100 callers x 100 calls: one read per period", async () => {
    const runtime = createFakeRuntime();
    runtime.disk.set(path, old);
    const source = bindFileCaSource(runtime)(path);
    for (let period = 1; period <= 3; period++) {
      const callers = Array.from({ length: 100 }, async () => {
        for (let call = 0; call < 100; call++) await source.current();
      });
      await Promise.all(callers);
      expect(runtime.reads).toHaveLength(period);
      await runtime.clock.advance(60_000);
    }
  });
});

describe("CaBundle", () => {
  async function bundleOf(pem: string): Promise<CaBundle> {
    return await staticCaSource(pem).current();
  }

  test("keeps the order of the certificates and drops duplicates", async () => {
    const again = pemBlock("X509 CERTIFICATE", certificateDer({ serial: 9 }));
    const bundle = await bundleOf(next + again + old + next + again);
    expect(bundle.certificates).toHaveLength(3);
    expect(bundle.certificates[0]).toBe(next);
    expect(bundle.certificates[2]).toBe(old);
    expect(bundle.anchors).toHaveLength(3);
  });

  test("has a fingerprint that order, repetition, comments and line ends do not change", async () => {
    const { fingerprint } = await bundleOf(old + next);
    expect(fingerprint).toMatch(/^[0-9a-f]{64}$/);
    for (const text of [
      next + old,
      old + next + old,
      `# comment\n${old}\n\n# another\n${next}`,
      (old + next).replaceAll("\n", "\r\n"),
      (old + next).replaceAll("CERTIFICATE", "X509 CERTIFICATE"),
      old + pemBlock("PRIVATE KEY", Uint8Array.from([1])) + next,
    ]) {
      expect((await bundleOf(text)).fingerprint).toBe(fingerprint);
    }
  });

  test("has a fingerprint that any other set of certificates changes", async () => {
    const texts = [old, next, old + next, anchorPem("kubernetes", 3)];
    const fingerprints = await Promise.all(texts.map(bundleOf)).then((bundles) =>
      bundles.map(({ fingerprint }) => fingerprint),
    );
    expect(new Set(fingerprints).size).toBe(texts.length);
  });

  test("has the subject, SHA-256, key identifier and dates of each anchor", async () => {
    const [anchor] = (await bundleOf(old)).anchors;
    const bytes = Uint8Array.from(atob(old.split("\n").slice(1, -2).join("")), (character) =>
      character.charCodeAt(0),
    );
    const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
    expect(anchor).toEqual({
      subject: "CN=kubernetes",
      issuer: "CN=kubernetes",
      fingerprint: Array.from(digest, (byte) => byte.toString(16).padStart(2, "0")).join(""),
      keyIdentifier: "0001",
      notBefore: Date.parse("2026-01-01T00:00:00Z"),
      notAfter: Date.parse("2036-01-01T00:00:00Z"),
    });
  });

  test("is frozen, and keeps no text beside its certificates", async () => {
    const secret = pemBlock("PRIVATE KEY", Uint8Array.from([1, 2, 3]));
    const bundle = await bundleOf(`# sesame\n${old}${secret}`);
    expect(Object.isFrozen(bundle)).toBe(true);
    expect(Object.isFrozen(bundle.certificates)).toBe(true);
    expect(Object.isFrozen(bundle.anchors)).toBe(true);
    expect(Object.isFrozen(bundle.anchors[0])).toBe(true);
    expect(JSON.stringify(bundle)).not.toMatch(/sesame|PRIVATE|AQID/);
  });

  test("is the same object when nothing relevant changes in the file", async () => {
    const runtime = createFakeRuntime();
    runtime.disk.set(path, old + next);
    const source = bindFileCaSource(runtime)(path);
    const first = await source.current();
    runtime.disk.set(path, `# rewritten\r\n${next.replaceAll("\n", "\r\n")}${old}`);
    await runtime.clock.advance(60_000);
    expect(await source.current()).toBe(first);
    expect(runtime.reads).toHaveLength(2);
    expect(source.status.checkedAt).toBe(first.loadedAt + 60_000);
  });
});

describe("bindFunctionCaSource()", () => {
  test("accepts text or bytes, from a promise or directly, and passes a signal", async () => {
    const runtime = createFakeRuntime();
    const read = vi.fn((_signal: AbortSignal) => new TextEncoder().encode(old));
    const source = bindFunctionCaSource(runtime)(read, { reloadIntervalMs: 1_000 });
    const first = await source.current();
    expect(read.mock.calls[0]?.[0]).toBeInstanceOf(AbortSignal);
    await runtime.clock.advance(1_000);
    expect(await source.current()).toBe(first);
    expect(read).toHaveBeenCalledTimes(2);
    expect(source.status.source).toBe("function");
    const later = bindFunctionCaSource(runtime)(async () => old);
    expect((await later.current()).fingerprint).toBe(first.fingerprint);
  });

  test("reports a function that throws or rejects as a failed read", async () => {
    const runtime = createFakeRuntime();
    const source = bindFunctionCaSource(runtime)(() => {
      throw new Error("no vault");
    });
    await expect(source.current()).rejects.toThrow("Cannot load CA bundle from function: no vault");
    const rejecting = bindFunctionCaSource(runtime)(() => Promise.reject(new Error("no vault")));
    await expect(rejecting.current()).rejects.toThrow(/no vault/);
  });

  test("rejects a value that is not a function", () => {
    const read: unknown = old;
    expect(() => bindFunctionCaSource(createFakeRuntime())(read as () => string)).toThrow(
      TypeError,
    );
  });
});

describe("staticCaSource()", () => {
  test("always returns the same object, and says memory", async () => {
    const source = staticCaSource(old);
    expect(source.peek()).toBeUndefined();
    const bundle = await source.current();
    expect(await source.reload()).toBe(bundle);
    expect(source.peek()).toBe(bundle);
    expect(source.isFixed).toBe(true);
    expect(source.status).toMatchObject({
      kind: "ca",
      source: "memory",
      failures: 0,
      stale: false,
    });
    expect(source.subscribe(() => {})()).toBeUndefined();
  });

  test.each([
    ["an empty text", "", "empty"],
    ["no certificate", "sesame", "invalid"],
    ["a truncated one", old.slice(0, -30), "invalid"],
  ])("rejects %s at construction, without quoting it", (_, pem, reason) => {
    expect(() => staticCaSource(pem)).toThrow(SourceError);
    expect(() => staticCaSource(pem)).toThrow(expect.objectContaining({ reason }));
    expect(() => staticCaSource(pem)).toThrow(/^Cannot use CA bundle: (?!.*sesame)/);
  });
});

test("bindFileCaSource() says what to do on a runtime without files", () => {
  const runtime = createFakeRuntime({ name: "edge", hasFiles: false });
  expect(() => bindFileCaSource(runtime)(path)).toThrow(ConfigError);
  expect(() => bindFileCaSource(runtime)(path)).toThrow(/no file system; let the platform trust/);
});
