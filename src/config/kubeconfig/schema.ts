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
    /** Gone from client-go since 1.26; kept here so that it can be named. */
    readonly "auth-provider"?: { readonly name?: string | undefined } | undefined;
    readonly exec?: ExecConfig | undefined;
  };
}

/** A program that gives credentials. Whether it is complete is only looked at where it is used. */
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
  readonly interactiveMode?: "Never" | "IfAvailable" | "Always" | undefined;
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

const text = absent(z.string());
const flag = absent(z.boolean());

const exec = z.looseObject({
  apiVersion: text,
  command: text,
  args: list(z.string()),
  env: list(z.looseObject({ name: text, value: text })),
  installHint: text,
  provideClusterInfo: flag,
  interactiveMode: choice(["Never", "IfAvailable", "Always"]),
});

const cluster = z.looseObject({
  server: text,
  "tls-server-name": text,
  "insecure-skip-tls-verify": flag,
  "certificate-authority": text,
  "certificate-authority-data": text,
  "proxy-url": text,
  "disable-compression": flag,
  extensions: list(z.looseObject({ name: z.string(), extension: z.optional(z.unknown()) })),
});

const user = z.looseObject({
  "client-certificate": text,
  "client-certificate-data": text,
  "client-key": text,
  "client-key-data": text,
  token: text,
  tokenFile: text,
  as: text,
  "as-uid": text,
  "as-groups": list(z.string()),
  "as-user-extra": absent(z.record(z.string(), list(z.string()))),
  username: text,
  password: text,
  "auth-provider": absent(z.looseObject({ name: text })),
  exec: absent(exec),
});

const context = z.looseObject({ cluster: text, user: text, namespace: text });

/** Checks a kubeconfig, and fills in what is absent: lists and mappings are empty then. */
export const kubeconfigSchema: z.ZodMiniType<Kubeconfig> = z.looseObject({
  apiVersion: choice(["v1"]),
  kind: choice(["Config"]),
  clusters: list(z.looseObject({ name: z.string(), cluster: mapping(cluster) })),
  users: list(z.looseObject({ name: z.string(), user: mapping(user) })),
  contexts: list(z.looseObject({ name: z.string(), context: mapping(context) })),
  "current-context": text,
});

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
