/**
 * Addresses of TCP connections.
 *
 * @module
 */

/** Where a TCP connection leads; the host is without brackets. */
export interface TcpAddress {
  readonly host: string;
  readonly port: number;
}
