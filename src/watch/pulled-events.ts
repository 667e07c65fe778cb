/**
 * Events that one reader asks for one by one, from what emits them as they come.
 *
 * @module
 */

/** What emits events, for as long as it likes. */
export interface EventSink<E> {
  emit(event: E): void;
  /** Resolves when all that was emitted has been read; `undefined` if it has been already. */
  usedUp(): Promise<void> | undefined;
}

/**
 * Reads what `run` emits. It begins with the first read, and stays between its calls of `usedUp()` while the reader
 * is busy.
 *
 * @param run Emits events until it fails. By then, it has waited for them to be read.
 * @param signal Its abort means that no event is emitted any more; `run` fails then.
 * @param leave Called when the reader has left.
 */
export async function* pulledEvents<E>(
  run: (sink: EventSink<E>) => Promise<never>,
  signal: AbortSignal,
  leave: () => void,
): AsyncGenerator<E, never, undefined> {
  let events: E[] = [];
  let goOn = (): void => {};
  /** The reader's turn: there are events, or why there are none any more. */
  let turn = Promise.withResolvers<{ readonly error: unknown } | undefined>();
  const running = run({
    emit: (event) => void events.push(event),
    usedUp() {
      if (events.length === 0) return undefined;
      turn.resolve(undefined);
      return new Promise((resolve) => {
        goOn = resolve;
      });
    },
  });
  running.catch((error: unknown) => turn.resolve({ error }));
  try {
    for (;;) {
      const failure = await turn.promise;
      if (failure !== undefined) throw failure.error;
      turn = Promise.withResolvers();
      for (const event of events) {
        signal.throwIfAborted();
        yield event;
      }
      events = [];
      goOn();
    }
  } finally {
    leave();
    events = [];
    goOn();
    await running.catch(() => {});
  }
}
