/**
 * Stands in for the standard library's file system module where its registry can't be reached.
 *
 * @module
 */

export { exists, type ExistsOptions } from "./exists.ts";
