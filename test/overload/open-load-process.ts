/** The process of an open load: it shares neither a thread nor memory with the cluster that it overloads. */
import { type Offer, OpenLoad, type PhaseResult } from './open-load.js'

/** Test → this process. */
export type ToOpenLoad =
  | { readonly type: 'begin'; readonly url: string; readonly computeMs: number }
  | { readonly type: 'offer'; readonly offer: Offer }
  | { readonly type: 'readAll' }

/** This process → test: one answer to each message but the first. */
export type FromOpenLoad =
  | { readonly type: 'result'; readonly result: PhaseResult }
  | { readonly type: 'read'; readonly sessions: number; readonly violations: readonly string[] }

let load: OpenLoad | null = null

async function answer(message: ToOpenLoad): Promise<void> {
  if (message.type === 'begin') {
    load = new OpenLoad(message.url, message.computeMs)
    return
  }
  if (load === null) throw new Error('the load has not begun')
  if (message.type === 'offer') tell({ type: 'result', result: await load.offer(message.offer) })
  else {
    const sessions = await load.readAll()
    tell({ type: 'read', sessions, violations: load.violations })
    process.disconnect()
  }
}

function tell(message: FromOpenLoad): void {
  process.send?.(message)
}

// A failure of the load's own code ends this process, and so the load.
process.on('message', (message: ToOpenLoad) => void answer(message))
