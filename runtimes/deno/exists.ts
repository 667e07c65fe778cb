/**
 * Whether a file is there.
 *
 * @module
 */

export { exists } from "@std/fs/exists";
