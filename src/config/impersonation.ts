/**
 * Whom to act as, in the place of oneself, as the `--as` options of kubectl say (client-go
 * `transport/round_trippers.go`).
 *
 * @module
 */

import { ConfigError } from "../errors.ts";
import { checkKnown, kindOf, checkObject } from "../options.ts";
import type { HeaderLine } from "../runtime.ts";

/** Whom to act as. The API server checks whether the client's own identity may. */
export interface Impersonation {
  /** The user's name. */
  readonly user: string;
  /** The user's UID. */
  readonly uid?: string | undefined;
  /** The groups that the user is in. More than one where `capabilities.repeatedHeaders` says so. */
  readonly groups?: readonly string[] | undefined;
  /** What an authenticator may know beside that, such as scopes. */
  readonly extra?: Readonly<Record<string, readonly string[]>> | undefined;
}

/**
 * The header lines of an impersonation.
 *
 * @throws {ConfigError} if there is no user, or a value is none that a header can carry.
 */
export function impersonationLines(impersonation: Impersonation): HeaderLine[] {
  checkObject("the options of impersonate", impersonation, 'pass { user: "..." }');
  checkKnown("impersonate", impersonation, ["user", "uid", "groups", "extra"]);
  const { user, uid, groups = [], extra = {} } = impersonation;
  // A string would be as many groups as it has letters.
  checkList("impersonate.groups", groups);
  for (const [key, values] of Object.entries(extra)) checkList(`impersonate.extra.${key}`, values);
  if (typeof user !== "string" || user === "") {
    throw new ConfigError(
      "Cannot impersonate: impersonate.user is empty; it must name a user, also where groups are given",
    );
  }
  const lines: HeaderLine[] = [["impersonate-user", user]];
  if (uid !== undefined) lines.push(["impersonate-uid", uid]);
  for (const group of groups) lines.push(["impersonate-group", group]);
  for (const [key, values] of Object.entries(extra)) {
    if (key.trim() === "" || key.trim() !== key) {
      throw new ConfigError(
        "Cannot impersonate: a name in impersonate.extra is empty, or has white space at its beginning or end",
      );
    }
    for (const value of values) lines.push([`impersonate-extra-${escapeKey(key)}`, value]);
  }
  for (const [name, value] of lines) {
    if (typeof value !== "string") {
      throw new TypeError(
        `Cannot impersonate: a value of ${name} is ${kindOf(value)}, not a string`,
      );
    }
    if (value.trim() === "" || value.trim() !== value) {
      throw new ConfigError(
        `Cannot impersonate: a value of ${name} is empty, or has white space at its beginning or end`,
      );
    }
    if (/[^\t\x20-\x7e]/.test(value)) {
      throw new ConfigError(
        `Cannot impersonate: a value of ${name} holds a character that an HTTP header can't carry`,
      );
    }
  }
  return lines;
}

function checkList(name: string, value: unknown): void {
  if (Array.isArray(value)) return;
  throw new TypeError(`Cannot use ${name}: expected an array of strings, not ${kindOf(value)}`);
}

/** Percent-encodes what a header's name can't hold, and the percent sign. */
function escapeKey(key: string): string {
  return Array.from(new TextEncoder().encode(key.toLowerCase()), (byte) => {
    const character = String.fromCharCode(byte);
    return /[a-z0-9!#$&'*+.^_`|~-]/.test(character)
      ? character
      : `%${byte.toString(16).toUpperCase().padStart(2, "0")}`;
  }).join("");
}
