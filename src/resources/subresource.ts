/**
 * What is read and written below an object: its status, and how many replicas it has.
 *
 * @module
 */

import type { KubeObject, Stored } from "../api/object.ts";
import { patchContentType } from "../api/patch.ts";
import type { ResourceTarget } from "../api/resource-target.ts";
import {
  type GetOptions,
  type WriteOptions,
  applyNames,
  exchange,
  getNames,
  patchNames,
  writeCall,
  writeNames,
  type PatchVerbs,
} from "../api/verbs.ts";
import { checkFlag, checkKnown } from "../options.ts";
import type { TokenRequest } from "./generated/authentication-v1.ts";

/** How many copies a workload has, and should have (`autoscaling/v1` `Scale`). */
export interface ScaleObject extends KubeObject {
  /** What it should have. */
  spec?: { replicas?: number | undefined } | undefined;
  /** What it has. */
  status?: { replicas: number; selector?: string | undefined } | undefined;
}

/** What hangs below an object and is written by itself, as its status. */
export interface Subresource<T extends KubeObject> extends PatchVerbs<T> {
  /** Gets it. */
  get(name: string, options?: GetOptions): Promise<Stored<T>>;
  /** Replaces it. */
  replace(object: T, options?: WriteOptions): Promise<Stored<T>>;
}

/** The verb that kinds with a status have. */
export interface WithStatus<T extends KubeObject> {
  /**
   * Reads and writes the objects' status, without their spec.
   *
   * @example
   * ```ts
   * import type { KubeClient } from "@reanchor/reanchor";
   * import { Node } from "@reanchor/reanchor/resources";
   *
   * async function report(kube: KubeClient): Promise<void> {
   *   const condition = { type: "Checked", status: "True" };
   *   await kube.resource(Node).status.patch("a", { status: { conditions: [condition] } }, { type: "strategic" });
   * }
   * console.assert(typeof report === "function");
   * ```
   */
  readonly status: Subresource<T>;
}

/** The verb that kinds with replicas have. */
export interface WithScale {
  /**
   * Reads and writes how many replicas the objects have.
   *
   * @example
   * ```ts
   * import type { KubeClient } from "@reanchor/reanchor";
   * import { Deployment } from "@reanchor/reanchor/resources";
   *
   * async function stop(kube: KubeClient, name: string): Promise<void> {
   *   await kube.resource(Deployment).scale.patch(name, { spec: { replicas: 0 } });
   * }
   * console.assert(typeof stop === "function");
   * ```
   */
  readonly scale: Subresource<ScaleObject>;
}

/** What is posted below an object, and is not stored by itself. */
export interface CreatedSubresource<T extends KubeObject> {
  /** Posts it, and returns the server's answer. */
  create(name: string, object: T, options?: WriteOptions): Promise<T>;
}

/** Which node a pod is assigned to (`v1` `Binding`). */
export interface PodBinding extends KubeObject {
  /** The node, by its name. */
  target: { kind?: "Node" | undefined; name: string };
}

/** The verb of CertificateSigningRequests. */
export interface WithApproval<T extends KubeObject> {
  /**
   * Approves or denies requests, by the conditions of their status.
   *
   * @example
   * ```ts
   * import type { KubeClient } from "@reanchor/reanchor";
   * import { CertificateSigningRequest } from "@reanchor/reanchor/resources";
   *
   * async function approve(kube: KubeClient, name: string): Promise<void> {
   *   const condition = { type: "Approved", status: "True", reason: "Checked" };
   *   const status = { conditions: [condition] };
   *   await kube.resource(CertificateSigningRequest).approval.patch(name, { status });
   * }
   * console.assert(typeof approve === "function");
   * ```
   */
  readonly approval: Subresource<T>;
}

/** The verb of Namespaces. */
export interface WithFinalize<T extends KubeObject> {
  /** Replaces `spec.finalizers` of a namespace; only `replace` is possible. */
  readonly finalize: Pick<Subresource<T>, "replace">;
}

/** The verb of ServiceAccounts. */
export interface WithToken {
  /**
   * Requests tokens of service accounts.
   *
   * @example
   * ```ts
   * import type { KubeClient } from "@reanchor/reanchor";
   * import { ServiceAccount } from "@reanchor/reanchor/resources";
   *
   * async function token(kube: KubeClient, name: string): Promise<string | undefined> {
   *   const spec = { audiences: ["registry"], expirationSeconds: 3_600 };
   *   const { status } = await kube.resource(ServiceAccount).token.create(name, { spec });
   *   return status?.token;
   * }
   * console.assert(typeof token === "function");
   * ```
   */
  readonly token: CreatedSubresource<TokenRequest>;
}

