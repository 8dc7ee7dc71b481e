/** The process of a load: its clients share neither a thread nor memory with the cluster that they load. */

import type { FromLoad, ToLoad } from './load.js'
import { emptyTally, LoadClient, type LoadOptions } from './load-client.js'

const tally = emptyTally()
const stopping = new AbortController()

async function run(options: LoadOptions): Promise<void> {
  const all = Array.from({ length: options.clients }, (_, index) => new LoadClient(options, index, tally))
  await Promise.all(all.map(client => client.run(stopping.signal)))
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
