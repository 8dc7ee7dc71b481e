/** Keeps the admin listener's connections from being used up by clients that take their time, or too many of them. */
import type { Server, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'

/** Health checks, a few dashboards, their events, and a person. */
const CONNECTIONS_MAX = 128
/** No single address takes all of them: its program may be broken, or not mean well. */
const CONNECTIONS_PER_ADDRESS_MAX = CONNECTIONS_MAX / 2

/** How long clients may take, ms. */
export interface Times {
  /** Until a request's head is there. */
  readonly headersMs: number
  /** Until all of a request is there. */
  readonly requestMs: number
  /** Between two requests. */
  readonly keepAliveMs: number
  /** Until all of an answer that is complete has been taken. */
  readonly answerMs: number
  /** Between two looks at who is late with a request. */
  readonly checkEveryMs: number
}

export const DEFAULT_TIMES: Times = {
  headersMs: 5_000,
  requestMs: 10_000,
  keepAliveMs: 5_000,
  answerMs: 10_000,
  checkEveryMs: 1_000,
}

/** Bounds a server's connections, and ends those whose clients do not take their answers. */
export function keepOut(server: Server, { answerMs }: Times): void {
  server.maxConnections = CONNECTIONS_MAX
  const perAddress = new Map<string, number>()
  server.on('connection', (socket: Socket) => {
    const address = socket.remoteAddress ?? ''
    const count = (perAddress.get(address) ?? 0) + 1
    perAddress.set(address, count)
    socket.once('close', () => {
      const left = (perAddress.get(address) ?? 1) - 1
      if (left === 0) perAddress.delete(address)
      else perAddress.set(address, left)
    })
    if (count > CONNECTIONS_PER_ADDRESS_MAX) socket.destroy()
  })
  server.on('request', (_, response: ServerResponse) => {
    response.once('prefinish', () => {
      const timer = setTimeout(() => response.destroy(), answerMs).unref()
      response.once('close', () => clearTimeout(timer))
    })
  })
}
