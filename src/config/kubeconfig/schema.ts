/**
 * What a kubeconfig of version v1 holds (client-go `tools/clientcmd/api/v1/types.go`). Keys that are not
 * known are kept, and null counts as absent, as it does where Go decodes it.
 *
 * @module
 */

import * as z from "zod/mini";

/** A kubeconfig, as one file holds it. */
export interface Kubeconfig {
  readonly clusters: readonly NamedCluster[];
  readonly users: readonly NamedUser[];
  readonly contexts: readonly NamedContext[];
  readonly "current-context"?: string | undefined;
}

/** A cluster, and what it is called. */
export interface NamedCluster {
  readonly name: string;
  readonly cluster: {
    readonly server?: string | undefined;
    readonly "tls-server-name"?: string | undefined;
    readonly "insecure-skip-tls-verify"?: boolean | undefined;
    /** A file's path. */
    readonly "certificate-authority"?: string | undefined;
    /** PEM text in base64, which wins over the file. */
    readonly "certificate-authority-data"?: string | undefined;
    readonly "proxy-url"?: string | undefined;
    readonly "disable-compression"?: boolean | undefined;
    readonly extensions: readonly NamedExtension[];
  };
}

/** What a tool keeps in a kubeconfig for itself. */
interface NamedExtension {
  readonly name: string;
  readonly extension?: unknown;
}

/** A user, and what it is called. */
export interface NamedUser {
  readonly name: string;
  readonly user: {
    /** A file's path. */
    readonly "client-certificate"?: string | undefined;
    /** PEM text in base64, which wins over the file. */
    readonly "client-certificate-data"?: string | undefined;
    /** A file's path. */
    readonly "client-key"?: string | undefined;
    /** PEM text in base64, which wins over the file. */
    readonly "client-key-data"?: string | undefined;
    readonly token?: string | undefined;
    /** A file's path; what it holds wins over `token`. */
    readonly tokenFile?: string | undefined;
    readonly as?: string | undefined;
    readonly "as-uid"?: string | undefined;
    readonly "as-groups": readonly string[];
    readonly "as-user-extra"?: Readonly<Record<string, readonly string[]>> | undefined;
    readonly username?: string | undefined;
    readonly password?: string | undefined;
    /** What kubectl had before exec plugins. Of the three that it knew, only `oidc` is left. */
    readonly "auth-provider"?: AuthProvider | undefined;
    readonly exec?: ExecConfig | undefined;
  };
}

/** A way to get credentials that is built into kubectl, and what is configured for it. */
interface AuthProvider {
  readonly name?: string | undefined;
  readonly config: Readonly<Record<string, string>>;
}

/** A program that gives credentials. Whether it is complete and valid is only checked if it is used. */
export interface ExecConfig {
  readonly apiVersion?: string | undefined;
  readonly command?: string | undefined;
  readonly args: readonly string[];
  readonly env: readonly {
    readonly name?: string | undefined;
    readonly value?: string | undefined;
  }[];
  readonly installHint?: string | undefined;
  readonly provideClusterInfo?: boolean | undefined;
  /** `Never`, `IfAvailable` or `Always`. */
  readonly interactiveMode?: string | undefined;
}

/** A cluster together with a user, and what the two are called. */
export interface NamedContext {
  readonly name: string;
  readonly context: {
    readonly cluster?: string | undefined;
    readonly user?: string | undefined;
    readonly namespace?: string | undefined;
  };
}

const NOT_BASE64 = "is not base64; it takes PEM text encoded in base64";
const WRONG_FORM = "is not of the form that kubectl takes";

const text = absent(z.string());
const flag = absent(z.boolean());
/** Go has no null in a list or a mapping of text: it is the empty text there. */
const element = or("", z.string());
const texts = list(element);
const data = absent(z.string().check(z.refine(isBase64, NOT_BASE64)));
/** What tools keep for themselves, in any of four places. */
const extensions = list(
  mapping(z.looseObject({ name: z.prefault(element, ""), extension: z.optional(z.unknown()) })),
).check(z.refine(haveOwnNames, "holds a name twice; rename one"));

