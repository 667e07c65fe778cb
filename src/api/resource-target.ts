/**
 * The objects of one kind that a resource is bound to: where they are, and what they must be.
 *
 * @module
 */

import {
  type ObjectCheck,
  type ObjectCheckMode,
  type ObjectSchema,
  createObjectCheck,
} from "./object-check.ts";
import { checkObject } from "../options.ts";
import type { ApiError } from "./api-error.ts";
import type { ResourceClient } from "./api-call.ts";
import type { KubeObject, Stored } from "./object.ts";
import type { ResourceDefinition } from "./resource-definition.ts";
import { ALL_NAMESPACES, apiVersionOf, checkDefinition, collectionPath, segment } from "./paths.ts";

/** A schema, and what it is for. */
export interface ResourceSchema {
  readonly schema?: ObjectSchema<unknown> | undefined;
  readonly check?: ObjectCheckMode | undefined;
}

/** Where the objects of a kind are, and what checks them. */
export interface ResourceBinding extends ResourceSchema {
  readonly client: ResourceClient;
  /** `undefined` for the client's own, which may change. */
  readonly namespace: string | undefined;
}

/** The same, with the check that the schema comes to. */
interface TargetParts extends Pick<ResourceBinding, "client" | "namespace"> {
  readonly check: ObjectCheck | undefined;
  readonly subresource?: string;
  /** What is made of the objects before they are sent: all of it by default. */
  readonly view?: TypeMeta;
}

/** What objects say of their kind. */
interface TypeMeta {
  readonly apiVersion: string;
  readonly kind: string;
}

/** What says where an object is. */
interface Named {
  readonly metadata?:
    | { readonly name?: string | undefined; readonly namespace?: string | undefined }
    | undefined;
}

/** Subresources that are of another kind than the objects above them. */
const subresourceTypes: Readonly<Record<string, TypeMeta>> = {
  binding: { apiVersion: "v1", kind: "Binding" },
  scale: { apiVersion: "autoscaling/v1", kind: "Scale" },
  token: { apiVersion: "authentication.k8s.io/v1", kind: "TokenRequest" },
};

const metadataType: TypeMeta = { apiVersion: "meta.k8s.io/v1", kind: "PartialObjectMetadata" };

export class ResourceTarget<T extends KubeObject> {
  readonly client: ResourceClient;
  /** Looks at what came from the server. */
  readonly check: ObjectCheck | undefined;
  readonly #definition: ResourceDefinition;
  /** `undefined` for the client's own, which may change. */
  readonly #namespace: string | undefined;
  readonly #subresource: string | undefined;
  readonly #type: TypeMeta;
  readonly #view: string | undefined;

  private constructor(definition: ResourceDefinition, parts: TargetParts) {
    const { client, namespace, check, subresource, view } = parts;
    this.#definition = definition;
    this.client = client;
    this.#namespace = namespace;
    this.check = check;
    this.#subresource = subresource;
    const { kind } = definition;
    const type = { apiVersion: apiVersionOf(definition), kind };
    this.#type = view ?? subresourceTypes[subresource ?? ""] ?? type;
    this.#view = view?.kind;
  }

  /** Binds a kind to a client. */
  static bind<T extends KubeObject>(
    definition: ResourceDefinition,
    { client, namespace, schema, check: mode = "warn" }: ResourceBinding,
  ): ResourceTarget<T> {
    checkDefinition(definition);
    const check = createObjectCheck(schema, mode, client.onEvent);
    return new ResourceTarget(definition, { client, namespace, check });
  }

