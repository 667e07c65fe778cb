/**
 * Copying files into and out of containers, with a real `tar` on the other side.
 *
 * @module
 */

import { execFile } from "node:child_process";
import {
  link,
  lstat,
  mkdir,
  readFile,
  readdir,
  readlink,
  symlink,
  writeFile,
} from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { expect, test } from "vitest";
import { ConnectionError } from "../../src/index.ts";
import { ExecError, Pod, type TarInput, writeTar } from "../../src/resources/index.ts";
import { entry } from "./support/entry.ts";
import {
  connectClient,
  connectTimed,
  observe,
  rejection,
  startCluster,
  until,
} from "./support/scene.ts";
import { createFolder } from "../support/temporary-folder.ts";

const execute = promisify(execFile);

/** Pods whose file system is this machine's, and a temporary folder. */
async function startPods() {
  const { ca, server } = await startCluster();
  const config = { server: server.origin, ca: entry.staticCaSource(ca.pem) };
  const { kube } = await connectClient({ config });
  return { pods: kube.resource(Pod), folder: await createFolder() };
}

test("writeFile() and readFile() support any bytes and any name", async () => {
  const { pods, folder } = await startPods();
  for (const name of ["app.json", "-rf", "with space", "ü".repeat(120)]) {
    const bytes = crypto.getRandomValues(new Uint8Array(50_000));
    await pods.writeFile("web", { path: join(folder, name), content: bytes });
    expect(Buffer.compare(await readFile(join(folder, name)), bytes)).toBe(0);
    expect(Buffer.compare(await pods.readFile("web", join(folder, name)), bytes)).toBe(0);
  }
  await pods.writeFile("web", { path: join(folder, "text"), content: "text\n" });
  expect(await readFile(join(folder, "text"), "utf8")).toBe("text\n");
});

test("readFile() throws ExecError with tar's message when the file is missing", async () => {
  const { pods, folder } = await startPods();
  const error = await rejection(pods.readFile("web", join(folder, "missing")));
  expect(error).toBeInstanceOf(ExecError);
  expect((error as Error).message).toMatch(
    /^Cannot read .*missing of Pod default\/web: it ended with exit code 2: .*No such file/,
  );
});

test("writeFile() throws ExecError when the folder is missing", async () => {
  const { pods, folder } = await startPods();
  const error = await rejection(
    pods.writeFile("web", { path: join(folder, "missing/a"), content: "a" }),
  );
  expect(error).toBeInstanceOf(ExecError);
});

test("readFile() limits the size and rejects a folder", async () => {
  const { pods, folder } = await startPods();
  await writeFile(join(folder, "large"), "x".repeat(1_000));
  const large = await rejection(pods.readFile("web", join(folder, "large"), { maxBytes: 999 }));
  expect(String(large)).toMatch(/it has more than 999 bytes \(maxBytes\)/);
  expect(String(await rejection(pods.readFile("web", folder)))).toMatch(/it is no file, but dir/);
});

test("copyTo() and copyFrom() copy folders", async () => {
  const { pods, folder } = await startPods();
  const files = { "a.txt": "a", "b/c.txt": "c".repeat(300_000), "b/d/e": "" };
  await mkdir(join(folder, "local/b/d"), { recursive: true });
  await mkdir(join(folder, "local/empty"));
  for (const [name, text] of Object.entries(files)) {
    await writeFile(join(folder, "local", name), text);
  }
  await pods.copyTo("web", { from: join(folder, "local"), to: join(folder, "remote") });
  await pods.copyFrom("web", { from: join(folder, "remote"), to: join(folder, "back") });
  for (const place of ["remote", "back"]) {
    expect((await readdir(join(folder, place))).toSorted()).toEqual(["a.txt", "b", "empty"]);
    for (const [name, text] of Object.entries(files)) {
      expect(await readFile(join(folder, place, name), "utf8")).toBe(text);
    }
  }
  await pods.copyFrom("web", { from: join(folder, "remote/a.txt"), to: join(folder, "one/file") });
  expect(await readFile(join(folder, "one/file"), "utf8")).toBe("a");
  const again = await rejection(
    pods.copyFrom("web", { from: join(folder, "remote"), to: join(folder, "back") }),
  );
  expect(again).toMatchObject({ code: "EEXIST" });
  await pods.copyFrom("web", {
    from: join(folder, "remote"),
    to: join(folder, "back"),
    overwrite: true,
  });
});

