/**
 * What a caller may ask of TLS beyond the defaults, in a file of its own because its declarations lead
 * to no package, not even to Node's types.
 *
 * @module
 */

/** What makes connections stricter than by default. */
export interface Hardening {
  readonly minVersion?: "TLSv1.2" | "TLSv1.3";
  readonly maxVersion?: "TLSv1.2" | "TLSv1.3";
  readonly ciphers?: string;
}
