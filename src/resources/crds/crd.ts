/**
 * The CustomResourceDefinition of a kind that a program describes.
 *
 * @module
 */

import { isMapping } from "../../plain-object.ts";
import type { ObjectSchema } from "../../api/object-check.ts";
import type { ResourceDefinition } from "../../api/resource-definition.ts";
import type { CrdObject, CrdOptions, CrdPrinterColumn, ScalePaths } from "../crd-of.ts";
import type {
  CustomResourceSubresourceScale,
  JSONSchemaProps,
} from "../generated/apiextensions-v1.ts";
import { jsonSchemaOf } from "./json-schema.ts";
import { Problems } from "./problems.ts";
import { StructuralSchemas } from "./structural-schema.ts";

const defaultScale: ScalePaths = {
  specReplicasPath: ".spec.replicas",
  statusReplicasPath: ".status.replicas",
};

/** Makes the definition. Its options have been checked. */
export function makeCrd(
  { group, version, kind, plural, namespaced, subresources: names }: ResourceDefinition,
  schema: ObjectSchema<unknown>,
  options: CrdOptions,
): CrdObject {
  const problems = new Problems();
  const openAPIV3Schema = rootOf(jsonSchemaOf(schema, problems), problems);
  addRules(openAPIV3Schema, options.validations ?? {}, problems);
  const scale = names.includes("scale")
    ? { ...defaultScale, ...options.subresources?.scale }
    : undefined;
  for (const [name, path] of Object.entries(scale ?? {})) {
    if (typeof path !== "string" || at(openAPIV3Schema, path) === undefined) {
      problems.add(`subresources.scale.${name}`, `the schema has no field ${String(path)}`);
    }
  }
  const columns = options.printerColumns?.map((column) =>
    columnOf(column, openAPIV3Schema, problems),
  );
  problems.throwIfAny(kind);
  const subresources = {
    ...(names.includes("status") && { status: {} }),
    ...(scale !== undefined && { scale: scale as CustomResourceSubresourceScale }),
  };
  const { singular = kind.toLowerCase(), shortNames, categories } = options;
  return {
    apiVersion: "apiextensions.k8s.io/v1",
    kind: "CustomResourceDefinition",
    metadata: { name: `${plural}.${group}` },
    spec: {
      group,
      scope: namespaced ? "Namespaced" : "Cluster",
      names: {
        kind,
        listKind: `${kind}List`,
        plural,
        singular,
        ...(shortNames && { shortNames: [...shortNames] }),
        ...(categories && { categories: [...categories] }),
      },
      versions: [
        {
          name: version,
          served: true,
          storage: true,
          schema: { openAPIV3Schema },
          ...(Object.keys(subresources).length > 0 && { subresources }),
          ...(columns && { additionalPrinterColumns: columns }),
        },
      ],
    },
  };
}

/** The schema of an object. What all objects have is the server's own affair. */
function rootOf(schema: Readonly<Record<string, unknown>>, problems: Problems): JSONSchemaProps {
  const { properties, required, ...rest } = schema;
  if (rest["type"] !== "object") {
    problems.add("", "it is not one of an object; use z.object({ spec: ... })");
    return {};
  }
  const isOwn = (name: unknown): boolean => {
    return name !== "apiVersion" && name !== "kind" && name !== "metadata";
  };
  const fields = Object.entries(isMapping(properties) ? properties : {});
  const own = {
    ...rest,
    properties: Object.fromEntries(fields.filter(([name]) => isOwn(name))),
    required: Array.isArray(required) ? required.filter(isOwn) : [],
  };
  return new StructuralSchemas(problems).of(own, "");
}

/** Adds CEL rules to fields, named as in `spec.ports[]`; an empty name is the object itself. */
function addRules(
  root: JSONSchemaProps,
  validations: NonNullable<CrdOptions["validations"]>,
  problems: Problems,
): void {
  for (const [field, rules] of Object.entries(validations)) {
    const schema = at(root, field);
    if (schema === undefined) {
      problems.add(`validations[${JSON.stringify(field)}]`, "the schema has no such field");
      continue;
    }
    const own = schema["x-kubernetes-validations"] ?? [];
    schema["x-kubernetes-validations"] = [...own, ...[rules].flat()];
  }
}

function columnOf(
  { name, jsonPath, type, ...rest }: CrdPrinterColumn,
  root: JSONSchemaProps,
  problems: Problems,
): CrdPrinterColumn & { type: string } {
  const known = type ?? typeOfPath(root, jsonPath);
  if (known === undefined) {
    problems.add(`printerColumns ${name}`, `the type of ${jsonPath} is not clear; set type`);
  }
  return { name, type: known ?? "string", jsonPath, ...rest };
}

function typeOfPath(root: JSONSchemaProps, jsonPath: string): string | undefined {
  if (/^\.metadata\.(?:creation|deletion)Timestamp$/.test(jsonPath)) return "date";
  if (jsonPath.startsWith(".metadata.")) return "string";
  const schema = at(root, jsonPath);
  if (schema?.["x-kubernetes-int-or-string"] === true) return "string";
  if (schema?.allOf?.some(({ format }) => format === "date-time") === true) return "date";
  const { type } = schema ?? {};
  return type !== undefined && type !== "object" && type !== "array" ? type : undefined;
}

/** The schema of a field, named as in `spec.ports[].name`, `.spec.replicas` or `spec.labels[*]`. */
function at(root: JSONSchemaProps, path: string): JSONSchemaProps | undefined {
  let schema: JSONSchemaProps | undefined = root;
  for (const step of path.split(/\.|(?=\[)/).filter((one) => one !== "")) {
    if (!step.startsWith("[")) schema = schema?.properties?.[step];
    else schema = (schema?.items ?? schema?.additionalProperties) as JSONSchemaProps | undefined;
  }
  return schema;
}
