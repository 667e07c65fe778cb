/**
 * What distinguishes an object from all others of its kind.
 *
 * @module
 */

/** Neither part may have a slash. */
export function objectKey(name: string, namespace = ""): string {
  return `${namespace}/${name}`;
}
