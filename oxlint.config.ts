/**
 * What the linter holds: the language's pitfalls, the floors of `src/`, and that runtimes stay apart.
 *
 * @module
 */

import { type OxlintOverride, defineConfig } from "oxlint";
import { floorRules } from "./tools/floors.ts";

const webOnly = "The core stands on web standards alone";
const noPackage = { regex: "^[^.]", message: `${webOnly}: no package and no module of a runtime.` };
const oneWay =
  "A file imports from its own floor and from those below it; tools/floors.ts has the order.";

/** What a test could not set otherwise. */
const injected = [
  { object: "Math", property: "random" },
  { object: "Date", property: "now" },
  { object: "performance", property: "now" },
].map((each) => ({ ...each, message: "Time and chance come from the runtime's clock." }));

const foreignGlobals = [
  "process",
  "Deno",
  "Bun",
  "Buffer",
  "global",
  "require",
  "module",
  "__dirname",
  "__filename",
  "setImmediate",
  "clearImmediate",
  "WorkerGlobalScope",
  "window",
  "document",
  "navigator",
  "localStorage",
].map((name) => ({ name, message: `${webOnly}.` }));

/** The floors. */
const floors: OxlintOverride[] = floorRules().map(({ files, regex }) => ({
  files,
  rules: forbidImports(noPackage, { regex, message: oneWay }),
}));

/** A runtime's own files, and the other runtimes. */
const runtimes: OxlintOverride[] = ["node", "deno", "bun", "edge"].map((name, _index, all) => ({
  files: [`runtimes/${name}.ts`, `runtimes/${name}/**/*.ts`],
  rules: forbidImports(
    ...(name === "edge" ? [noPackage] : []),
    otherRuntimes(
      all.filter((other) => other !== name),
      "A runtime imports the core and its own folder, never another runtime.",
    ),
  ),
}));

function forbidImports(...patterns: { regex: string; message: string }[]): OxlintOverride["rules"] {
  return { "no-restricted-imports": ["error", { patterns }] };
}

/** Files of a floor that may import packages. */
function mayImport(packages: readonly string[], file: string, floor: string): OxlintOverride {
  // Enough to tell them from others: these patterns have no look-ahead.
  const initials = packages.map((name) => name.slice(0, 1)).join("");
  const message = `${webOnly}, beside ${packages.join(" and ")}.`;
  const ofFloor = floorRules()
    .filter(({ files }) => files.includes(floor))
    .map(({ regex }) => ({ regex, message: oneWay }));
  return {
    files: [file],
    rules: forbidImports({ regex: `^[^.${initials}]`, message }, ...ofFloor),
  };
}

function otherRuntimes(
  names: readonly string[],
  message: string,
): { regex: string; message: string } {
  return { regex: String.raw`(^|/)(${names.join("|")})(/|\.ts$)`, message };
}

export default defineConfig({
  plugins: ["typescript", "unicorn", "oxc", "import"],
  categories: { correctness: "error", suspicious: "error", perf: "error" },
  env: { es2023: true },
  rules: {
    "typescript/no-explicit-any": "error",
    "typescript/no-floating-promises": "error",
    "typescript/no-misused-promises": "error",
    "typescript/no-non-null-assertion": "error",
    "typescript/only-throw-error": "error",
    "typescript/return-await": ["error", "always"],
    "typescript/consistent-type-imports": ["error", { disallowTypeAnnotations: false }],
    "typescript/consistent-type-exports": "error",
    "typescript/ban-ts-comment": "error",
    "typescript/no-namespace": "error",
    "typescript/no-require-imports": "error",
    eqeqeq: "error",
    "no-var": "error",
    "prefer-const": ["error", { destructuring: "all" }],
    "import/no-cycle": ["error", { ignoreTypes: false }],
    "import/no-self-import": "error",
    "unicorn/prefer-node-protocol": "error",
    "no-await-in-loop": "off",
    "typescript/no-unsafe-type-assertion": "off",
    "typescript/consistent-return": "off",
    "unicorn/consistent-function-scoping": "off",
    "unicorn/no-array-sort": "off",
    "unicorn/require-module-specifiers": "off",
    "import/no-unassigned-import": "off",
    "no-new": "off",
    "oxc/no-map-spread": "off",
    "typescript/unbound-method": "off",
    "no-unmodified-loop-condition": "off",
  },
  overrides: [
    {
      files: ["src/**/*.ts", "runtimes/edge.ts", "runtimes/edge/**/*.ts"],
      rules: { "no-restricted-globals": ["error", ...foreignGlobals] },
    },
    {
      files: ["src/**/*.ts", "runtimes/**/*.ts"],
      rules: {
        "no-console": "error",
        "typescript/explicit-module-boundary-types": "error",
        "import/no-default-export": "error",
        "no-restricted-properties": ["error", ...injected],
      },
    },
    // What a caller can't tell apart has names.
    { files: ["**/*.ts"], rules: { "max-params": ["error", { max: 3 }] } },
    // What is left of longer lists.
    {
      files: [
        "src/testing/**/*.ts",
        "test/support/fake-api/*.ts",
        "test/unit/support/*.ts",
        "test/bench/*.ts",
      ],
      rules: { "max-params": ["error", { max: 5 }] },
    },
    // A row of a table has a parameter for each column.
    {
      files: ["test/**/*.test.ts", "test/support/chains/table.ts"],
      rules: { "max-params": ["error", { max: 5 }] },
    },
    // undici calls it.
    { files: ["runtimes/node/undici-exchange.ts"], rules: { "max-params": "off" } },
    // The clock itself.
    { files: ["src/runtime.ts"], rules: { "no-restricted-properties": "off" } },
    ...floors,
    // It is the list of what all floors have for users.
    { files: ["src/index.ts"], rules: forbidImports(noPackage) },
    // What comes as text is read by yaml and zod.
    mayImport(["yaml"], "src/yaml/*.ts", "src/yaml/**/*.ts"),
    mayImport(["zod"], "src/resources/crds/*.ts", "src/resources/**/*.ts"),
    mayImport(["yaml", "zod"], "src/config/kubeconfig/*.ts", "src/config/**/*.ts"),
    ...runtimes,
    {
      files: ["runtimes/_shared/**/*.ts"],
      rules: forbidImports(
        otherRuntimes(["node", "deno", "bun", "edge"], "What runtimes share imports none of them."),
      ),
    },
  ],
  ignorePatterns: ["dist", "node_modules", "coverage", ".tmp"],
});
