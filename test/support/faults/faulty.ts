/** An actor that has any fault one asks for. */
import type { ActorTask } from '../../../lib/transport/actor-control.js'
import { type EndActor, runActor, type TaskOutcome, taskOutcome } from '../../../lib/transport/actor-task.js'
import { type FaultyControl, richError } from './faults.js'

export default function faulty(task: ActorTask): Promise<TaskOutcome> {
  return taskOutcome(() => runActor<FaultyControl>(task, faults))
}

function faults(end: EndActor): FaultyControl {
  return {
    echo: async value => value,
    pingBack: async ({ port }) => {
      port.postMessage('ping')
      port.close()
    },
    throwRich: async () => {
      throw richError()
    },
    throwText: async () => {
      throw 'only text'
    },
    neverAnswer: () => new Promise(() => undefined),
    crashSoon: () => {
      setImmediate(() => {
        throw richError()
      })
      return new Promise(() => undefined)
    },
    endWithError: async () => end(richError()),
    exit: async code => process.exit(code),
    hang: async () => {
      while (true);
    },
    // A leak as apps have it: small objects, over many turns. One huge allocation can abort all of Node instead.
    exhaustHeap: () => {
      const kept: unknown[] = []
      const leak = (): void => {
        for (let count = 0; count < 10_000; count++) kept.push({ text: `leaked ${kept.length}`, count })
        setImmediate(leak)
      }
      leak()
      return new Promise(() => undefined)
    },
    block: async ms => {
      const until = performance.now() + ms
      while (performance.now() < until);
    },
    stop: async () => end(),
  }
}
