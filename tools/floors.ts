/**
 * The floors of `src/`, from the ground up. A file imports from its own floor and from those below it, types
 * included. Two folders on the same floor do not import each other.
 *
 * @module
 */

/** The folders of `src/` above the files that lie in `src/` itself. */
export const floors: readonly (readonly string[])[] = [
  ["certificates", "yaml"],
  ["sources"],
  ["rotation"],
  ["config"],
  ["http1"],
  ["transport"],
  ["api"],
  ["watch", "pods"],
  ["resources"],
  ["client"],
  ["manifests"],
  ["generate"],
  ["testing"],
];

/** A rule for the imports of some files. */
export interface ImportRule {
  readonly files: string[];
  /** Matches the imports that these files must not have. */
  readonly regex: string;
}

/** The rules that enforce the floors. */
export function floorRules(): ImportRule[] {
  const ground: ImportRule = { files: ["src/*.ts"], regex: pathsInto(floors.flat()) };
  const folders = floors.flatMap((floor, index) =>
    floor.map((folder) => {
      const beside = floor.filter((other) => other !== folder);
      const above = floors.slice(index + 1).flat();
      return { files: [`src/${folder}/**/*.ts`], regex: pathsInto([...beside, ...above]) };
    }),
  );
  return [ground, ...folders];
}

/** Relative paths into some folders of `src/`, to the list of public names, or out of `src/`. */
function pathsInto(folders: readonly string[]): string {
  const closed = [...folders, "runtimes", "test", "tools"].join("|");
  return String.raw`^\.{1,2}/(?:\.\./)*(?:(?:${closed})/|index\.ts$)`;
}