test("copyTo() closes its files when tar ends early", async () => {
  const { pods, folder } = await startPods();
  await writeFile(join(folder, "large"), new Uint8Array(16 * 1024 * 1024));
  const to = join(folder, "missing/large");
  const error = await rejection(pods.copyTo("web", { from: join(folder, "large"), to }));
  expect(error).toBeInstanceOf(ExecError);
  expect(await openFiles()).not.toContain(join(folder, "large"));
});

test("writeFile() throws when success is reported before the archive was sent", async () => {
  const { pods, folder } = await startPods();
  const path = join(folder, "large");
  const content = new Uint8Array(20 * 1024 * 1024);
  const error = await rejection(pods.writeFile("hasty", { path, content }));
  expect(error).toBeInstanceOf(ConnectionError);
  expect(String(error)).toContain(
    `Cannot write ${path} of Pod default/hasty: success was reported before all of it was sent`,
  );
});

/** The paths of the files that this process has open, where the system tells. */
async function openFiles(): Promise<string[]> {
  const place = "/proc/self/fd";
  const names = await readdir(place).catch(() => []);
  return await Promise.all(names.map((name) => readlink(join(place, name)).catch(() => "")));
}

test("copyTo() and copyFrom() reject symbolic links, or skip them when asked to", async () => {
  const { pods, folder } = await startPods();
  await mkdir(join(folder, "remote"));
  await symlink("/etc", join(folder, "remote/link"));
  await writeFile(join(folder, "remote/file"), "file");
  const from = await rejection(
    pods.copyFrom("web", { from: join(folder, "remote"), to: join(folder, "a") }),
  );
  expect(String(from)).toMatch(/"remote\/link" is a symlink, it would lead elsewhere/);
  const to = await rejection(
    pods.copyTo("web", { from: join(folder, "remote"), to: join(folder, "b") }),
  );
  expect(String(to)).toMatch(/link is neither a file nor a folder; set skipLinks/);
  const skipLinks = true;
  await pods.copyFrom("web", { from: join(folder, "remote"), to: join(folder, "c"), skipLinks });
  await pods.copyTo("web", { from: join(folder, "remote"), to: join(folder, "d"), skipLinks });
  expect(await readdir(join(folder, "c"))).toEqual(["file"]);
  expect(await readdir(join(folder, "d"))).toEqual(["file"]);
});

test("copyFrom() rejects hard links and FIFOs, or leaves them out when asked to", async () => {
  const { pods, folder } = await startPods();
  for (const [kind, create] of [
    ["hard-link", (path: string) => link(join(path, "a"), join(path, "b"))],
    ["fifo", (path: string) => execute("mkfifo", [join(path, "b")])],
  ] as const) {
    const from = join(folder, kind);
    await mkdir(from);
    await writeFile(join(from, "a"), "a");
    await create(from);
    const rejected = pods.copyFrom("web", { from, to: join(folder, `${kind}-rejected`) });
    // Which one of two hard links is the link, tar decides.
    const message = new RegExp(`"${kind}/[ab]" is a ${kind}, it would lead elsewhere; set skip`);
    expect(String(await rejection(rejected))).toMatch(message);
    const to = join(folder, `${kind}-copied`);
    await pods.copyFrom("web", { from, to, skipLinks: true });
    const names = await readdir(to);
    expect(names).toHaveLength(1);
    expect(await readFile(join(to, names[0] ?? ""), "utf8")).toBe("a");
  }
});

