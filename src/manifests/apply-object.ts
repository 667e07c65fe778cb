/**
 * One object of a set, applied or tried.
 *
 * @module
 */

import type { ManifestSuccess } from "../api/manifest-errors.ts";
import type { Applied, KubeObject, Stored } from "../api/object.ts";
import type { ApplyOptions } from "../api/verbs.ts";
import { ApiError } from "../api/api-error.ts";
import { sleep } from "../abort.ts";
import { Backoff } from "../backoff.ts";
import type { KubeClient } from "../client/client.ts";
import type { Clock } from "../runtime.ts";
import type { Resource } from "../resources/resource.ts";
import { isEqual } from "../is-equal.ts";
import { type FoundKind, type KindFinder } from "./kind-finder.ts";
import { type Member, isMissing, isNotServed, resourceIn } from "./manifest-set.ts";

/** How the objects of a set are applied. */
export interface ApplyObjectOptions {
  /**
   * Who owns the fields that are applied.
   *
   * @default the `fieldManager` of `connect()`
   */
  fieldManager?: string | undefined;
  /** Whether fields that other field managers own are taken from them. */
  force?: boolean | undefined;
  /**
   * What the server does with fields that it does not know.
   *
   * @default "Strict", which rejects the object, as kubectl does
   */
  fieldValidation?: ApplyOptions["fieldValidation"];
}

/** An object before and after it was applied. */
export interface AppliedObject extends ManifestSuccess {
  readonly action: "changed" | "created" | "unchanged";
  readonly before: Stored<KubeObject> | undefined;
}

/** What applying stands on. */
export interface ApplyContext {
  readonly write: ApplyObjectOptions;
  readonly kube: KubeClient;
  readonly clock: Clock;
  readonly kinds: KindFinder;
  readonly signal: AbortSignal;
  readonly dryRun: boolean;
  /** The CustomResourceDefinitions of the set that have been applied. Whoever applies one adds it. */
  readonly crds: Set<string>;
  /** How long a CustomResourceDefinition, and the kind that it brings, may take to be served. */
  readonly timeoutMs: number;
  /** What every object gets. */
  readonly labels?: Readonly<Record<string, string>> | undefined;
  /** The namespaces that the set creates: in a dry run they do not exist. */
  readonly namespaces: ReadonlySet<string>;
}

/** Applies an object, and says what that has changed. */
export async function applyObject(context: ApplyContext, member: Member): Promise<AppliedObject> {
  const { kube, kinds, dryRun } = context;
  const kind = await kinds.require(member);
  const namespace = kind.definition.namespaced ? member.home : undefined;
  member.namespace = namespace;
  const reference = {
    apiVersion: member.apiVersion,
    kind: member.kind,
    namespace,
    name: member.name,
  };
  const resource = resourceIn(kube, kind.definition, member.home);
  try {
    const { before, object } = await whenServed(context, kind, () =>
      getAndApply(context, resource, member),
    );
    if (isCrd(member)) {
      if (!dryRun) await waitUntilEstablished(context, resource, object);
      context.crds.add(member.name);
    }
    return { ...reference, action: actionOf(before, object), before, object };
  } catch (error) {
    const unchecked = dryRun ? whyUnchecked(context, { kind, namespace }, error) : undefined;
    if (unchecked === undefined) throw error;
    return { ...reference, action: "created", before: undefined, unchecked };
  }
}

async function getAndApply(
  { signal, dryRun, labels, write: options }: ApplyContext,
  resource: Resource<KubeObject>,
  { object, name }: Member,
): Promise<{ before: Stored<KubeObject> | undefined; object: Stored<KubeObject> }> {
  const { fieldManager, force, fieldValidation = "Strict" } = options;
  const before = await resource.get(name, { signal }).catch((error: unknown) => {
    if (isMissing(error, name)) return undefined;
    throw error;
  });
  const metadata = { ...object.metadata, name };
  if (labels !== undefined) metadata.labels = { ...metadata.labels, ...labels };
  const config = { ...object, metadata } as Applied<KubeObject>;
  const write = { fieldManager, force, fieldValidation, dryRun, signal };
  return { before, object: await resource.apply(config, write) };
}

function actionOf(
  before: Stored<KubeObject> | undefined,
  after: Stored<KubeObject>,
): AppliedObject["action"] {
  if (before === undefined || before.metadata.uid !== after.metadata.uid) return "created";
  return isEqual(desiredPart(before), desiredPart(after)) ? "unchanged" : "changed";
}

/** An object without what its controllers write at any time, between our two requests too. */
function desiredPart(object: Stored<KubeObject>): unknown {
  const { status: _status, ...rest } = object as Stored<KubeObject> & { status?: unknown };
  const { resourceVersion: _version, managedFields = [], ...metadata } = rest.metadata;
  const owners = managedFields.flatMap((entry) => {
    const { operation, time: _time, ...fields } = entry as Record<string, unknown>;
    return operation === "Apply" ? [fields] : [];
  });
  return { ...rest, metadata, owners };
}

/**
 * Tries until the server serves a kind that the set itself has brought: that takes a moment longer than for its
 * CustomResourceDefinition to be established.
 */
async function whenServed<T>(
  { clock, signal, dryRun, timeoutMs, crds }: ApplyContext,
  { crd }: FoundKind,
  act: () => Promise<T>,
): Promise<T> {
  const backoff = new Backoff(clock);
  const end = clock.now() + timeoutMs;
  for (;;) {
    try {
      return await act();
    } catch (error) {
      if (dryRun || crd === undefined || !crds.has(crd) || !isNotServed(error)) throw error;
      const delayMs = backoff.next();
      if (clock.now() + delayMs > end) throw error;
      await sleep(clock, delayMs, signal);
    }
  }
}

function isCrd({ apiVersion, kind }: Member): boolean {
  return kind === "CustomResourceDefinition" && apiVersion.startsWith("apiextensions.k8s.io/");
}

async function waitUntilEstablished(
  { signal, timeoutMs }: ApplyContext,
  resource: Resource<KubeObject>,
  { metadata }: Stored<KubeObject>,
): Promise<void> {
  const failOn = "NamesAccepted=False";
  await resource.waitFor(metadata.name, "Established", { failOn, signal, timeoutMs });
}

/** Why the server can't validate an object in a dry run, if the set is the reason. */
function whyUnchecked(
  { namespaces, crds }: ApplyContext,
  { kind: { crd }, namespace }: { kind: FoundKind; namespace: string | undefined },
  error: unknown,
): string | undefined {
  const isBrought = crd !== undefined && crds.has(crd);
  if (isBrought && isNotServed(error)) return "its kind would be created by the same set";
  const isNamespace = error instanceof ApiError && error.details?.kind === "namespaces";
  if (!isNamespace || namespace === undefined || !namespaces.has(namespace)) return undefined;
  if (!isMissing(error, namespace)) return undefined;
  return "its namespace would be created by the same set";
}
