/**
 * Clause e: a bad file never replaces a good bundle.
 *
 * @module
 */

import { lookup } from "node:dns/promises";
import { chmod, mkdir, readFile, rm, symlink, truncate, writeFile } from "node:fs/promises";
import { userInfo } from "node:os";
import { describe, expect, test } from "vitest";
import type { TestServer } from "../support/api-server.ts";
import { createCa } from "../support/pki.ts";
import { truncateMidBlock } from "../support/projected-volume.ts";
import { type AuthorityKind, authorityKinds } from "./support/authorities.ts";
import { entry } from "./support/entry.ts";
import {
  type ObservedClient,
  connectClient,
  control,
  createVolume,
  startCluster,
  types,
  until,
} from "./support/scene.ts";

interface Connected extends ObservedClient {
  readonly server: TestServer;
  readonly file: string;
  /** The content of the file. */
  readonly good: string;
  /** A private key as PEM. */
  readonly key: string;
}

interface Spoiled {
  readonly how: string;
  readonly reason: string;
  readonly message: RegExp;
  spoil(file: string, good: string, key: string): Promise<void>;
}

const spoiled: readonly Spoiled[] = [
  {
    how: "missing",
    reason: "unreadable",
    message: /no such file|not find|NotFound/i,
    spoil: (file) => rm(file),
  },
  {
    how: "empty",
    reason: "empty",
    message: /it is empty/,
    spoil: (file) => truncate(file),
  },
  {
    how: "truncated in the middle of a block",
    reason: "invalid",
    message: /block 1 \(line 1\) is malformed: the text ends before its END line/,
    spoil: async (file) => void (await truncateMidBlock(file)),
  },
  {
    how: "garbage",
    reason: "invalid",
    message: /no CERTIFICATE block \(found no PEM block at all\)/,
    spoil: (file) => writeFile(file, "this is not PEM\n".repeat(50)),
  },
  {
    how: "bad in a part",
    reason: "invalid",
    message: /block 2 \(line \d+\) is malformed: it is not a certificate in DER/,
    spoil: (file, good) =>
      writeFile(file, `${good}-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n`),
  },
  {
    how: "a private key",
    reason: "invalid",
    message: /no CERTIFICATE block \(found only PRIVATE KEY\)/,
    spoil: (file, _, key) => writeFile(file, key),
  },
  {
    how: "2 MB long",
    reason: "too-large",
    message: /larger than/,
    spoil: (file, good) => writeFile(file, good + "#".repeat(2_000_000)),
  },
  {
    how: "a directory",
    reason: "unreadable",
    message: /not a regular file|directory/i,
    spoil: async (file) => {
      await rm(file);
      await mkdir(file);
    },
  },
  {
    how: "a FIFO that nobody writes to",
    reason: "unreadable",
    message: /not a regular file/,
    spoil: async (file) => {
      await rm(file);
      await control.fifo(file);
    },
  },
  {
    how: "a link to itself",
    reason: "unreadable",
    message: /symbolic links|ELOOP/i,
    spoil: async (file) => {
      await rm(file);
      await symlink(file, file);
    },
  },
];

/** A client that reloads its bundle at each use, from a plain file. */
async function connected({ next, settings }: AuthorityKind): Promise<Connected> {
  const { ca, server } = await startCluster({}, await next());
  const { key } = await ca.issue();
  const volume = await createVolume({});
  const file = `${volume.root}/plain.crt`;
  await writeFile(file, ca.pem);
  const source = entry.fileCaSource(file, { reloadIntervalMs: 0 });
  const client = await connectClient({
    config: { server: server.origin, ca: source },
    ...settings,
  });
  await client.kube.get("/version");
  client.events.length = 0;
  return { ...client, server, file, good: ca.pem, key };
}

