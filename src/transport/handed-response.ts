/**
 * A runtime's own response in its caller's hands: it tells when nobody reads it any more, and lives for as
 * long as anything that has come of it.
 *
 * @module
 */

/** Older edge runtimes can't tell. */
export const canTellCollected: boolean = "FinalizationRegistry" in globalThis;

const listening: unique symbol = Symbol("listening");

interface HandedResponse extends Response {
  [listening]: () => void;
}

const readers = ["arrayBuffer", "blob", "bytes", "formData", "json", "text"] as const;

/** Responses by their bodies and clones. */
const origins = new WeakMap<object, Response>();
/** The prototypes of handed responses, by those of other ones. */
const prototypes = new Map<unknown, object>();
let collected: FinalizationRegistry<() => void> | undefined;

/**
 * Hands a response over as it is.
 *
 * @param listener Called when its body has been read as a whole, or else when it has been collected.
 */
export function handOver(response: Response, listener: () => void): Response {
  collected ??= new FinalizationRegistry((told) => told());
  collected.register(response, listener);
  return adopt(response, listener);
}

/**
 * Has a response live for as long as its body is read. Deno, for one, lets go of the signal with the response,
 * and then an abort never reaches the body.
 */
export function keepWithBody(response: Response): Response["body"] {
  const { body } = response;
  if (body !== null) origins.set(body, response);
  return body;
}

function adopt(response: Response, listener: () => void): Response {
  const base = Object.getPrototypeOf(response) as Response;
  let prototype = prototypes.get(base);
  if (prototype === undefined) {
    prototype = derive(base);
    prototypes.set(base, prototype);
  }
  Object.defineProperty(response, listening, { value: listener, writable: true });
  return Object.setPrototypeOf(response, prototype) as Response;
}

function derive(base: Response): object {
  const derived: PropertyDescriptorMap & ThisType<HandedResponse> = {
    body: {
      get() {
        // How far it is read, this never learns.
        this[listening] = () => {};
        const body = Reflect.get(base, "body", this);
        if (body !== null) origins.set(body, this);
        return body;
      },
    },
    clone: {
      value() {
        this[listening] = () => {};
        const clone = Reflect.apply(base.clone, this, []);
        origins.set(clone, this);
        return adopt(clone, () => {});
      },
    },
  };
  for (const name of readers) {
    derived[name] = {
      async value(this: HandedResponse) {
        try {
          return await Reflect.apply<Response, [], Promise<unknown>>(base[name], this, []);
        } finally {
          this[listening]();
        }
      },
    };
  }
  return Object.create(base, derived) as object;
}
