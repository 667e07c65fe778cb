/**
 * Each built entry imports no more than its runtime has.
 *
 * @module
 */

import { execFileSync, spawnSync } from "node:child_process";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { pathToFileURL } from "node:url";
import { describe, expect, onTestFinished, test } from "vitest";
import { createCa } from "../support/pki.ts";
import { externalImports, reachableFiles, staticImports } from "./built-files.ts";
import { root } from "./project.ts";

const entry = (runtime: string): string => `${root}dist/${runtime}.js`;

describe("static imports", () => {
  test.each(["edge", "deno"])(
    "the %s entry imports no package and no module of Node",
    async (name) => {
      expect(await externalImports(entry(name))).toEqual([]);
    },
  );

  test("the Bun entry imports modules of Node, and no package", async () => {
    const imports = await externalImports(entry("bun"));
    expect(imports.filter((specifier) => !specifier.startsWith("node:"))).toEqual([]);
  });

  test("the Node entry imports modules of Node by that prefix, and loads undici late", async () => {
    const imports = await externalImports(entry("node"));
    expect(imports.filter((specifier) => !specifier.startsWith("node:"))).toEqual([]);
  });

  test("staticImports() finds every form, and no dynamic import", () => {
    const code = `import "a";
import b from "b";
import { c,
  d } from 'c';
import * as e from "e";
export { g } from "g";
export * from "h";
const i = await import("i");
export const from = "j";
`;
    expect(staticImports(code)).toEqual(["a", "b", "c", "e", "g", "h"]);
  });
});

test("importing the Node entry loads none of Node's own fetch, which takes as long as all of ours", () => {
  const code = `await import(${JSON.stringify(pathToFileURL(entry("node")).href)});
    console.log(process.moduleLoadList.filter((name) => name.includes("internal/deps/undici")).join());
    Response;
    console.log(process.moduleLoadList.filter((name) => name.includes("internal/deps/undici")).join());`;
  const args = ["--input-type=module", "--eval", code];
  const [after, named] = execFileSync(process.execPath, args, { encoding: "utf8" }).split("\n");
  expect(after).toBe("");
  expect(named).toContain("internal/deps/undici/undici"); // What would be loaded is known by that name.
});

test("reading a CA bundle on Node loads no Web Crypto, and gives the fingerprint that Web Crypto gives", async () => {
  const folder = await mkdtemp(join(tmpdir(), "reanchor-built-"));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  const [first, second] = [await createCa(), await createCa()];
  const file = join(folder, "ca.crt");
  await writeFile(file, first.pem + second.pem);
  const code = `import { fileCaSource, staticCaSource } from ${JSON.stringify(pathToFileURL(entry("node")).href)};
    const isLoaded = () => process.moduleLoadList.some((name) => name.endsWith("internal/crypto/webcrypto"));
    const { certificates, fingerprint } = await fileCaSource(${JSON.stringify(file)}).current();
    const before = isLoaded();
    const other = await staticCaSource(certificates.join("")).current();
    console.log(JSON.stringify([before, isLoaded(), other.fingerprint === fingerprint]));`;
  const args = ["--input-type=module", "--eval", code];
  expect(execFileSync(process.execPath, args, { encoding: "utf8" })).toBe("[false,true,true]\n");
});

test.each(["node", "agents", "server", "grpc"])(
  "importing the %s entry opens no standard stream, as the import of node:process does",
  (name) => {
    const code = `let isOpened = false;
      Object.defineProperty(process, "stdin", { get: () => void (isOpened = true) });
      await import(${JSON.stringify(pathToFileURL(entry(name)).href)});
      const before = isOpened;
      await import("node:process");
      process._rawDebug(JSON.stringify([before, isOpened]));`;
    const args = ["--input-type=module", "--eval", code];
    const { stderr } = spawnSync(process.execPath, args, { encoding: "utf8" });
    expect(stderr.trim()).toBe("[false,true]");
  },
);

test.each(["node", "deno", "bun", "edge"])(
  "the %s entry leads to nothing of reanchor/testing, not even late",
  async (name) => {
    const files = await reachableFiles(entry(name));
    expect(files).toContain(entry(name));
    const texts = await Promise.all(files.map((file) => readFile(file, "utf8")));
    expect(texts.filter((text) => text.includes("fake-cluster.invalid"))).toEqual([]);
    // It is where it should be, so that the name is one to look for.
    expect(await readFile(entry("testing"), "utf8")).toContain("fake-cluster.invalid");
  },
);

test("all entries export the same names", async () => {
  const names = async (runtime: string): Promise<string[]> =>
    Object.keys(await import(pathToFileURL(entry(runtime)).href)).toSorted();
  const node = await names("node");
  expect(node).toContain("connect");
  for (const other of ["deno", "bun", "edge"]) expect(await names(other)).toEqual(node);
});
