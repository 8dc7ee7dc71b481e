/** The order of events on request, response and connection, noted for a later request to read. */
import type { EventEmitter } from 'node:events'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { note } from './journal.js'
import type { RawRoute } from './raw-routes.js'

const REQUEST_EVENTS = ['end', 'aborted', 'error', 'close']
const RESPONSE_EVENTS = ['prefinish', 'finish', 'error', 'close']
const SOCKET_EVENTS = ['error', 'close']

/** Notes every event from now on. */
function watch(req: IncomingMessage, res: ServerResponse, key: string): void {
  const watchOne = (who: string, emitter: EventEmitter, events: readonly string[]) => {
    for (const event of events) {
      emitter.on(event, (error?: unknown) => note(key, `${who} ${event}${codeOf(error)}`))
    }
  }
  watchOne('request', req, REQUEST_EVENTS)
  watchOne('response', res, RESPONSE_EVENTS)
  // Of a connection that is kept alive there is no end to see.
  if (req.headers.connection === 'close') watchOne('socket', req.socket, SOCKET_EVENTS)
}

function codeOf(error: unknown): string {
  return error instanceof Error ? ` ${'code' in error ? error.code : ''} ${error.message}` : ''
}

/** What is known of both when the connection is gone. */
function noteStates(req: IncomingMessage, res: ServerResponse, key: string): void {
  const { aborted, complete, destroyed, readableEnded, readableAborted } = req
  note(key, `request ${JSON.stringify({ aborted, complete, destroyed, readableEnded, readableAborted })}`)
  const { headersSent, writableEnded, writableFinished, destroyed: gone } = res
  note(
    key,
    `response ${JSON.stringify({ headersSent, writableEnded, writableFinished, destroyed: gone, socket: res.socket !== null })}`,
  )
}

/** As {@link watch}, and how things stand a moment after the close of the response. */
function watchToTheEnd(req: IncomingMessage, res: ServerResponse, key: string): void {
  watch(req, res, key)
  res.on('close', () => {
    setTimeout(() => {
      noteStates(req, res, key)
      note(key, 'over')
    }, 10)
  })
}

export const eventRoutes: Readonly<Record<string, RawRoute>> = {
  '/watch/end': (req, res, key) => {
    watchToTheEnd(req, res, key)
    res.end('done')
  },
  '/watch/read': (req, res, key) => {
    watchToTheEnd(req, res, key)
    req.resume()
    req.on('end', () => res.end('done'))
  },
  '/watch/pieces': (req, res, key) => {
    watchToTheEnd(req, res, key)
    res.write('one', () => note(key, 'one is written'))
    setImmediate(() => {
      res.write('two', () => note(key, 'two is written'))
      res.end('three', () => note(key, 'ended'))
    })
  },
  '/watch/unread': (req, res, key) => {
    watchToTheEnd(req, res, key)
    res.end('not read')
  },
  '/watch/wait': (req, res, key) => {
    watchToTheEnd(req, res, key)
    note(key, 'arrived')
  },
  '/watch/wait-reading': (req, res, key) => {
    watchToTheEnd(req, res, key)
    req.once('data', () => note(key, 'arrived'))
  },
  '/watch/endless': (req, res, key) => {
    watchToTheEnd(req, res, key)
    const timer = setInterval(() => res.write('more\n'), 5)
    res.on('close', () => clearInterval(timer))
  },
  '/watch/destroy': (req, res, key) => {
    watchToTheEnd(req, res, key)
    res.destroy()
  },
  '/watch/destroy-error': (req, res, key) => {
    watchToTheEnd(req, res, key)
    res.destroy(Object.assign(new Error('on purpose'), { code: 'E_PURPOSE' }))
  },
  '/watch/destroy-request': (req, res, key) => {
    watchToTheEnd(req, res, key)
    req.destroy()
  },
  '/watch/write-after-end': (req, res, key) => {
    watchToTheEnd(req, res, key)
    res.end('done')
    res.write('late', error => note(key, `late write${codeOf(error)}`))
    res.end(() => note(key, 'second end'))
  },
  '/watch/after': (req, res, key) => {
    res.end('answered')
    setTimeout(() => {
      noteStates(req, res, key)
      note(key, 'over')
    }, 30)
  },
  '/watch/timeout-request': (req, res, key) => {
    watchToTheEnd(req, res, key)
    req.resume()
    req.setTimeout(20, () => {
      note(key, 'request timeout')
      res.end('the request timed out')
    })
  },
  '/watch/timeout-response': (req, res, key) => {
    watchToTheEnd(req, res, key)
    req.resume()
    res.setTimeout(20, () => {
      note(key, 'response timeout')
      res.end('the response timed out')
    })
  },
  '/watch/timeout-socket': (req, res, key) => {
    watchToTheEnd(req, res, key)
    req.socket.setTimeout(20, () => {
      note(key, 'socket timeout')
      res.end('the connection timed out')
    })
  },
  '/watch/timeout-unhandled': (req, res, key) => {
    watchToTheEnd(req, res, key)
    req.resume()
    req.socket.setTimeout(20)
  },
}
