/**
 * From the text of manifests to objects.
 *
 * @module
 */

import { InvalidManifestError } from "../api/manifest-errors.ts";
import { decodeText } from "../bytes.ts";
import { messageOf } from "../callback.ts";
import { cleanName } from "../clean-text.ts";
import { checkKnown, kindOf } from "../options.ts";
import { kubectlScalar } from "../yaml/kubectl-scalar.ts";
import { isMapping } from "../plain-object.ts";
import { type Path, type PlainDocument, Refusal, readYaml } from "../yaml/yaml-documents.ts";
import { jsonTexts } from "./json-texts.ts";
import { type ManifestObject, findProblem, flattenLists } from "./manifest-object.ts";

/** How manifests are read. */
export interface ReadManifestsOptions {
  /** What error messages call the text: the name of its file. */
  file?: string | undefined;
}

/** The largest text that is read: 64 MiB. */
const MAX_BYTES = 64 * 1024 * 1024;
/** How deeply values are nested: schemas in CustomResourceDefinitions go far down. */
const MAX_DEPTH = 256;

/**
 * Reads manifests: YAML with any number of documents, or JSON, one object after the other. Lists (`kind: List`, and
 * those that kubectl writes) become the objects in them. Empty documents are left out.
 *
 * Scalars mean what they mean to kubectl, so `0644` is octal. What kubectl would silently drop is an error: a key
 * that is there twice, an unknown tag.
 *
 * @param content The text, or its bytes in UTF-8 or UTF-16.
 * @returns The objects, in their order. Each has an `apiVersion` and a `kind`.
 * @throws {InvalidManifestError} if it can't be read. It says which document and line, and quotes nothing.
 *
 * @example
 * ```ts
 * import { readManifests } from "@reanchor/reanchor/manifests";
 *
 * const objects = readManifests(`
 * apiVersion: v1
 * kind: Namespace
 * metadata: { name: shop }
 * ---
 * apiVersion: v1
 * kind: ConfigMap
 * metadata: { name: settings, namespace: shop }
 * `);
 * console.log(objects.map(({ kind }) => kind)); // [ "Namespace", "ConfigMap" ]
 * ```
 */
export function readManifests(
  content: string | Uint8Array,
  options: ReadManifestsOptions = {},
): ManifestObject[] {
  checkKnown("readManifests", options, ["file"]);
  const { file } = options;
  const what = file === undefined ? "manifests" : `manifests of ${cleanName(file)}`;
  const fail = (reason: string, document?: number, line?: number): InvalidManifestError => {
    const place = document === undefined ? "" : ` document ${document},`;
    return new InvalidManifestError(`Cannot read ${what}:${place} ${reason}`, { document, line });
  };

  const text = textOf(content, fail);
  const objects: ManifestObject[] = [];
  let number = 0;
  // Files that were joined may have a byte order mark each.
  for (const part of jsonTexts(text.replaceAll(/^\u{feff}/gmu, ""))) {
    for (const document of documentsOf(part, fail)) {
      number += 1;
      try {
        objects.push(...objectsOf(document.read()));
      } catch (error) {
        if (!(error instanceof Refusal)) throw error;
        throw fail(error.message, number, error.line);
      }
    }
  }
  return objects;
}

function textOf(content: unknown, fail: (reason: string) => Error): string {
  if (typeof content !== "string" && !(content instanceof Uint8Array)) {
    throw new TypeError(
      `Cannot read manifests: expected a text or its bytes, not ${kindOf(content)}`,
    );
  }
  if (content.length > MAX_BYTES) throw fail("the text is larger than 64 MiB");
  if (typeof content === "string") return content;
  try {
    return decodeText(content);
  } catch (error) {
    throw fail(messageOf(error));
  }
}

function documentsOf(
  text: string,
  fail: (reason: string) => Error,
): readonly { read(): PlainDocument }[] {
  try {
    return readYaml(text, { maxDepth: MAX_DEPTH, scalar: kubectlScalar });
  } catch (error) {
    throw error instanceof Refusal ? fail(error.message) : error;
  }
}

/** The objects of a document; none if it is empty. */
function objectsOf({ value, lineOf }: PlainDocument): ManifestObject[] {
  if (value === null || value === undefined) return [];
  const refuse = (reason: string, path: Path): Refusal => {
    const line = lineOf(path);
    return new Refusal(line === undefined ? reason : `line ${line}: ${reason}`, line);
  };
  if (!isMapping(value)) {
    const hint = Array.isArray(value) ? "; use kind: List" : "";
    throw refuse(`it is ${kindOf(value)}, not an object${hint}`, []);
  }
  return flattenLists(value).map(({ object, path }) => {
    const problem = findProblem(object);
    if (problem !== undefined) throw refuse(problem, path);
    return object as ManifestObject;
  });
}