  /** What hangs below the objects. */
  below<Below extends KubeObject>(subresource: string): ResourceTarget<Below> {
    const { kind, subresources } = this.#definition;
    if (!subresources.includes(subresource)) {
      const known = subresources.length === 0 ? "it has none" : `it has ${subresources.join(", ")}`;
      throw new TypeError(`Cannot use ${subresource} of a ${kind}: ${known}`);
    }
    const check = subresource === "status" ? this.check : undefined;
    return new ResourceTarget(this.#definition, {
      client: this.client,
      namespace: this.#namespace,
      check,
      subresource,
    });
  }

  /** The objects' metadata alone. */
  get metadataOnly(): ResourceTarget<KubeObject> {
    return new ResourceTarget(this.#definition, {
      client: this.client,
      namespace: this.#namespace,
      check: keepMetadata,
      view: metadataType,
    });
  }

  /** The headers that ask for an object, or for a list. */
  headers(of: "object" | "list"): Readonly<Record<string, string>> {
    if (this.#view === undefined) return noHeaders;
    const kind = of === "list" ? `${this.#view}List` : this.#view;
    // An aggregated API may not know it, and sends whole objects then.
    return { accept: `application/json;as=${kind};g=meta.k8s.io;v=v1,application/json` };
  }

  /** The namespace that is worked in; `undefined` if all are, or the kind has none. */
  get namespace(): string | undefined {
    if (!this.#definition.namespaced || this.#namespace === ALL_NAMESPACES) return undefined;
    return this.#namespace ?? this.client.namespace;
  }

  /** Where all of them are. */
  collectionPath(): string {
    return collectionPath(this.#definition, this.namespace);
  }

  /** Where a new one is made. */
  creationPath(object: Named): string {
    return collectionPath(this.#definition, this.#namespaceOf(object));
  }

  /** Where the one of a name is. */
  pathOfName(name: string): string {
    return this.#path(this.#oneNamespace(), name);
  }

  /** Where an object is that a caller has in hand. */
  pathOf(object: Named): string {
    return this.#path(this.#namespaceOf(object), object.metadata?.name);
  }

  /** The one of a name in words, as in `Pod default/web`. */
  describe(name: string): string {
    const { namespace } = this;
    return `${this.#definition.kind} ${namespace === undefined ? "" : `${namespace}/`}${name}`;
  }

  /** Whether an error says that there is no object of a name, rather than no such kind or path. */
  isMissing(name: string, { status, reason, details }: ApiError): boolean {
    const { plural } = this.#definition;
    return (
      status === 404 && reason === "NotFound" && details?.name === name && details.kind === plural
    );
  }

  /** An object with what goes without saying. */
  complete(object: object): object {
    return { ...this.#type, ...object };
  }

  /** Objects of a list, which do not say their kind, with it. */
  async completeAll(items: readonly Stored<T>[]): Promise<Stored<T>[]> {
    const objects = items.map((item) => Object.assign(item, this.#type));
    if (this.check !== undefined) for (const object of objects) await this.check(object);
    return objects;
  }

  #path(namespace: string | undefined, name: string | undefined): string {
    const below = this.#subresource === undefined ? "" : `/${this.#subresource}`;
    return `${collectionPath(this.#definition, namespace)}/${segment("name", name)}${below}`;
  }

  /** An object's own namespace counts where the resource is bound to none, or to all. */
  #namespaceOf(object: Named): string | undefined {
    const { namespaced, kind } = this.#definition;
    checkObject(`a ${kind}`, object, "pass the object itself, as its YAML describes it");
    const { metadata } = object;
    const own = metadata?.namespace;
    if (!namespaced || own === undefined) return this.#oneNamespace();
    const bound = this.#namespace ?? ALL_NAMESPACES;
    if (bound === ALL_NAMESPACES || own === bound) return own;
    const where = `this resource is bound to namespace ${bound}`;
    throw new TypeError(`Cannot write a ${kind} of namespace ${own}: ${where}`);
  }

  #oneNamespace(): string | undefined {
    const { namespaced, kind } = this.#definition;
    const { namespace } = this;
    if (namespaced && namespace === undefined) {
      const what = `Cannot tell which ${kind} is meant`;
      throw new TypeError(`${what}: this resource has all namespaces; bind it to one`);
    }
    return namespace;
  }
}

const noHeaders: Readonly<Record<string, string>> = {};

/** Drops everything but the metadata of an object of a server that sent it whole. */
async function keepMetadata(object: Stored<KubeObject>): Promise<void> {
  const { metadata } = object;
  for (const key of Object.keys(object)) Reflect.deleteProperty(object, key);
  Object.assign(object, metadataType, { metadata });
}
