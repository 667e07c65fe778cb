/**
 * Other representations of objects that a request can accept: their metadata alone, or rows of a table.
 *
 * @module
 */

import type { Json, StoredObject } from "./objects.ts";
import type { ApiAnswer } from "./request-target.ts";

/** The kinds of `meta.k8s.io/v1` that `Accept` can name. */
type View = "PartialObjectMetadata" | "PartialObjectMetadataList" | "Table";

const API_VERSION = "meta.k8s.io/v1";

/** Answers with the representation that the first accepted type asks for. */
export function asAccepted(answer: ApiAnswer, accept: string): ApiAnswer {
  const view = /;as=(\w+);g=meta\.k8s\.io;v=v1/.exec(accept.split(",")[0] ?? "")?.[1];
  if (!isView(view) || answer.status >= 300) return answer;
  const { body } = answer;
  if (typeof body !== "string") return { ...answer, body: viewedEvents(body) };
  const viewed = viewOf(JSON.parse(body) as StoredObject & { items?: StoredObject[] }, view);
  return { ...answer, body: `${JSON.stringify(viewed)}\n` };
}

function isView(name: string | undefined): name is View {
  return ["PartialObjectMetadata", "PartialObjectMetadataList", "Table"].includes(name ?? "");
}

function viewOf(body: StoredObject & { items?: StoredObject[] }, view: View): Json {
  const { metadata, items } = body;
  switch (view) {
    case "PartialObjectMetadata":
      return metadataOf(body);
    case "PartialObjectMetadataList": {
      const rows = (items ?? []).map((item) => metadataOf(item));
      return { kind: view, apiVersion: API_VERSION, metadata, items: rows };
    }
    case "Table": {
      const rows = (items ?? [body]).map((item) => ({
        cells: [item.metadata.name, item.metadata.creationTimestamp ?? ""],
        object: metadataOf(item),
      }));
      return { kind: view, apiVersion: API_VERSION, metadata, columnDefinitions, rows };
    }
  }
}

function metadataOf({ metadata }: StoredObject): Json {
  return { kind: "PartialObjectMetadata", apiVersion: API_VERSION, metadata };
}

const columnDefinitions = [
  { name: "Name", type: "string", format: "name", description: "", priority: 0 },
  { name: "Created At", type: "date", format: "", description: "", priority: 0 },
];

async function* viewedEvents(body: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  const encoder = new TextEncoder();
  const decoder = new TextDecoder();
  let text = "";
  for await (const bytes of body) {
    text += decoder.decode(bytes, { stream: true });
    const lines = text.split("\n");
    text = lines.pop() ?? "";
    for (const line of lines) {
      const event = JSON.parse(line) as { type: string; object: StoredObject };
      const object = event.type === "ERROR" ? event.object : metadataOf(event.object);
      yield encoder.encode(`${JSON.stringify({ ...event, object })}\n`);
    }
  }
}
