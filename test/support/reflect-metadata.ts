/**
 * The part of the metadata reflection interface that the certificate library's container asks for
 * when it is loaded. Import this file before that library.
 *
 * @module
 */

const metadata = new WeakMap<object, Map<unknown, unknown>>();

function defineMetadata(key: unknown, value: unknown, target: object): void {
  const entries = metadata.get(target) ?? new Map<unknown, unknown>();
  metadata.set(target, entries.set(key, value));
}

function getOwnMetadata(key: unknown, target: object): unknown {
  return metadata.get(target)?.get(key);
}

function getMetadata(key: unknown, target: object): unknown {
  for (
    let at: object | null = target;
    at !== null;
    at = Object.getPrototypeOf(at) as object | null
  ) {
    if (metadata.get(at)?.has(key) === true) return getOwnMetadata(key, at);
  }
  return undefined;
}

// A full implementation that is loaded already stays in place.
if (!("getMetadata" in Reflect)) {
  Object.assign(Reflect, { defineMetadata, getMetadata, getOwnMetadata });
}

export {};