test("copyFrom() with overwrite replaces a link, and never what it leads to", async () => {
  const { pods, folder } = await startPods();
  await writeFile(join(folder, "new"), "new");
  await writeFile(join(folder, "outside"), "outside");
  for (const isBelow of [false, true]) {
    const to = join(folder, `to-${isBelow}`);
    const path = isBelow ? join(to, "new") : to;
    if (isBelow) await mkdir(to);
    await symlink(join(folder, "outside"), path);
    const from = isBelow ? join(folder, "tree") : join(folder, "new");
    if (isBelow) {
      await mkdir(from);
      await writeFile(join(from, "new"), "new");
    }
    expect(await rejection(pods.copyFrom("web", { from, to }))).toMatchObject({ code: "EEXIST" });
    await pods.copyFrom("web", { from, to, overwrite: true });
    expect((await lstat(path)).isSymbolicLink()).toBe(false);
    expect(await readFile(path, "utf8")).toBe("new");
    expect(await readFile(join(folder, "outside"), "utf8")).toBe("outside");
  }
});

test("copyFrom() never writes through a link below its target", async () => {
  const { pods, folder } = await startPods();
  await mkdir(join(folder, "outside"));
  await mkdir(join(folder, "target"));
  await symlink(join(folder, "outside"), join(folder, "target/b"));
  await writeFile(join(folder, "hostile"), await archiveOf({ name: "hostile/b/c", body: "c" }));
  const copied = pods.copyFrom("hostile", {
    from: join(folder, "hostile"),
    to: join(folder, "target"),
  });
  expect(String(await rejection(copied))).toMatch(/it is no folder, but a file or a link/);
  expect(await readdir(join(folder, "outside"))).toEqual([]);
});

const hostile: readonly (readonly [what: string, inputs: TarInput[], message: RegExp])[] = [
  ["a name with ..", [{ name: "x/../../evil", body: "" }], /leads outside/],
  ["an absolute name", [{ name: "/evil", body: "" }], /leads outside/],
  ["another name", [{ name: "evil", body: "" }], /leads outside/],
  ["a name that begins as what was asked for", [{ name: "xevil", body: "" }], /leads outside/],
  [
    "a name twice",
    [
      { name: "x/a", body: "" },
      { name: "x/a", body: "" },
    ],
    /"a" twice/,
  ],
  [
    "a name without an end",
    [{ name: `x/${"a/".repeat(200_000)}evil`, body: "" }],
    /a name of 400006 characters/,
  ],
  [
    "names that differ by case",
    [
      { name: "x/a", body: "" },
      { name: "x/A", body: "" },
    ],
    /"A" twice/,
  ],
  [
    "folders that differ by case",
    [
      { name: "x/a/b", body: "" },
      { name: "x/A/c", body: "" },
    ],
    /"A" twice/,
  ],
];

test.each(hostile)("copyFrom() rejects an archive with %s", async (_, inputs, message) => {
  const { pods, folder } = await startPods();
  await writeFile(join(folder, "x"), await archiveOf(...inputs));
  const error = await rejection(
    pods.copyFrom("hostile", { from: join(folder, "x"), to: join(folder, "in/to") }),
  );
  expect(error).toBeInstanceOf(ConnectionError);
  expect(String(error)).toMatch(message);
  const found = await readdir(folder, { recursive: true });
  expect(found.filter((name) => name.includes("evil"))).toEqual([]);
});

/** Pods whose copies go to a system with the paths of Windows, or with those of other systems. */
async function startPodsFor({ hasWindowsPaths }: { readonly hasWindowsPaths: boolean }) {
  const { ca, server } = await startCluster();
  const { local } = entry.runtime;
  if (local === undefined) throw new Error("Cannot copy: this runtime has no files");
  const { kube } = await observe(
    { ...entry.runtime, local: async () => ({ ...(await local()), hasWindowsPaths }) },
    { config: { server: server.origin, ca: entry.staticCaSource(ca.pem) } },
  );
  return { pods: kube.resource(Pod), folder: await createFolder() };
}

