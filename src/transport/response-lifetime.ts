/**
 * A runtime's own response once its caller has it: it reports when nobody reads it any more, and lives for as
 * long as anything that has come of it.
 *
 * @module
 */

/** Older edge runtimes don't report it. */
export const canTellCollected: boolean = "FinalizationRegistry" in globalThis;

const onRead: unique symbol = Symbol("onRead");

interface HandedResponse extends Response {
  /** Called when it has been read as a whole. */
  [onRead]: () => void;
}

/** Responses by their bodies and clones. */
const origins = new WeakMap<object, Response>();
let collected: FinalizationRegistry<() => void> | undefined;

/**
 * Hands a response over as it is.
 *
 * @param listener Called when its body has been read as a whole, or else when it has been collected.
 */
export function handOver(response: Response, listener: () => void): Response {
  collected ??= new FinalizationRegistry((ended) => ended());
  collected.register(response, listener);
  return follow(response as HandedResponse, listener);
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

/** Puts methods onto a response that do what those of its class do, and call the listener at the end. */
function follow(response: HandedResponse, listener: () => void): HandedResponse {
  response[onRead] = listener;
  // By assignment, and of functions that all responses share: anything else costs Deno and Bun twice as much.
  response.arrayBuffer = methods.arrayBuffer;
  response.blob = methods.blob;
  response.bytes = methods.bytes;
  response.formData = methods.formData;
  response.json = methods.json;
  response.text = methods.text;
  response.clone = methods.clone;
  return Object.defineProperty(response, "body", body);
}

type Reader = "arrayBuffer" | "blob" | "bytes" | "formData" | "json" | "text";

const methods: Pick<Response, Reader | "clone"> = {
  arrayBuffer: reading("arrayBuffer"),
  blob: reading("blob"),
  bytes: reading("bytes"),
  formData: reading("formData"),
  json: reading("json"),
  text: reading("text"),
  clone(this: HandedResponse) {
    this[onRead] = () => {}; // How far the clone is read, nobody learns.
    const clone = classOf(this).clone.call(this) as HandedResponse;
    origins.set(clone, this);
    return follow(clone, () => {});
  },
};

const body: PropertyDescriptor & ThisType<HandedResponse> = {
  get() {
    this[onRead] = () => {}; // Nor how far the body is read.
    const stream = Reflect.get(classOf(this), "body", this);
    if (stream !== null) origins.set(stream, this);
    return stream;
  },
};

function reading<T>(name: Reader): (this: HandedResponse) => Promise<T> {
  return async function read() {
    try {
      return await (classOf(this)[name] as () => Promise<T>).call(this);
    } finally {
      this[onRead]();
    }
  };
}

/** The methods of a response's class. */
function classOf(response: Response): Response {
  return Object.getPrototypeOf(response) as Response;
}
