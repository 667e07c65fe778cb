/**
 * Everything that streams into pods, which is loaded together when the first such verb is called.
 *
 * @module
 */

export { attach, exec, execText } from "./exec.ts";
