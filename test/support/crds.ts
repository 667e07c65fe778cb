/**
 * CustomResourceDefinitions.
 *
 * @module
 */

/** How a definition differs from that of a namespaced kind without subresources. */
export interface CrdParts {
  /** @default "example.com" */
  readonly group?: string;
  /** @default "Namespaced" */
  readonly scope?: "Cluster" | "Namespaced";
  /** @default `v1`, served and stored, without a schema */
  readonly versions?: readonly object[];
}

/** The definition of a kind, as a manifest. */
export interface Crd extends Readonly<Record<string, unknown>> {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: { readonly name: string };
  readonly spec: {
    readonly group: string;
    readonly scope: string;
    readonly names: { readonly kind: string; readonly plural: string };
    readonly versions: readonly object[];
  };
}

/** Makes the definition of a kind. */
export function aCrd(kind: string, parts: CrdParts = {}): Crd {
  const { group = "example.com", scope = "Namespaced" } = parts;
  const { versions = [{ name: "v1", served: true, storage: true }] } = parts;
  const plural = `${kind.toLowerCase()}s`;
  return {
    apiVersion: "apiextensions.k8s.io/v1",
    kind: "CustomResourceDefinition",
    metadata: { name: `${plural}.${group}` },
    spec: { group, scope, names: { kind, plural }, versions },
  };
}
