/**
 * Everything that streams into pods, which is loaded together when the first such verb is called.
 *
 * @module
 */

export { copyFrom, copyTo, readFile, writeFile } from "./copy.ts";
export { attach, exec, execText } from "./exec.ts";
export { portForward } from "./port-forward.ts";
