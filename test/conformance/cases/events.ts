/** What an app notices: events and their order, timeouts, clients that leave, the facts of a connection. */
import { RAW_PREFIX } from '../apps/raw-routes.js'
import { newKey, type Target } from '../client.js'
import { type Case, casesOf } from './case.js'

const get = (path: string, more = '') => `GET ${RAW_PREFIX}${path} HTTP/1.1\r\nHost: a\r\n${more}\r\n`
const post = (path: string, length: number, more = '') =>
  `POST ${RAW_PREFIX}${path} HTTP/1.1\r\nHost: a\r\nContent-Length: ${length}\r\n${more}\r\n`

const CLOSE = 'Connection: close\r\n'

/** Sends, waits for the end of it, and tells what came back and what the app noted. */
const watched =
  (request: (path: string) => string | string[], path: string): Case['ask'] =>
  async target => {
    const key = newKey()
    const received = await target.raw(...[request(`${path}?key=${key}`)].flat())
    return { received, notes: await target.journal(key, 'over') }
  }

/** Keeps the connection, so that its end has no part in the events. */
const keptAlive =
  (path: string, more = '', body = ''): Case['ask'] =>
  async target => {
    const key = newKey()
    const request =
      body === '' ? get(`${path}?key=${key}`, more) : post(`${path}?key=${key}`, body.length, more)
    const client = target.connect(request + body)
    const notes = await target.journal(key, 'over')
    const { received, closed } = client
    client.close()
    return { received: target.masked(received), closed, notes }
  }

/** The client leaves when the app has noted something, or has answered something. */
const abandoned =
  (
    path: string,
    request: (path: string) => string,
    when: (target: Target, key: string, received: () => string) => Promise<boolean>,
  ): Case['ask'] =>
  async target => {
    const key = newKey()
    const client = target.connect(request(`${path}?key=${key}`))
    while (!(await when(target, key, () => client.received)));
    client.close()
    return target.journal(key, 'over')
  }

const hasArrived = async (target: Target, key: string) => (await target.notes(key)).includes('arrived')

const OVER = /"over"/

const events = casesOf('events', {
  'an answer at once': [/response finish.*response close.*"over"/, keptAlive('/watch/end')],
  'an answer at once, connection closed': [OVER, watched(path => get(path, CLOSE), '/watch/end')],
  'a body that is read': [/request end.*response finish/, keptAlive('/watch/read', '', 'hello')],
  'a body that is not read': [OVER, keptAlive('/watch/unread', '', 'hello')],
  'a large body that is not read': [
    OVER,
    watched(path => [post(path, 300_000, CLOSE), 'x'.repeat(300_000)], '/watch/unread'),
  ],
  'an answer in pieces': [OVER, keptAlive('/watch/pieces')],
  'writes after the end': [/late write/, keptAlive('/watch/write-after-end')],
  'res.destroy()': [OVER, watched(path => get(path, CLOSE), '/watch/destroy')],
  'res.destroy(error)': [OVER, watched(path => get(path, CLOSE), '/watch/destroy-error')],
  'req.destroy()': [OVER, watched(path => get(path, CLOSE), '/watch/destroy-request')],
  'how things stand after an answer': [/"writableFinished\\":true/, keptAlive('/watch/after')],
  'the client leaves before the answer': [
    /request aborted.*request close/,
    abandoned('/watch/wait', path => get(path), hasArrived),
  ],
  'the client leaves before the answer to a closing request': [
    /request aborted.*request close/,
    abandoned('/watch/wait', path => get(path, CLOSE), hasArrived),
  ],
  'the client leaves in the middle of its body': [
    /request aborted/,
    abandoned('/watch/wait-reading', path => `${post(path, 1000, CLOSE)}some`, hasArrived),
  ],
  'the client leaves in the middle of the answer': [
    /response close/,
    abandoned(
      '/watch/endless',
      path => get(path),
      async (_target, _key, received) => {
        await new Promise(resolve => setImmediate(resolve))
        return received().includes('more')
      },
    ),
  ],
  'a timeout of a request that is not complete': [
    /request timeout/,
    watched(path => `${post(path, 10, CLOSE)}some`, '/watch/timeout-request'),
  ],
  'a timeout of a request that is complete': [
    OVER,
    watched(path => get(path, CLOSE), '/watch/timeout-request'),
  ],
  'a timeout of the connection': [
    /socket timeout/,
    watched(path => get(path, CLOSE), '/watch/timeout-socket'),
  ],
  'a timeout of the response': [
    /response timeout/,
    watched(path => get(path, CLOSE), '/watch/timeout-response'),
  ],
  'a timeout that nobody handles': [OVER, watched(path => get(path), '/watch/timeout-unhandled')],
})

const contexts = casesOf('events', {
  'AsyncLocalStorage.run': [
    /finish key/,
    async target => {
      const key = newKey()
      const received = await target.raw(`${post(`/context/run?key=${key}`, 5, CLOSE)}hello`)
      const notes = await target.journal(key, `close ${key}`)
      return JSON.parse(JSON.stringify({ received, notes }).replaceAll(key, 'key'))
    },
  ],
  'AsyncLocalStorage.enterWith': [
    /none/,
    async target => {
      const [one, two] = [newKey(), newKey()]
      const received = await target.raw(
        get(`/context/enter?key=${one}`) + get(`/context/enter?key=${two}`, CLOSE),
      )
      return received.replaceAll(one, 'the first request')
    },
  ],
  'timers after the answer': [
    /a timer in key/,
    async target => {
      const key = newKey()
      await target.ask(`/raw/context/after?key=${key}`)
      const notes = await target.journal(key, `a timer in ${key}`)
      return notes.map(note => note.replaceAll(key, 'key'))
    },
  ],
})

const factsOf = (path: string, request: string) => async (target: Target) => {
  const received = await target.raw(request.replace('/facts', path))
  return JSON.parse(received.slice(received.indexOf('\r\n\r\n')).replaceAll('<port>', '0')) as unknown
}

const facts = casesOf('facts', {
  'of a GET': [/instanceof/, factsOf('/facts', get('/facts', `X-Twice: a\r\nX-Twice: b\r\n${CLOSE}`))],
  'of a GET that is kept alive': [
    /instanceof/,
    async target => {
      const client = target.connect(get('/facts'))
      const received = target.masked(await client.until('listens to error'))
      client.close()
      return JSON.parse(received.slice(received.indexOf('\r\n\r\n')).replaceAll('<port>', '0')) as unknown
    },
  ],
  'of a read POST': [/"complete":true/, factsOf('/facts/later', `${post('/facts', 5, CLOSE)}hello`)],
  'of a response that has begun': [
    /"headersSent":true/,
    async target => {
      const key = newKey()
      await target.ask(`/raw/facts/begun?key=${key}`)
      return JSON.parse((await target.notes(key))[0] ?? '') as unknown
    },
  ],
})

export const eventCases: readonly Case[] = [...events, ...contexts, ...facts]
