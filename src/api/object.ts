/**
 * What all objects of the API share.
 *
 * @module
 */

/** The metadata that every object has (`meta/v1` `ObjectMeta`), as far as reanchor reads it. */
export interface KubeObjectMeta {
  /** The object's name, unique among those of its kind in its namespace. */
  name?: string | undefined;
  /** A prefix from which the server makes a name, where `name` is missing. */
  generateName?: string | undefined;
  /** Its namespace; `undefined` if the kind has none. */
  namespace?: string | undefined;
  /** What distinguishes it from an earlier object of the same name. */
  uid?: string | undefined;
  /** Its version, which the server changes with each write. */
  resourceVersion?: string | undefined;
  /** When it was made, by RFC 3339. */
  creationTimestamp?: string | undefined;
  /** When it was asked to be gone, by RFC 3339, where finalizers hold it. */
  deletionTimestamp?: string | undefined;
  /** What selectors go by. */
  labels?: { [key: string]: string } | undefined;
  /** What tools note on it. */
  annotations?: { [key: string]: string } | undefined;
  /** What must be done before it goes. */
  finalizers?: string[] | undefined;
  /** Counts the changes of what it should be. */
  generation?: number | undefined;
  /** The objects that it goes with. */
  ownerReferences?: ObjectOwner[] | undefined;
  /** Who owns which fields; large, and seldom read. */
  managedFields?: unknown[] | undefined;
}

/** An object that another one goes with (`meta/v1` `OwnerReference`). */
export interface ObjectOwner {
  /** Its group and version. */
  apiVersion: string;
  /** Its kind. */
  kind: string;
  /** Its name. */
  name: string;
  /** Its uid. */
  uid: string;
  /** Whether it is the one that manages the other. */
  controller?: boolean | undefined;
  /** Whether it can't be deleted in the foreground before the other has gone. */
  blockOwnerDeletion?: boolean | undefined;
}

/** What every object of the API has. */
export interface KubeObject {
  /** Its group and version, as in `apps/v1`; `v1` in the core group. */
  apiVersion?: string | undefined;
  /** Its kind, as in `Deployment`. */
  kind?: string | undefined;
  /** Its name and the like. */
  metadata?: KubeObjectMeta | undefined;
}

/** An object as the server has it, with all that the server fills in. */
export type Stored<T extends KubeObject> = T & {
  apiVersion: string;
  kind: string;
  metadata: {
    name: string;
    uid: string;
    resourceVersion: string;
    creationTimestamp: string;
  };
};

/** Any part of an object, down to its leaves. */
export type PartOf<T> = T extends readonly (infer Item)[]
  ? PartOf<Item>[]
  : T extends object
    ? { [Key in keyof T]?: PartOf<T[Key]> | undefined }
    : T;

/**
 * An object to apply: its name, and the fields that the caller wants to own. `managedFields`, which objects of the
 * server have, must not be in it: an object that was read would make the caller the owner of every field.
 */
export type Applied<T extends KubeObject> = PartOf<T> & {
  metadata: { name: string; managedFields?: undefined };
};
