/**
 * Reads the kinds and types of an API server from its OpenAPI v3 documents.
 *
 * @module
 */

import { compareVersions } from "../../src/generate/versions.ts";

/** What distinguishes a kind from all others. */
export interface GroupVersionKind {
  readonly group: string;
  readonly version: string;
  readonly kind: string;
}

/** A schema, limited to the keywords that API servers use. */
export interface Schema {
  readonly $ref?: string;
  readonly description?: string;
  readonly type?: string;
  readonly format?: string;
  readonly enum?: readonly string[];
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly required?: readonly string[];
  readonly items?: Schema;
  readonly additionalProperties?: Schema | boolean;
  readonly allOf?: readonly Schema[];
  readonly oneOf?: readonly Schema[];
  readonly "x-kubernetes-group-version-kind"?: readonly GroupVersionKind[];
  readonly "x-kubernetes-int-or-string"?: boolean;
}

interface Operation {
  readonly "x-kubernetes-group-version-kind"?: GroupVersionKind;
}

/** A document, as returned by `GET /openapi/v3/apis/apps/v1`. */
export interface OpenApiDocument {
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
  readonly components?: { readonly schemas?: Readonly<Record<string, Schema>> };
}

/** A kind with its own URLs. */
export interface Kind extends GroupVersionKind {
  readonly plural: string;
  readonly namespaced: boolean;
  readonly subresources: readonly string[];
  /** The name of its schema. */
  readonly schema: string;
}

/** The content of the documents. */
export interface Api {
  /** All schemas by their names, as in `io.k8s.api.core.v1.Pod`. */
  readonly schemas: ReadonlyMap<string, Schema>;
  /** All kinds, with each version as a separate entry. */
  readonly kinds: readonly Kind[];
  /** The schemas of the bodies of subresources, such as `Scale`, in addition to those of the kinds. */
  readonly bodies: readonly string[];
}

const jsonSchema = "io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1.JSONSchemaProps";
const jsonSchemaRef = { $ref: `#/components/schemas/${jsonSchema}` };

/** What the documents leave open, although the server is strict about it. */
const closed: Readonly<Record<string, Schema>> = {
  [`${jsonSchema}OrArray`]: {
    oneOf: [jsonSchemaRef, { type: "array", items: jsonSchemaRef }],
  },
  [`${jsonSchema}OrBool`]: { oneOf: [jsonSchemaRef, { type: "boolean" }] },
  [`${jsonSchema}OrStringArray`]: {
    oneOf: [jsonSchemaRef, { type: "array", items: { type: "string" } }],
  },
};

const resourcePath =
  /^\/(?:api|apis\/(?<group>[^/]+))\/(?<version>[^/]+)\/(?<scope>namespaces\/\{namespace\}\/)?(?<plural>[^/{]+)(?:\/\{name\}(?:\/(?<subresource>[^/]+))?)?$/;

/** Whether a version is GA or beta. The types of alpha versions change too often to be useful. */
function isStable(version: string): boolean {
  return /^v\d+(?:beta\d+)?$/.test(version);
}

/** Reads documents, in any order. */
export function readApi(documents: readonly OpenApiDocument[]): Api {
  const schemas = new Map<string, Schema>();
  for (const { components } of documents) {
    for (const [name, schema] of Object.entries(components?.schemas ?? {})) {
      schemas.set(name, closed[name] ?? schema);
    }
  }
  const schemaOf = new Map<string, string>();
  for (const [name, schema] of schemas) {
    for (const each of schema["x-kubernetes-group-version-kind"] ?? []) {
      schemaOf.set(keyOf(each), name);
    }
  }

  const kinds = new Map<string, Kind>();
  const subresources = new Map<string, Set<string>>();
  const bodies = new Set<string>();
  for (const [path, operations] of documents.flatMap(({ paths }) => Object.entries(paths))) {
    const {
      group = "",
      version = "",
      scope,
      plural = "",
      subresource,
    } = resourcePath.exec(path)?.groups ?? {};
    const about = Object.values(operations)
      .map((operation) => operation["x-kubernetes-group-version-kind"])
      .find((each) => each !== undefined);
    const schema = about && schemaOf.get(keyOf(about));
    if (!isStable(version) || about === undefined) continue;

    const url = `${group}/${version}/${plural}`;
    const below = subresources.get(url) ?? new Set();
    subresources.set(url, below);
    if (subresource !== undefined) below.add(subresource);
    if (schema === undefined || !isStable(about.version)) continue;

    if (subresource !== undefined) bodies.add(schema);
    else if (path.endsWith(`/${plural}`)) {
      const namespaced = scope !== undefined || kinds.get(url)?.namespaced === true;
      kinds.set(url, { ...about, plural, namespaced, subresources: [], schema });
    }
  }
  const withSubresources = [...kinds].map(([url, kind]) => ({
    ...kind,
    subresources: [...(subresources.get(url) ?? [])].sort(),
  }));
  for (const { schema } of withSubresources) bodies.delete(schema);
  return { schemas, kinds: withSubresources, bodies: [...bodies] };
}

function keyOf({ group, version, kind }: GroupVersionKind): string {
  return `${group}/${version}/${kind}`;
}

/** The version to use for each kind: the newest GA version, otherwise the newest beta version. */
export function preferKinds(kinds: readonly Kind[]): Kind[] {
  const preferred = new Map<string, Kind>();
  for (const kind of kinds) {
    const key = keyOf({ ...kind, version: "" });
    const other = preferred.get(key);
    if (other === undefined || compareVersions(kind.version, other.version) < 0) {
      preferred.set(key, kind);
    }
  }
  return [...preferred.values()];
}

/** The name of the schema that another one only refers to. */
export function pointsAt({ $ref, allOf = [] }: Schema): string | undefined {
  const ref = $ref ?? (allOf.length === 1 ? allOf[0]?.$ref : undefined);
  return ref?.slice(ref.lastIndexOf("/") + 1);
}

/** The given schemas and all that they refer to, directly or indirectly. */
export function reach(
  names: readonly string[],
  schemas: ReadonlyMap<string, Schema>,
): ReadonlySet<string> {
  const reached = new Set<string>();

  function visit(name: string): void {
    const schema = schemas.get(name);
    if (schema === undefined) throw new Error(`Cannot find schema ${name}: no document has it`);
    if (reached.has(name)) return;
    reached.add(name);
    for (const other of refersTo(schema)) visit(other);
  }

  for (const name of names) visit(name);
  return reached;
}

/** The schemas that a schema refers to directly. */
export function refersTo(schema: Schema): string[] {
  const { properties = {}, items, additionalProperties, oneOf = [] } = schema;
  const parts = [...Object.values(properties), ...oneOf];
  if (items !== undefined) parts.push(items);
  if (typeof additionalProperties === "object") parts.push(additionalProperties);
  const name = pointsAt(schema);
  return [...(name === undefined ? [] : [name]), ...parts.flatMap((part) => refersTo(part))];
}
