/**
 * Which version of a kind is the newest.
 *
 * @module
 */

const stages = ["GA", "beta", "alpha"];

/** Orders versions as API servers do: `v2`, `v1`, `v1beta2`, `v1beta1`, `v1alpha1`, and others after them. */
export function newestFirst(versions: readonly string[]): string[] {
  return [...versions].sort(compareVersions);
}

/** Compares two versions: less than 0 if the first one is newer. */
export function compareVersions(a: string, b: string): number {
  const [first, second] = [parseVersion(a), parseVersion(b)];
  return (
    stages.indexOf(first.stage) - stages.indexOf(second.stage) ||
    second.major - first.major ||
    second.minor - first.minor
  );
}

function parseVersion(version: string): { major: number; stage: string; minor: number } {
  const found = /^v(\d+)(?:(alpha|beta)(\d+))?$/.exec(version);
  const [, major = 0, stage = found === null ? "alpha" : "GA", minor = 0] = found ?? [];
  return { major: Number(major), stage, minor: Number(minor) };
}
