/**
 * Holds what npm and JSR export equal: the same keys, each leading to the same entry.
 *
 * @module
 */

/** A target of npm's, by condition or outright. */
export type NpmTarget = string | { readonly [condition: string]: NpmTarget };

/** The conditions of npm's `.`, in the order in which they are tried, and the runtime that each picks. */
const conditions: readonly (readonly [condition: string, runtime: string])[] = [
  ["deno", "deno"],
  ["bun", "bun"],
  ["workerd", "edge"],
  ["edge-light", "edge"],
  ["worker", "edge"],
  ["browser", "edge"],
  ["node", "node"],
  ["default", "edge"],
];

/** The runtime that JSR's `.` leads to: who takes a package from there is mostly on Deno. */
const jsrRuntime = "deno";

/**
 * Compares the two lists.
 *
 * @param npm `exports` of package.json.
 * @param jsr `exports` of deno.json.
 * @returns What differs, a sentence each.
 */
export function compareExports(
  npm: Readonly<Record<string, NpmTarget>>,
  jsr: Readonly<Record<string, string>>,
): string[] {
  const differences: string[] = [];
  for (const key of new Set([...Object.keys(npm), ...Object.keys(jsr)])) {
    const onNpm = npm[key];
    const onJsr = jsr[key];
    // On npm, programs are in `bin`.
    if (programs.has(key) && onNpm === undefined) continue;
    if (onNpm === undefined || onJsr === undefined) {
      differences.push(`${key} is exported to ${onNpm === undefined ? "JSR" : "npm"} alone`);
      continue;
    }
    const wanted = wantedTargets(key, onJsr);
    if (JSON.stringify(onNpm) !== JSON.stringify(wanted.npm)) {
      const [is, should] = [onNpm, wanted.npm].map((target) => JSON.stringify(target));
      differences.push(`${key} on npm is ${is}, not ${should}`);
    }
    if (onJsr !== wanted.jsr) differences.push(`${key} on JSR is ${onJsr}, not ${wanted.jsr}`);
  }
  return differences;
}

function wantedTargets(key: string, onJsr: string): { npm: NpmTarget; jsr: string } {
  if (key === ".") {
    const npm = Object.fromEntries(
      conditions.map(([condition, runtime]) => [condition, npmEntry(runtime)]),
    );
    return { npm, jsr: `./runtimes/${jsrRuntime}.ts` };
  }
  const entry = /^\.\/([\w-]+)$/.exec(key)?.[1];
  // Not a module: the same file on both.
  if (entry === undefined) return { npm: onJsr, jsr: key };
  return { npm: npmEntry(entry), jsr: `./${sourceOf(entry)}.ts` };
}

/** What is run and not imported. */
const programs: ReadonlySet<string> = new Set(["./cli"]);

/** The entries that are the same on all runtimes. */
const coreEntries: ReadonlySet<string> = new Set(["resources", "manifests"]);

/** Where an entry's source is: in `runtimes`, but for those that are the same on all of them. */
function sourceOf(entry: string): string {
  return coreEntries.has(entry) ? `src/${entry}/index` : `runtimes/${entry}`;
}

function npmEntry(entry: string): NpmTarget {
  return { types: `./dist/types/${sourceOf(entry)}.d.ts`, default: `./dist/${entry}.js` };
}
