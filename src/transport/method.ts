/**
 * The methods of requests.
 *
 * @module
 */

/** What kube-apiserver routes, its proxies to services and pods included (`rest/subresources.go`). */
const methods: readonly string[] = ["GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE"];

/**
 * The method that a caller means, in upper case.
 *
 * @throws {TypeError} if it is another one: runtimes differ in what they send then (Bun sends a GET).
 */
export function readMethod(given: string): string {
  // Letters of other alphabets have upper cases among these: "POſT" is none.
  const method = /^[a-z]+$/i.test(given) ? given.toUpperCase() : given;
  if (methods.includes(method)) return method;
  throw new TypeError(
    `Cannot send a request by method ${JSON.stringify(given)}: use one of ${methods.join(", ")}`,
  );
}