describe.each(authorityKinds)("$kind", (authorities) => {
  test.each(spoiled)("a CA file that is $how leaves the old bundle in use", async (bad) => {
    const { reason, message, spoil } = bad;
    const { kube, events, server, file, good, key } = await connected(authorities);
    const before = kube.status().ca?.fingerprint;
    await spoil(file, good, key);

    expect(await kube.get("/version")).toHaveProperty("gitVersion");
    const [event] = events;
    expect(event).toMatchObject({ type: "reload-failed", kind: "ca", source: `file ${file}` });
    expect(event).toMatchObject({ error: { code: "ERR_REANCHOR_SOURCE", reason } });
    expect(event).toHaveProperty("error.message", expect.stringMatching(message));
    expect(kube.status().ca).toMatchObject({ fingerprint: before, failures: 1 });
    expect(kube.status().ca?.lastError).toMatch(message);
    expect(JSON.stringify(kube.status())).not.toContain("BEGIN");

    await rm(file, { recursive: true, force: true });
    const successor = await authorities.next();
    await writeFile(file, successor.pem);
    await server.restart(await successor.issue());
    expect(await kube.post("/echo", {})).toHaveProperty("method", "POST");
    expect(kube.status().ca).toMatchObject({ failures: 0, lastError: undefined });
    expect(kube.status().ca?.fingerprint).not.toBe(before);
  });
});

test.each(spoiled)(
  "a CA file that is $how throws when nothing was loaded before",
  async ({ reason, spoil }) => {
    const { file, good, key } = await connected(authorityKinds[0] as AuthorityKind);
    await spoil(file, good, key);
    const source = entry.fileCaSource(file);
    await expect(source.current()).rejects.toMatchObject({
      code: "ERR_REANCHOR_SOURCE",
      reason,
      message: expect.stringContaining(file),
    });
    expect(source.peek()).toBeUndefined();
  },
);

test("a CA file without read permission is unreadable, except for root", async () => {
  const { kube, events, file } = await connected(authorityKinds[0] as AuthorityKind);
  await chmod(file, 0);
  expect(await kube.get("/version")).toHaveProperty("gitVersion");
  if (userInfo().uid === 0) return expect(types(events)).toEqual(["ca-unchanged"]);
  expect(events).toMatchObject([{ type: "reload-failed", error: { reason: "unreadable" } }]);
  expect(kube.status().ca?.lastError).toMatch(/permission|EACCES/i);
});

test("FIFOs block neither DNS lookups nor reads of other files", async () => {
  const volume = await createVolume({ namespace: "default" });
  const stuck = Array.from({ length: 8 }, async (_, number) => {
    const path = `${volume.root}/fifo-${number}`;
    await control.fifo(path);
    const source = entry.fileCaSource(path);
    await expect(source.current()).rejects.toMatchObject({ reason: "unreadable" });
  });
  expect(await lookup("localhost")).toHaveProperty("address");
  expect(await readFile(volume.namespaceFile, "utf8")).toBe("default");
  await Promise.all(stuck);
});

test("a slow source counts as failed, is not read twice, and blocks nothing", async () => {
  const { ca, server } = await startCluster();
  const other = await createCa();
  let reads = 0;
  let finish = (_pem: string): void => {};
  const source = entry.functionCaSource(
    () => {
      reads += 1;
      if (reads === 1) return ca.pem;
      return new Promise<string>((resolve) => {
        finish = resolve;
      });
    },
    { reloadIntervalMs: 0, readTimeoutMs: 50 },
  );
  const { kube, events } = await connectClient({ config: { server: server.origin, ca: source } });

  const served = Promise.all([kube.get("/version"), kube.get("/version")]);
  expect(await lookup("localhost")).toHaveProperty("address");
  await served;
  expect(events.find(({ type }) => type === "reload-failed")).toMatchObject({
    error: { reason: "timeout" },
  });
  // The slow read is still running. Meanwhile the old bundle stays in use.
  await kube.get("/version");
  expect(kube.status().ca?.lastError).toContain("an earlier read of it has still not ended");
  expect(reads).toBe(2);

  finish(ca.pem + other.pem);
  await until("the late read has been taken in", () => kube.status().ca?.failures === 0);
  expect(kube.status().ca?.anchors).toHaveLength(2);
});
