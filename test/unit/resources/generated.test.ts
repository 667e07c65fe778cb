/**
 * The built-in kinds: their URLs, and the types of their objects.
 *
 * @module
 */

import { expect, expectTypeOf, test } from "vitest";
import type { KubeObject } from "../../../src/api/object.ts";
import type { ResourceDefinition } from "../../../src/api/resource-definition.ts";
import type { PodVerbs } from "../../../src/resources/pod.ts";
import type { Resource } from "../../../src/resources/resource.ts";
import type { ResourceKind } from "../../../src/resources/kind.ts";
import * as kinds from "../../../src/resources/generated/kinds.ts";
import {
  type AutoscalingV1,
  type Container,
  type CustomResourceDefinition,
  Deployment,
  Event,
  EventsV1Event,
  HorizontalPodAutoscaler,
  type JSONSchemaProps,
  Lease,
  Namespace,
  Node,
  type ObjectMeta,
  PersistentVolumeClaim,
  Pod,
  type Quantity,
  ResourceClaim,
  type Scale,
  Secret,
  SelfSubjectReview,
  Service,
  ServiceAccount,
  SubjectAccessReview,
} from "../../../src/resources/index.ts";

function urlOf({ group, version, plural, namespaced }: ResourceDefinition): string {
  const scope = namespaced ? "/namespaces/a" : "";
  return `${group === "" ? "/api" : `/apis/${group}`}/${version}${scope}/${plural}`;
}

test.each<[kind: ResourceDefinition, url: string, subresources: readonly string[]]>([
  [
    Pod,
    "/api/v1/namespaces/a/pods",
    [
      "attach",
      "binding",
      "ephemeralcontainers",
      "eviction",
      "exec",
      "log",
      "portforward",
      "proxy",
      "resize",
      "status",
    ],
  ],
  [Namespace, "/api/v1/namespaces", ["finalize", "status"]],
  [Node, "/api/v1/nodes", ["proxy", "status"]],
  [Secret, "/api/v1/namespaces/a/secrets", []],
  [Service, "/api/v1/namespaces/a/services", ["proxy", "status"]],
  [ServiceAccount, "/api/v1/namespaces/a/serviceaccounts", ["token"]],
  [PersistentVolumeClaim, "/api/v1/namespaces/a/persistentvolumeclaims", ["status"]],
  [Deployment, "/apis/apps/v1/namespaces/a/deployments", ["scale", "status"]],
  [Lease, "/apis/coordination.k8s.io/v1/namespaces/a/leases", []],
  [
    HorizontalPodAutoscaler,
    "/apis/autoscaling/v2/namespaces/a/horizontalpodautoscalers",
    ["status"],
  ],
  [Event, "/api/v1/namespaces/a/events", []],
  [EventsV1Event, "/apis/events.k8s.io/v1/namespaces/a/events", []],
  [SubjectAccessReview, "/apis/authorization.k8s.io/v1/subjectaccessreviews", []],
  [SelfSubjectReview, "/apis/authentication.k8s.io/v1/selfsubjectreviews", []],
])("$kind has its URL and subresources", (kind, url, subresources) => {
  expect(urlOf(kind)).toBe(url);
  expect(kind.subresources).toEqual(subresources);
});

test.each(Object.entries<ResourceDefinition>(kinds))("%s is well-formed", (name, kind) => {
  expect([kind.kind, `EventsV1${kind.kind}`]).toContain(name);
  expect(kind.kind).toMatch(/^[A-Z][A-Za-z]+$/);
  expect(kind.plural).toMatch(/^[a-z]+$/);
  expect(kind.version).toMatch(/^v\d+(?:beta\d+)?$/);
  expect(kind.group).toMatch(/^(?:[a-z0-9.]+)?$/);
  expect(kind.subresources).toEqual([...new Set(kind.subresources)].sort());
});

test("no two kinds share a URL", () => {
  const urls = Object.values<ResourceDefinition>(kinds).map(urlOf);
  expect(urls.length).toBeGreaterThan(70);
  expect(new Set(urls).size).toBe(urls.length);
});

test("a kind's name is also the type of its objects", () => {
  expectTypeOf(Pod).toEqualTypeOf<ResourceKind<Pod, PodVerbs<Pod> & Resource<Pod>>>();
  expectTypeOf<Deployment>().toExtend<KubeObject>();
  expectTypeOf<Scale>().toExtend<KubeObject>();
  expectTypeOf<AutoscalingV1.HorizontalPodAutoscaler>().toExtend<KubeObject>();
  expectTypeOf<Deployment["metadata"]>().toEqualTypeOf<ObjectMeta | undefined>();
  expectTypeOf<Deployment["kind"]>().toEqualTypeOf<string | undefined>();
});

test("types describe what the server accepts and returns", () => {
  type PodSpec = NonNullable<Pod["spec"]>;
  expectTypeOf<PodSpec["containers"]>().toEqualTypeOf<Container[]>();
  expectTypeOf<Container["image"]>().toEqualTypeOf<string | undefined>();
  expectTypeOf<Container["name"]>().toEqualTypeOf<string>();

  type ServicePort = NonNullable<NonNullable<Service["spec"]>["ports"]>[number];
  expectTypeOf<ServicePort["targetPort"]>().toEqualTypeOf<number | string | undefined>();
  expectTypeOf<Secret["data"]>().toEqualTypeOf<{ [key: string]: string } | undefined>();
  expectTypeOf<Quantity>().toEqualTypeOf<number | string>();
  expectTypeOf<NonNullable<Lease["spec"]>["renewTime"]>().toEqualTypeOf<string | undefined>();

  expectTypeOf<CustomResourceDefinition["spec"]["group"]>().toEqualTypeOf<string>();
  expectTypeOf<JSONSchemaProps["$ref"]>().toEqualTypeOf<string | undefined>();
  expectTypeOf<JSONSchemaProps["default"]>().toEqualTypeOf<unknown>();
  expectTypeOf<JSONSchemaProps["items"]>().toEqualTypeOf<
    JSONSchemaProps | JSONSchemaProps[] | undefined
  >();
  expectTypeOf<JSONSchemaProps["x-kubernetes-int-or-string"]>().toEqualTypeOf<
    boolean | undefined
  >();
});

test("a kind may have the name of another group's type", () => {
  expect(ResourceClaim.group).toBe("resource.k8s.io");
  expectTypeOf<ResourceClaim>().toExtend<KubeObject>();
});