/** Binds the approval of CertificateSigningRequests. */
export function withApproval<T extends KubeObject>(
  target: ResourceTarget<T>,
): WithApproval<T> & WithStatus<T> {
  return { ...withStatus(target), approval: bindSubresource(target.below<T>("approval")) };
}

/** Binds the finalizers of Namespaces. */
export function withFinalize<T extends KubeObject>(
  target: ResourceTarget<T>,
): WithFinalize<T> & WithStatus<T> {
  const { replace } = bindSubresource(target.below<T>("finalize"));
  return { ...withStatus(target), finalize: { replace } };
}

/** Binds the tokens of ServiceAccounts. */
export function withToken<T extends KubeObject>(target: ResourceTarget<T>): WithToken {
  return { token: bindCreated<TokenRequest>(target.below("token")) };
}

/** Binds what is posted below an object. */
export function bindCreated<T extends KubeObject>(
  target: ResourceTarget<T>,
): CreatedSubresource<T> {
  return {
    async create(name, object, options = {}) {
      checkKnown("create", options, writeNames);
      const path = target.pathOfName(name);
      const body = target.complete(object);
      const call = { ...writeCall(target, options), method: "POST", path, body };
      return await target.client.call<T>(call);
    },
  };
}

/** Binds the status of a kind's objects. */
export function withStatus<T extends KubeObject>(target: ResourceTarget<T>): WithStatus<T> {
  return { status: bindSubresource(target.below<T>("status")) };
}

/** Binds how many replicas a kind's objects have. */
export function withScale<T extends KubeObject>(target: ResourceTarget<T>): WithScale {
  return { scale: bindSubresource(target.below<ScaleObject>("scale")) };
}

/** Binds both. */
export function withStatusAndScale<T extends KubeObject>(
  target: ResourceTarget<T>,
): WithScale & WithStatus<T> {
  return { ...withStatus(target), ...withScale(target) };
}

/** Binds what can be done to an object, or to what is below it. */
export function bindSubresource<T extends KubeObject>(target: ResourceTarget<T>): Subresource<T> {
  return {
    async get(name, options = {}) {
      checkKnown("get", options, getNames);
      const { resourceVersion, ...call } = options;
      const path = target.pathOfName(name);
      const query = { resourceVersion };
      const headers = target.headers("object");
      return await exchange(target, { ...call, headers, query, method: "GET", path });
    },
    async replace(object, options = {}) {
      checkKnown("replace", options, writeNames);
      const path = target.pathOf(object);
      const body = target.complete(object);
      return await exchange(target, { ...writeCall(target, options), method: "PUT", path, body });
    },
    async patch(name, patch, options = {}) {
      checkKnown("patch", options, patchNames);
      const { type, ...write } = options;
      const path = target.pathOfName(name);
      const contentType = patchContentType(patch, type);
      const call = { ...writeCall(target, write), method: "PATCH", path, body: patch, contentType };
      return await exchange(target, call);
    },
    async apply(object, options = {}) {
      checkKnown("apply", options, applyNames);
      const { force, ...write } = options;
      const path = target.pathOf(object);
      checkApplied(object);
      const { query, ...call } = writeCall(target, write);
      if (query?.["fieldManager"] === undefined) {
        throw new TypeError(
          "Cannot apply without a field manager: pass the program's name as option fieldManager of connect or of apply",
        );
      }
      return await exchange(target, {
        ...call,
        query: { ...query, force: checkFlag("force", force) || undefined },
        method: "PATCH",
        path,
        body: target.complete(object),
        contentType: patchContentType(object, "apply"),
      });
    },
  };
}

/** An object that was read carries who owns its fields, which the server rejects with 400. */
function checkApplied({
  metadata,
}: {
  readonly metadata?: { readonly managedFields?: unknown };
}): void {
  if ((metadata?.managedFields ?? undefined) === undefined) return;
  throw new TypeError(
    "Cannot apply an object with metadata.managedFields: it was read from the server, and applying it would make you the owner of every field; apply only the fields that you set",
  );
}
