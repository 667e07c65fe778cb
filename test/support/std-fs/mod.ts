/**
 * Replaces the standard library's file system module if its registry can't be reached.
 *
 * @module
 */

export { exists, type ExistsOptions } from "./exists.ts";
