/**
 * Objects as rows of a table, as `kubectl get` prints them.
 *
 * @module
 */

import { ConnectionError } from "../errors.ts";
import type { CallOptions } from "./api-call.ts";
import type { ListMeta } from "./list.ts";
import type { KubeObject, Stored } from "./object.ts";
import type { ResourceTarget } from "./resource-target.ts";

/** A column of a {@link ResourceTable}. */
export interface TableColumn {
  /** Its heading. */
  readonly name: string;
  /** The OpenAPI type of its cells, as in `string` and `integer`. */
  readonly type: string;
  /** What the cells are, as in `name` and `date`; empty if nothing special. */
  readonly format: string;
  /** What it means. */
  readonly description: string;
  /** 0 for columns that are always shown; larger for those that `kubectl get -o wide` adds. */
  readonly priority: number;
}

/** A row of a {@link ResourceTable}. */
export interface TableRow {
  /** One cell for each column. */
  readonly cells: readonly unknown[];
  /** The metadata of the row's object. */
  readonly object: Stored<KubeObject>;
}

/** Objects as rows of a table (`meta.k8s.io/v1` `Table`), with the columns that the server chooses. */
export interface ResourceTable {
  /** What the list says of itself. */
  readonly metadata: ListMeta;
  /** The columns. */
  readonly columnDefinitions: readonly TableColumn[];
  /** The rows. */
  readonly rows: readonly TableRow[];
}

/** Asks for one page of a table. */
export async function tablePage<T extends KubeObject>(
  target: ResourceTarget<T>,
  options: CallOptions,
): Promise<ResourceTable> {
  const path = target.collectionPath();
  const headers = { accept: "application/json;as=Table;g=meta.k8s.io;v=v1,application/json" };
  const answer = await target.client.call<Partial<ResourceTable> & { readonly kind?: string }>({
    ...options,
    headers,
    method: "GET",
    path,
  });
  if (answer?.kind !== "Table" || !Array.isArray(answer.columnDefinitions)) {
    throw new ConnectionError(
      `Cannot get a table of ${path}: the server sent none; list the objects instead`,
    );
  }
  const { metadata, columnDefinitions, rows } = answer;
  return {
    metadata: { resourceVersion: "", ...metadata },
    columnDefinitions,
    rows: rows ?? [], // Go writes an empty list as null.
  };
}
