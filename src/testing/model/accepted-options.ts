/**
 * Checks of the options that requests pass.
 *
 * @module
 */

import { invalid } from "./refusal.ts";
import type { Verb } from "./request-target.ts";

/** What the server calls the options of a verb. */
const OPTIONS: Partial<Record<Verb, string>> = {
  create: "CreateOptions",
  update: "UpdateOptions",
  patch: "PatchOptions",
};

/** @throws {Refusal} if the value is set and is not `All` */
export function checkDryRun(verb: Verb, given: readonly string[]): void {
  if (given.every((value) => value === "All")) return;
  const values = given.map((value) => JSON.stringify(value)).join(" ");
  unsupported(OPTIONS[verb] ?? "DeleteOptions", "dryRun", `[${values}]`, ["All"]);
}

const POLICIES = ["Foreground", "Background", "Orphan", "nil"];

/** @throws {Refusal} if the policy does not exist */
export function checkPropagationPolicy(policy: unknown): void {
  if (policy === undefined || policy === null) return;
  if (POLICIES.some((known) => known === policy)) return;
  unsupported("DeleteOptions", "propagationPolicy", JSON.stringify(policy), POLICIES);
}

function unsupported(
  kind: string,
  field: string,
  given: string,
  supported: readonly string[],
): never {
  const values = supported.map((value) => JSON.stringify(value)).join(", ");
  const message = `Unsupported value: ${given}: supported values: ${values}`;
  const causes = [{ reason: "FieldValueNotSupported", message, field }];
  throw invalid({ group: "meta.k8s.io", kind }, "", causes);
}
