/** Two servers, of which one stands for the other. */
import type { Server } from 'node:http'

/** Events of a connection that node's parser leaves to the app. */
const CONNECTION_EVENTS = ['upgrade', 'connect'] as const

/**
 * Connections that are given to `from` go to `to`, for those events that somebody listens to there, now or later.
 * @returns ends that
 */
export function relayConnections(from: Server, to: Server): () => void {
  const ends = CONNECTION_EVENTS.map(event => {
    const relay = (...args: unknown[]): void => void to.emit(event, ...args)
    const onListener = (added: string | symbol): void => {
      if (added !== event) return
      to.off('newListener', onListener)
      from.on(event, relay)
    }
    if (to.listenerCount(event) > 0) from.on(event, relay)
    else to.on('newListener', onListener)
    return () => {
      to.off('newListener', onListener)
      from.off(event, relay)
    }
  })
  return () => {
    for (const end of ends) end()
  }
}