const exec = z.looseObject({
  apiVersion: text,
  command: text,
  args: texts,
  env: list(mapping(z.looseObject({ name: text, value: text }))),
  installHint: text,
  provideClusterInfo: flag,
  interactiveMode: text,
});

const cluster = z.looseObject({
  server: text,
  "tls-server-name": text,
  "insecure-skip-tls-verify": flag,
  "certificate-authority": text,
  "certificate-authority-data": data,
  "proxy-url": text,
  "disable-compression": flag,
  extensions,
});

const user = z.looseObject({
  "client-certificate": text,
  "client-certificate-data": data,
  "client-key": text,
  "client-key-data": data,
  token: text,
  tokenFile: text,
  as: text,
  "as-uid": text,
  "as-groups": texts,
  "as-user-extra": absent(z.record(z.string(), texts)),
  username: text,
  password: text,
  "auth-provider": absent(
    z.looseObject({ name: text, config: mapping(z.record(z.string(), element)) }),
  ),
  exec: absent(exec),
  extensions: unused(extensions),
});

const context = z.looseObject({
  cluster: text,
  user: text,
  namespace: text,
  extensions: unused(extensions),
});

/**
 * Checks the form of a kubeconfig, and fills in what is absent: lists and mappings are empty then, and names
 * are the empty text. Entries may be null, as any of them may be that nothing uses.
 */
export const kubeconfigSchema: z.ZodMiniType<Kubeconfig> = z.looseObject({
  apiVersion: choice(["v1"]),
  kind: choice(["Config"]),
  clusters: entries({ cluster: mapping(cluster) }),
  users: entries({ user: mapping(user) }),
  contexts: entries({ context: mapping(context) }),
  "current-context": text,
  preferences: unused(mapping(z.looseObject({ colors: flag, extensions }))),
  extensions: unused(extensions),
});

function entries<Shape extends z.core.$ZodShape>(shape: Shape) {
  return list(mapping(z.looseObject({ name: z.prefault(element, ""), ...shape })));
}

/** Holds what is never used to its form, and leaves it as it is. */
function unused(schema: z.ZodMiniType) {
  return z.optional(
    z.unknown().check(z.refine((value) => schema.safeParse(value).success, WRONG_FORM)),
  );
}

/** What may be left out, by null too. */
function absent<Schema extends z.ZodMiniType>(schema: Schema) {
  return z.optional(or(undefined, z.optional(schema)));
}

/** One of a few words; the empty one counts as absent. */
function choice<const Words extends readonly string[]>(words: Words) {
  const first = z.transform((value: unknown) => (value === "" ? undefined : (value ?? undefined)));
  return z.optional(z.pipe(first, z.optional(z.enum(words))));
}

function list<Schema extends z.ZodMiniType>(item: Schema) {
  return z.prefault(or([], z.array(item)), []);
}

function mapping<Schema extends z.ZodMiniType>(schema: Schema) {
  return z.prefault(or({}, schema), {});
}

/** Puts another value in the place of null. */
function or<Schema extends z.ZodMiniType>(fallback: unknown, schema: Schema) {
  return z.pipe(
    z.transform((value: unknown) => value ?? fallback),
    schema,
  );
}

/** Whether no name is there twice; as client-go, which takes one that is null for not there. */
function haveOwnNames(named: readonly NamedExtension[]): boolean {
  const names = new Set<string>();
  return named.every(({ name, extension }) => {
    const isOwn = !names.has(name);
    if ((extension ?? undefined) !== undefined) names.add(name);
    return isOwn;
  });
}

/** Whether a text is base64 as Go takes it: by lines, or in one. */
function isBase64(written: string): boolean {
  const base64 = written.replace(/[\r\n]/g, "");
  return base64.length % 4 === 0 && /^[A-Za-z0-9+/]*={0,2}$/.test(base64);
}
