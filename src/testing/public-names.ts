/**
 * What `reanchor/testing` exports beside `createFakeCluster`.
 *
 * @module
 */

export type {
  FailNextOptions,
  FakeCluster,
  FakeClusterOptions,
  FakeConnectOptions,
  FakeLogOptions,
  FakeObjectOptions,
  FakeRequestFilter,
  RotateOptions,
} from "./fake-cluster-types.ts";
export type { FakeListenOptions, FakeServer, FakeServerFiles } from "./fake-servers.ts";
export { ManualClock } from "./manual-clock.ts";
export type { FakeKind } from "./seeded-objects.ts";
export type { FakeRequest } from "./model/fake-api.ts";
export type { FakeFetch, FakeFetchInit } from "./model/fake-fetch.ts";
export type { Amount, Fault, RandomFaults } from "./model/faults.ts";
export type { OpenWatch } from "./model/open-watches.ts";
export type { Verb } from "./model/request-target.ts";
export type { Authorize, FakeAccess } from "./model/reviews.ts";
