/** Thread entry: dies of an uncaught error while it is in code that must not be broken off. */
import type { ActorTask } from '../../../lib/transport/actor-control.js'
import { EndGate } from '../../../lib/transport/end-gate.js'

export default function gatedWorker({ endGate }: ActorTask): Promise<null> {
  return new EndGate(endGate).hold(() => {
    setImmediate(() => {
      throw new Error('behind the gate')
    })
    return new Promise(() => undefined)
  })
}
