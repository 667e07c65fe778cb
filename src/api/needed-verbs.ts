/**
 * Rights that need more verbs than the server's refusal names.
 *
 * @module
 */

/** Opened by a WebSocket, which is a GET. Kubernetes 1.35 and later authorise `create` as well. */
const upgraded = /\/pods\/[^/]+\/(exec|attach|portforward)$/;
const leases = /\/apis\/coordination\.k8s\.io\/[^/]+\/(?:namespaces\/[^/]+\/)?leases(?:\/[^/]+)?$/;

/**
 * Says which verbs a role must grant, for requests whose refusal names one of several.
 *
 * @param path The path of a request that was rejected with 403.
 */
export function neededVerbs(path: string): string | undefined {
  const subresource = upgraded.exec(path)?.[1];
  if (subresource !== undefined) return `grant the verbs get and create on pods/${subresource}`;
  if (leases.test(path)) return "leader election needs the verbs get, create and update on leases";
  return undefined;
}
