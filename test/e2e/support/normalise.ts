/**
 * Makes the responses of two servers comparable: replaces values that differ by chance.
 *
 * @module
 */

/** Replaces versions with their order of appearance, and uids, times and tokens with their kind. */
export function normalise(answers: readonly unknown[]): unknown[] {
  const versions = new Map<string, string>();
  const version = (text: string): string => {
    const known = versions.get(text) ?? `version ${versions.size + 1}`;
    versions.set(text, known);
    return known;
  };

  function walk(value: unknown, key: string, isList: boolean): unknown {
    if (Array.isArray(value)) {
      const items = value.map((item) => walk(item, "", false));
      if (key !== "managedFields") return items;
      const entries = items.map(withoutTime).filter(ownsFields);
      return entries.length === 0 ? undefined : entries.toSorted(byJson);
    }
    if (typeof value === "object" && value !== null) {
      if (key === "fieldsV1") return withoutMarks(value);
      const kind = (value as { kind?: unknown }).kind;
      const { type } = value as { type?: unknown };
      const isOfList = (typeof kind === "string" && kind.endsWith("List")) || type === "BOOKMARK";
      return Object.fromEntries(
        Object.entries(withoutDefaults(value)).map(([name, child]) => [
          name,
          walk(child, name, isOfList || (isList && name !== "items")),
        ]),
      );
    }
    if (typeof value !== "string") return value;
    if (key === "resourceVersion") return isList || value === "0" ? "of the list" : version(value);
    if (key === "uid") return /^[\da-f-]{36}$/.test(value) ? "a uid" : value;
    if (/^(?:creationTimestamp|deletionTimestamp)$/.test(key)) return "a time";
    if (key === "continue") return "a token";
    if (value.startsWith("gen-")) return "gen-";
    if (key === "message" || key === "request") return cleaned(value);
    return value;
  }

  return answers.map((answer) => walk(answer, "", false));
}

/** Fields without those that the model does not record: ownership of a map itself, and of parts of a list. */
function withoutMarks(fields: object): object {
  const entries = Object.entries(fields as Record<string, object>).filter(
    ([name, child]) => !/^(?:\.$|[kv]:)/.test(name) && Object.keys(child).join() !== ".",
  );
  return Object.fromEntries(entries.map(([name, child]) => [name, withoutMarks(child)]));
}

/** A Deployment or Pod without the server's defaults, which the model does not set. */
function withoutDefaults(value: object): object {
  const { kind, items } = value as { kind?: unknown; items?: object[] };
  if (kind === "DeploymentList" || kind === "PodList") {
    const type = kind.replace("List", "");
    return { ...value, items: items?.map((item) => withoutDefaults({ ...item, kind: type })) };
  }
  const { spec, metadata } = value as {
    spec?: { replicas?: unknown; nodeName?: unknown };
    metadata?: { managedFields?: { fieldsV1?: unknown }[] };
  };
  if ((kind !== "Deployment" && kind !== "Pod") || metadata === undefined) return value;
  const managedFields = metadata.managedFields?.map(({ fieldsV1: _fields, ...entry }) => entry);
  return {
    ...value,
    metadata: { ...metadata, ...(managedFields && { managedFields }) },
    spec: { replicas: spec?.replicas, nodeName: spec?.nodeName },
  };
}

/** Without those, an entry may be empty. */
function ownsFields(entry: object): boolean {
  return !("fieldsV1" in entry) || Object.keys(entry.fieldsV1 as object).length > 0;
}

/** The server leaves out the time of an entry whose write changed nothing. */
function withoutTime(entry: unknown): object {
  const { time: _time, ...rest } = entry as { time?: unknown };
  return rest;
}

function byJson(left: unknown, right: unknown): number {
  return JSON.stringify(left) < JSON.stringify(right) ? -1 : 1;
}

function cleaned(text: string): string {
  return (
    text
      .replaceAll(/[\da-f]{8}-[\da-f]{4}-[\da-f]{4}-[\da-f]{4}-[\da-f]{12}/g, "a uid")
      .replaceAll(/continue=[\w-]+/g, "continue=a token")
      .replaceAll(/gen-\w+/g, "gen-")
      // Wording of Go's own decoders, and of its selector parser.
      .replace(/(cannot be handled as a \w+): .*/, "$1")
      .replace(/the object provided is unrecognized .*parse error.*/, "it is no JSON")
      .replace(/^(?:unable to parse requirement|found '.*expected).*/, "it is no selector")
      .replaceAll(/\b(?!999999999)\d{2,}\b/g, "N")
  );
}
