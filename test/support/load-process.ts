/** The process of a load: its clients share neither a thread nor memory with the cluster that they load. */

import type { FromLoad, LoadOptions, ToLoad } from './load.js'
import { emptyTally, LoadClient } from './load-client.js'

const tally = emptyTally()
const stopping = new AbortController()

async function run({ url, clients, sessions, pauseMs = 0 }: LoadOptions): Promise<void> {
  const all = Array.from({ length: clients }, (_, index) => new LoadClient(url, index, sessions, tally))
  await Promise.all(all.map(client => client.run(stopping.signal, pauseMs)))
  await Promise.all(all.map(client => client.readAll()))
  report(true)
  process.disconnect()
}

function report(ended: boolean): void {
  process.send?.({ ended, tally } satisfies FromLoad)
}

process.on('message', (message: ToLoad) => {
  switch (message.type) {
    case 'run':
      // A failure of a client's own code ends this process, and so the load.
      void run(message.options)
      return
    case 'report':
      report(false)
      return
    case 'stop':
      stopping.abort()
      return
    default:
      message satisfies never
  }
})
