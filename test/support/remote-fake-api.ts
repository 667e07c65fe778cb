/**
 * The acts on a model of the API server that is in another process.
 *
 * @module
 */

import type { FakeApi } from "../../src/testing/model/fake-api.ts";

/** What can be called from afar: what takes and returns JSON. */
const ACTS = [
  "put",
  "remove",
  "objects",
  "addKind",
  "removeKind",
  "compact",
  "skipRevisions",
  "bookmark",
  "endWatches",
  "expireWatches",
  "protectPod",
  "log",
  "endLog",
  "restartContainer",
  "endLogStreams",
] as const;
const FAULT_ACTS = ["next", "sometimes", "clear"] as const;
const FAULT_PREFIX = "faults.";
const VALUES = ["requests", "openWatches", "revision"] as const;

type Act = (typeof ACTS)[number];
type Remote<Called> = {
  readonly [Name in keyof Called]: Called[Name] extends (...args: infer Args) => infer Result
    ? (...args: Args) => Promise<Result>
    : never;
};

/** A {@linkcode FakeApi} whose every act takes a call, and whose values are asked for. */
export interface RemoteFakeApi extends Remote<Pick<FakeApi, Act>> {
  readonly faults: Remote<FakeApi["faults"]>;
  requests(): Promise<FakeApi["requests"]>;
  openWatches(): Promise<FakeApi["openWatches"]>;
  revision(): Promise<number>;
}

/** One call. */
export interface FakeApiCall {
  readonly act: string;
  readonly args: readonly unknown[];
}

/** Makes the acts on a model, given what takes a call there and returns its `result`. */
export function connectFakeApi(send: (call: FakeApiCall) => Promise<unknown>): RemoteFakeApi {
  function remote(act: string): (...args: unknown[]) => Promise<unknown> {
    return async (...args) => {
      const answer = (await send({ act, args })) as { result?: unknown };
      return answer.result;
    };
  }

  const acts = [...ACTS, ...VALUES].map((act) => [act, remote(act)]);
  const faults = FAULT_ACTS.map((act) => [act, remote(`${FAULT_PREFIX}${act}`)]);
  return {
    ...(Object.fromEntries(acts) as Omit<RemoteFakeApi, "faults">),
    faults: Object.fromEntries(faults) as RemoteFakeApi["faults"],
  };
}

/**
 * Takes a call.
 *
 * @throws {RangeError} where there is no model, or no such act
 */
export function callFakeApi(api: FakeApi | undefined, call: FakeApiCall): { result: unknown } {
  const { act, args } = call;
  if (api === undefined) {
    throw new RangeError(`Cannot ${act}: the server was started without fakeApi`);
  }
  const value = VALUES.find((name) => name === act);
  if (value !== undefined) return { result: api[value] };
  // JSON has no `undefined`.
  const given = args.map((arg) => arg ?? undefined);
  const faultAct = FAULT_ACTS.find((name) => act === `${FAULT_PREFIX}${name}`);
  if (faultAct !== undefined) return { result: invoke(api.faults, faultAct, given) };
  const apiAct = ACTS.find((name) => name === act);
  if (apiAct === undefined) throw new RangeError(`Cannot ${act}: there is no such act`);
  return { result: invoke(api, apiAct, given) };
}

/** Its arguments are as its caller in the other process was held to by the types. */
function invoke(on: object, name: string, args: readonly unknown[]): unknown {
  const act = (on as Record<string, (...given: readonly unknown[]) => unknown>)[name];
  return act?.apply(on, args as unknown[]);
}
