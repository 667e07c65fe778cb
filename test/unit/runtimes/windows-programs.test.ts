/**
 * Finding programs, and running batch files on Windows. The tests do not need Windows: they check the command
 * line, and how Windows would parse it.
 *
 * @module
 */

import { describe, expect, test } from "vitest";
import { batchCommand } from "../../../runtimes/_shared/batch-command.ts";
import { isBatchFile, programPaths } from "../../../runtimes/_shared/program-paths.ts";
import { SourceError } from "../../../src/errors.ts";

const posix = { isWindows: false, path: "/usr/bin:/opt/bin/", extensions: undefined };
const windows = {
  isWindows: true,
  path: 'C:\\Windows;"D:\\My Tools\\";bin;.',
  extensions: ".EXE;.CMD",
};

describe("programPaths()", () => {
  test.each([
    ["aws", ["/usr/bin/aws", "/opt/bin/aws"]],
    ["./aws", ["./aws"]],
    ["/opt/aws", ["/opt/aws"]],
    ["odd\\name", ["/usr/bin/odd\\name", "/opt/bin/odd\\name"]],
  ])("looks in PATH only for a bare name: %s", (command, paths) => {
    expect(programPaths(command, posix)).toEqual(paths);
  });

  test("never looks in a folder that depends on the current one", () => {
    for (const path of ["", ".", "::/usr/bin:./bin:bin"]) {
      const expected = path.includes("/usr/bin") ? ["/usr/bin/aws"] : [];
      expect(programPaths("aws", { ...posix, path })).toEqual(expected);
    }
    expect(programPaths("aws", { ...posix, path: undefined })).toEqual([]);
  });

  test.each([
    [
      "aws",
      [
        "C:\\Windows\\aws.exe",
        "C:\\Windows\\aws.cmd",
        "D:\\My Tools\\aws.exe",
        "D:\\My Tools\\aws.cmd",
      ],
    ],
    ["C:\\aws", ["C:\\aws.exe", "C:\\aws.cmd"]],
    ["C:/a.b/aws", ["C:/a.b/aws.exe", "C:/a.b/aws.cmd"]],
    ["bin\\aws.cmd", ["bin\\aws.cmd", "bin\\aws.cmd.exe", "bin\\aws.cmd.cmd"]],
  ])("adds the extensions of programs on Windows: %s", (command, paths) => {
    expect(programPaths(command, windows)).toEqual(paths);
  });

  test("knows the usual extensions on Windows when PATHEXT is not set", () => {
    const paths = programPaths("C:\\aws", { ...windows, extensions: undefined });
    expect(paths).toEqual(["C:\\aws.com", "C:\\aws.exe", "C:\\aws.bat", "C:\\aws.cmd"]);
  });
});

test.each(["a.cmd", "a.bat", "A.BAT", "a.cmd.", "a.cmd ", "a.bat. ."])(
  "isBatchFile() is true when Windows would start a shell for %j",
  (path) => {
    expect(isBatchFile(path)).toBe(true);
    expect(isBatchFile(`${path}x`)).toBe(false);
  },
);

/**
 * The arguments that a program gets from its command line (`CommandLineToArgvW`), which a batch file passes
 * on.
 */
function argumentsOf(line: string): string[] {
  const found: string[] = [];
  let at = 0;
  while (at < line.length) {
    let argument = "";
    let quoted = false;
    for (; at < line.length && (quoted || line[at] !== " "); at++) {
      let backslashes = 0;
      while (line[at] === "\\") {
        backslashes++;
        at++;
      }
      if (line[at] === '"') {
        argument += "\\".repeat(Math.floor(backslashes / 2));
        if (backslashes % 2 === 1) argument += '"';
        else quoted = !quoted;
      } else {
        argument += "\\".repeat(backslashes);
        if (at < line.length && (quoted || line[at] !== " ")) argument += line[at];
        else at--;
      }
    }
    found.push(argument);
    at++;
  }
  return found;
}

describe("batchCommand()", () => {
  test("is one line for cmd.exe, which expands nothing, runs nothing first, and removes two quotes", () => {
    expect(batchCommand("C:\\My Tools\\az.cmd", ["get", "a b", ""])).toEqual({
      command: "C:\\Windows\\System32\\cmd.exe",
      args: ["/d", "/e:on", "/v:off", "/s", "/c", '""C:\\My Tools\\az.cmd" "get" "a b" """'],
    });
    expect(batchCommand("a.cmd", [], "D:\\Windows\\").command).toBe(
      "D:\\Windows\\System32\\cmd.exe",
    );
  });

  test.each([
    ["&calc", "|calc", "a&&calc", "a||calc"],
    ["<in", ">out", "2>&1"],
    ["^", "a^&b", "^^"],
    ["(a)", ";", ",", "=", "a=b", "*", "?", "@", "#", "'", "`"],
    ["ends with \\", "\\", "\\\\", "C:\\dir\\"],
    ["a\tb", "ä", "🚠", "-", "--flag=a b"],
  ])("keeps every argument inside its quotes: %j", (...given) => {
    const { args } = batchCommand("C:\\az.cmd", given);
    const line = args.at(-1)?.slice(1, -1) ?? "";
    expect(argumentsOf(line)).toEqual(["C:\\az.cmd", ...given]);
    // In cmd.exe a quote toggles whatever precedes it: outside of quotes there are only spaces.
    const outside = line.split('"').filter((_, index) => index % 2 === 0);
    expect(outside.join("").trim()).toBe("");
  });

  test.each(["%PATH%", "100%", "!PATH!", 'a"b', '"', "a\nb", "a\rb", "a\0b"])(
    "rejects what quotes can't protect, and does not show it: %j",
    (argument) => {
      const run = (): unknown => batchCommand("C:\\az.cmd", ["fine", argument]);
      expect(run).toThrow(SourceError);
      expect(run).toThrow(
        "it can't be run: exec.args[1] holds %, !, a quote or a line end, which can't be passed to a batch file safely; use an .exe as exec.command",
      );
      expect(() => batchCommand(`C:\\${argument}\\az.cmd`, [])).toThrow(/: its path holds %/);
    },
  );
});
