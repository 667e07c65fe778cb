/**
 * What is needed once a server is rejected. Imported as one module: a program that has loaded a part of it has loaded
 * all of it.
 *
 * @module
 */

export { untrustedServerError } from "./untrusted-error.ts";
export { WaitingRequests } from "./waiting-requests.ts";
