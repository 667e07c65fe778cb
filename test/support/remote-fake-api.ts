/**
 * Controls a model of the API server that runs in another process.
 *
 * @module
 */

import type { FakeApi } from "../../src/testing/model/fake-api.ts";

/** The methods that can be called remotely: those that take and return JSON. */
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

/** A {@linkcode FakeApi} whose methods and values are all asynchronous, because each use is a remote call. */
export interface RemoteFakeApi extends Remote<Pick<FakeApi, Act>> {
  readonly faults: Remote<FakeApi["faults"]>;
  requests(): Promise<FakeApi["requests"]>;
  openWatches(): Promise<FakeApi["openWatches"]>;
  revision(): Promise<number>;
}

/** A remote call. */
export interface FakeApiCall {
  readonly act: string;
  readonly args: readonly unknown[];
}

/** Creates the remote control of a model, given a function that sends a call and returns its `result`. */
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
 * Carries out a call.
 *
 * @throws {RangeError} if there is no model, or if the method does not exist
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

/** The types in the other process have already checked the arguments. */
function invoke(on: object, name: string, args: readonly unknown[]): unknown {
  const act = (on as Record<string, (...given: readonly unknown[]) => unknown>)[name];
  return act?.apply(on, args as unknown[]);
}
