/**
 * CustomResourceDefinitions of kinds that a program describes with `defineResource()`.
 *
 * @module
 */

import { checkKnown, checkObject } from "../options.ts";
import type { CustomResourceDefinitionSpec, ValidationRule } from "./generated/apiextensions-v1.ts";
import type { KubeObject } from "../api/object.ts";
import type { ResourceKind } from "./kind.ts";
import type { Resource } from "./resource.ts";

/** A column of `kubectl get`. */
export interface CrdPrinterColumn {
  /** Its heading. */
  name: string;
  /** The field that it shows, as in `.spec.size`. */
  jsonPath: string;
  /**
   * The field's type: `boolean`, `date`, `integer`, `number` or `string`.
   *
   * @default that of the field in the schema
   */
  type?: string | undefined;
  /** What it shows, for people. */
  description?: string | undefined;
  /** How it is written (OpenAPI). */
  format?: string | undefined;
  /** Greater than 0 if it is shown by `kubectl get -o wide` only. */
  priority?: number | undefined;
}

/** Where the subresource `scale` has its numbers. */
export interface ScalePaths {
  /**
   * The field that has the number of replicas that there should be.
   *
   * @default ".spec.replicas"
   */
  specReplicasPath?: string | undefined;
  /**
   * The field that has the number of replicas that there are.
   *
   * @default ".status.replicas"
   */
  statusReplicasPath?: string | undefined;
  /** The field that has the label selector of the pods, which a HorizontalPodAutoscaler needs. */
  labelSelectorPath?: string | undefined;
}

/** A CustomResourceDefinition, as manifests have it. */
export interface CrdObject extends KubeObject {
  /** Its group and version, `apiextensions.k8s.io/v1`. */
  apiVersion: string;
  /** Its kind, `CustomResourceDefinition`. */
  kind: string;
  /** Its name, as in `widgets.example.com`. */
  metadata: { name: string };
  /** What it defines. */
  spec: CustomResourceDefinitionSpec;
}

/** What a CustomResourceDefinition says beside the kind and its schema. */
export interface CrdOptions {
  /**
   * Whether the objects are in namespaces. It can only confirm what `defineResource()` was given.
   *
   * @default by `namespaced` of the kind
   */
  scope?: "Cluster" | "Namespaced" | undefined;
  /** The columns of `kubectl get`. */
  printerColumns?: readonly CrdPrinterColumn[] | undefined;
  /** How the subresources of the kind work; `defineResource()` was given which it has. */
  subresources?: { scale?: ScalePaths | undefined } | undefined;
  /**
   * CEL rules, by the field that they are about: `spec`, `spec.ports[]` for each item of a list, `spec.labels[*]` for
   * each value of a record, and `""` for the object itself. Rules in the schema's own metadata
   * (`z.meta({ "x-kubernetes-validations": [...] })`) are kept.
   */
  validations?: Readonly<Record<string, ValidationRule | readonly ValidationRule[]>> | undefined;
  /**
   * Its name for one, in lower case.
   *
   * @default the kind in lower case
   */
  singular?: string | undefined;
  /** Its short names, for `kubectl`. */
  shortNames?: readonly string[] | undefined;
  /** The groups of kinds that it belongs to, as in `all`. */
  categories?: readonly string[] | undefined;
}

const optionNames: readonly (keyof CrdOptions)[] = [
  "scope",
  "printerColumns",
  "subresources",
  "validations",
  "singular",
  "shortNames",
  "categories",
];

/**
 * Makes the CustomResourceDefinition of a kind, from the zod schema that `defineResource()` was given.
 *
 * The schema becomes a structural one: `z.union([z.int(), z.string()])` is int-or-string, `z.unknown()` and
 * `z.looseObject()` keep unknown fields, a discriminated union is one object whose variants are restricted, and
 * metadata whose name begins with `x-kubernetes-` is kept. What can't be expressed is an error: no field is ever
 * validated less by the server than by the schema.
 *
 * @param kind What `defineResource()` returned.
 * @param options What the definition says beside that.
 * @returns The definition, ready for `apply()` or `applyManifests()`. For several versions, join their
 * `spec.versions`.
 * @throws {TypeError} if the kind has no schema, or the schema can't be expressed. It names every such field.
 *
 * @example
 * ```ts
 * import { crdOf, defineResource } from "@reanchor/reanchor/resources";
 * import { z } from "zod/mini";
 *
 * const Widget = defineResource({
 *   group: "example.com",
 *   version: "v1",
 *   kind: "Widget",
 *   plural: "widgets",
 *   namespaced: true,
 *   schema: z.object({
 *     spec: z.object({ size: z.int(), port: z.optional(z.union([z.int(), z.string()])) }),
 *   }),
 * });
 * const crd = await crdOf(Widget, {
 *   printerColumns: [{ name: "Size", jsonPath: ".spec.size" }],
 *   validations: { spec: { rule: "self.size < 10", message: "a size is less than 10" } },
 * });
 * console.log(crd.metadata.name); // widgets.example.com
 * ```
 */
export async function crdOf<T extends KubeObject, Verbs extends Resource<T>>(
  kind: ResourceKind<T, Verbs>,
  options: CrdOptions = {},
): Promise<CrdObject> {
  checkKnown("crdOf", options, optionNames);
  checkObject("a kind", kind, "pass what defineResource() returned");
  const { schema, namespaced, kind: name, group, subresources } = kind;
  if (schema === undefined) {
    throw new TypeError(
      `Cannot make a CustomResourceDefinition of ${name}: it has no schema; pass one to defineResource()`,
    );
  }
  if (!group.includes(".")) {
    throw new TypeError(
      `Cannot make a CustomResourceDefinition of ${name}: its group ${JSON.stringify(group)} is no domain name, as in example.com`,
    );
  }
  const { scope, subresources: given } = options;
  if (scope !== undefined && (scope === "Namespaced") !== namespaced) {
    throw new TypeError(
      `Cannot use option scope of crdOf: a ${name} is ${namespaced ? "in a namespace" : "in none"}, by namespaced of defineResource()`,
    );
  }
  if (given !== undefined) {
    checkKnown("subresources", given, ["scale"]);
    if (given.scale !== undefined) {
      checkKnown("scale", given.scale, [
        "specReplicasPath",
        "statusReplicasPath",
        "labelSelectorPath",
      ]);
      if (!subresources.includes("scale")) {
        throw new TypeError(
          `Cannot use option scale of crdOf: a ${name} has no such subresource; name it in subresources of defineResource()`,
        );
      }
    }
  }
  // Loaded when it is used: zod is large, and few programs make definitions.
  const { makeCrd } = await import("./crds/crd.ts");
  return makeCrd(kind, schema, options);
}
