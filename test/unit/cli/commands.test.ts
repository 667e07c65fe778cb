/**
 * The command line: its output and its exit codes.
 *
 * @module
 */

import { lstat, mkdir, readFile, readdir, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { stringify } from "yaml";
import { runCommand } from "../../../runtimes/cli/commands.ts";
import { version } from "../../../src/version.ts";
import { aCrd } from "../../support/crds.ts";
import { useFolder } from "../../support/temporary-folder.ts";

const folder = useFolder();

async function run(...args: string[]): Promise<{ code: number; printed: string; said: string }> {
  let printed = "";
  let said = "";
  const code = await runCommand(args, {
    async print(text) {
      printed += text;
    },
    complain: (text) => void (said += text),
  });
  return { code, printed, said };
}

async function file(name: string, text: string): Promise<string> {
  const path = join(folder(), name);
  await writeFile(path, text);
  return path;
}

const schema = { openAPIV3Schema: { type: "object" } };
const served = { name: "v1", served: true, storage: true, schema };
const crd = stringify(aCrd("Widget", { versions: [served] }));

describe("runCommand()", () => {
  test.each(["-h", "--help", "help"])("prints help for %s", async (option) => {
    const { code, printed } = await run(option);
    expect([code, printed]).toEqual([0, expect.stringContaining("generate    Write TypeScript")]);
  });

  test("prints the help of a command, and the version", async () => {
    expect((await run("generate", "--help")).printed).toMatch(/--cluster[\s\S]*--output FILE/);
    expect(await run("--version")).toEqual({ code: 0, printed: `${version}\n`, said: "" });
  });

  test("generates from files, to the standard output or to a file", async () => {
    const input = await file("crd.yaml", crd);
    const { code, printed } = await run("generate", input);
    expect([code, printed]).toEqual([0, expect.stringContaining('plural: "widgets"')]);
    const output = join(folder(), "widgets.ts");
    expect(await run("generate", input, "--output", output)).toEqual({
      code: 0,
      printed: "",
      said: "",
    });
    expect(await readFile(output, "utf8")).toBe(printed);
    const jsr = await run("generate", input, "--from", "@reanchor/reanchor/resources");
    expect(jsr.printed).toContain('} from "@reanchor/reanchor/resources";');
  });

  test("writes the complete file or leaves it unchanged, whatever its content", async () => {
    const input = await file("crd.yaml", crd);
    const { printed } = await run("generate", input);
    const place = join(folder(), "place");
    await mkdir(place);
    await writeFile(join(place, "target.ts"), "old", { mode: 0o600 });
    await symlink("target.ts", join(place, "link.ts"));
    expect((await run("generate", input, "-o", join(place, "link.ts"))).code).toBe(0);
    expect((await lstat(join(place, "link.ts"))).isSymbolicLink()).toBe(true);
    expect(await readFile(join(place, "target.ts"), "utf8")).toBe(printed);
    expect((await lstat(join(place, "target.ts"))).mode & 0o777).toBe(0o600);
    expect(await run("generate", input, "-o", place)).toMatchObject({
      code: 1,
      said: expect.stringMatching(/^reanchor: Cannot write .*: it is a folder\n$/),
    });
    expect((await readdir(place)).toSorted()).toEqual(["link.ts", "target.ts"]);
  });

  test.each([
    ["EPIPE", 0, ""],
    ["ENOSPC", 1, "reanchor: Cannot write to the standard output: the disk is full\n"],
  ])("ends cleanly if its output fails with %s", async (code, exitCode, expected) => {
    let said = "";
    const print = async (): Promise<void> => {
      throw Object.assign(new Error("no"), { code });
    };
    const complain = (text: string): void => void (said += text);
    expect(await runCommand(["--help"], { print, complain })).toBe(exitCode);
    expect(said).toBe(expected);
  });

  test.each<[args: string[], reason: RegExp]>([
    [[], /a command is missing; see reanchor --help/],
    [["make"], /there is no command "make"; see/],
    [["generate"], /generate needs a file, or --cluster; see/],
    [["generate", "--unknown"], /Unknown option '--unknown'/],
    [["generate", "--cluster", "crd.yaml"], /takes files or --cluster, not both/],
    [["generate", "crd.yaml", "--group", "x"], /--group needs --cluster/],
  ])("exits with 2 if it is called with %j", async (args, reason) => {
    const { code, printed, said } = await run(...args);
    expect([code, printed]).toEqual([2, ""]);
    expect(said).toMatch(reason);
    expect(said.trimEnd().split("\n")).toHaveLength(1);
  });

  test("exits with 1 and the reason if it fails", async () => {
    const missing = join(folder(), "missing.yaml");
    expect(await run("generate", missing)).toEqual({
      code: 1,
      printed: "",
      said: `reanchor: Cannot read ${missing}: there is no such file or folder\n`,
    });
    const line = crd.split("\n").length + 1;
    const broken = await file("broken.yaml", `${crd}---\nkind: [`);
    expect((await run("generate", broken)).said).toMatch(
      new RegExp(`^reanchor: Cannot read manifests of .*broken\\.yaml: document 2, line ${line}`),
    );
    const other = await file("other.yaml", "apiVersion: v1\nkind: Pod\n");
    expect((await run("generate", other)).said).toContain("it holds no CustomResourceDefinition");
    const input = await file("crd.yaml", crd);
    const { code, said } = await run("generate", input, "-o", join(folder(), "no/such/folder.ts"));
    expect([code, said]).toEqual([
      1,
      expect.stringMatching(/^reanchor: Cannot write .*: there is no such/),
    ]);
    const kubeconfig = await run("generate", "--cluster", "--kubeconfig", missing);
    expect([kubeconfig.code, kubeconfig.said]).toEqual([
      1,
      expect.stringMatching(/^reanchor: Cannot /),
    ]);
  });
});