const onlyOnWindows = [
  "..\\evil",
  "a\\b",
  "C:evil",
  "a:stream",
  "NUL",
  "com1.txt",
  "a.",
  "a ",
  "a\tb",
];

test("copyFrom() keeps names as they are where a backslash and a colon separate nothing", async () => {
  const { pods, folder } = await startPodsFor({ hasWindowsPaths: false });
  await writeFile(
    join(folder, "x"),
    await archiveOf(...onlyOnWindows.map((name) => ({ name: `x/${name}`, body: name }))),
  );
  await pods.copyFrom("hostile", { from: join(folder, "x"), to: join(folder, "to") });
  expect((await readdir(join(folder, "to"))).toSorted()).toEqual(onlyOnWindows.toSorted());
  for (const name of onlyOnWindows) {
    expect(await readFile(join(folder, "to", name), "utf8")).toBe(name);
  }
});

test("copyFrom() rejects a name that is another path on Windows, if it writes there", async () => {
  const { pods, folder } = await startPodsFor({ hasWindowsPaths: true });
  for (const name of onlyOnWindows) {
    await writeFile(join(folder, "x"), await archiveOf({ name: `x/${name}/b`, body: "" }));
    const copied = pods.copyFrom("hostile", { from: join(folder, "x"), to: join(folder, "to") });
    const error = await rejection(copied);
    expect(error).toBeInstanceOf(ConnectionError);
    expect(String(error)).toMatch(/which is none on Windows, or leads elsewhere there/);
  }
  for (const name of ["nullify", "com", "a.b", ".hidden", "ü b"]) {
    await writeFile(join(folder, "x"), await archiveOf({ name: `x/${name}`, body: "" }));
    await pods.copyFrom("hostile", { from: join(folder, "x"), to: join(folder, `to-${name}`) });
  }
});

test("copyFrom() rejects a broken archive even if tar does not end", async () => {
  const { ca, server } = await startCluster();
  const { kube, clock } = await connectTimed(() => ({
    config: { server: server.origin, ca: entry.staticCaSource(ca.pem) },
  }));
  const folder = await createFolder();
  await writeFile(join(folder, "x"), "x".repeat(512));
  let isOver = false;
  const copied = rejection(
    kube.resource(Pod).copyFrom("endless", { from: join(folder, "x"), to: join(folder, "to") }),
  ).finally(() => (isOver = true));
  await until("it ends", async () => {
    await clock.advance(1_000);
    return isOver;
  });
  expect(String(await copied)).toMatch(/Cannot read the tar archive: a number in a header/);
});

test("copyFrom() rejects a truncated archive, whatever the exit code is", async () => {
  const { pods, folder } = await startPods();
  const whole = await archiveOf({ name: "x/a", body: "a".repeat(5_000) });
  for (const length of [100, 512, 3_000, whole.length - 1_024, whole.length - 512]) {
    await writeFile(join(folder, "x"), whole.subarray(0, length));
    const copied = pods.copyFrom("hostile", {
      from: join(folder, "x"),
      to: join(folder, `to-${length}`),
    });
    expect(await rejection(copied)).toBeInstanceOf(ConnectionError);
  }
});

test("copyFrom() limits how much it writes", async () => {
  const { pods, folder } = await startPods();
  await mkdir(join(folder, "x"));
  for (const name of ["a", "b", "c"]) await writeFile(join(folder, "x", name), "1234567890");
  const copy = async (options: { maxBytes?: number; maxFiles?: number }) => {
    const to = join(await createFolder(), "y");
    return String(
      await rejection(pods.copyFrom("web", { from: join(folder, "x"), to, ...options })),
    );
  };
  expect(await copy({ maxBytes: 25 })).toMatch(/it has more than 25 bytes \(maxBytes\)/);
  expect(await copy({ maxFiles: 2 })).toMatch(/it has more than 2 files \(maxFiles\)/);
});

async function archiveOf(...inputs: TarInput[]): Promise<Uint8Array> {
  return new Uint8Array(await new Response(writeTar(inputs)).arrayBuffer());
}
