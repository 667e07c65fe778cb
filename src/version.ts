/**
 * @module
 */

/** This package's version, held equal to package.json's by a test. */
export const version: string = "0.1.0";
