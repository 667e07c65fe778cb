/**
 * Headers that many requests have in common. They are put together once, and not for each request.
 *
 * @module
 */

type Headers = ReadonlyMap<string, string>;

/** A header that requests are given. */
export class AddedHeader {
  readonly #name: string;
  #before: Headers | undefined;
  #value: string | undefined;
  #after: Headers = new Map();

  /** @param name In lower case. */
  constructor(name: string) {
    this.#name = name;
  }

  /**
   * Headers with this one, or without it if it has no value. For the headers and the value of the last call, it is the
   * same map again.
   */
  set(headers: Headers, value: string | undefined): Headers {
    if (headers === this.#before && value === this.#value) return this.#after;
    const after = new Map(headers);
    if (value === undefined) after.delete(this.#name);
    else after.set(this.#name, value);
    this.#before = headers;
    this.#value = value;
    this.#after = after;
    return after;
  }

  /** The same for headers that lack it; others stay as they are. */
  setDefault(headers: Headers, value: string): Headers {
    return headers.has(this.#name) ? headers : this.set(headers, value);
  }
}

/** Remembers what headers were last converted to. */
export function rememberLast<T>(convert: (headers: Headers) => T): (headers: Headers) => T {
  let last: { readonly headers: Headers; readonly converted: T } | undefined;
  return (headers) => {
    if (last?.headers !== headers) last = { headers, converted: convert(headers) };
    return last.converted;
  };
}
