/** The documented differences: what may differ, where, and how. docs/conformance.md gives the reasons. */
import { isDeepStrictEqual } from 'node:util'
import type { Case } from './cases/case.js'
import type { Framework } from './frameworks.js'

/** One value that the two servers' observations differ in. */
export interface Difference {
  readonly framework: Framework
  readonly case: Case
  /** Where in the observation: keys joined by dots. */
  readonly path: string
  readonly bare: unknown
  readonly troupe: unknown
}

/** A difference that is meant to be, or can't be helped. */
export interface Documented {
  /** A heading of docs/conformance.md. */
  readonly title: string
  readonly covers: (difference: Difference) => boolean
}

export const DOCUMENTED: readonly Documented[] = [
  {
    title: 'No answer comes within the tick of its request',
    covers: ({ case: { name }, bare, troupe }) =>
      [
        'nothing is answered after the client asked to close',
        'an error in the middle of a pipeline',
        'forbidden trailers',
      ].includes(name) &&
      String(bare).startsWith('HTTP/1.1 200') &&
      troupe === 'HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n',
  },
  {
    title: 'Requests that RFC 9112 wants refused never reach an app',
    covers: ({ case: { name }, troupe }) =>
      ['no Host', 'two hosts', 'HTTP/2.0 in a head'].includes(name) &&
      String(troupe).endsWith('HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n'),
  },
  {
    title: 'A body that has arrived is handed over in one piece',
    covers: ({ framework, case: { name }, bare, troupe }) =>
      framework === 'fastify' &&
      name === 'a form that ends too early' &&
      [bare, troupe].every(answer => String(answer).startsWith('HTTP/1.1 500')),
  },
  {
    title: 'res.destroy() after res.end() leaves the connection open',
    covers: ({ framework, case: { name }, bare, troupe }) =>
      framework === 'hono' && name === 'HEAD of chunks' && String(troupe).startsWith(String(bare)),
  },
  {
    title: 'The connection is not a net.Socket',
    covers: ({ case: { feature }, path }) =>
      feature === 'facts' && /^socket\.(instanceof net\.Socket|server|has read|listens to error)$/.test(path),
  },
  {
    title: 'Streams take 64 KiB before they say that they are full',
    covers: ({ case: { feature }, path, troupe }) =>
      feature === 'facts' && path.endsWith('HighWaterMark') && troupe === 65_536,
  },
  {
    title: 'Errors of the HTTP parser stay at the director',
    covers: ({ case: { name }, bare, troupe }) =>
      name === 'the client leaves in the middle of its body' &&
      isDeepStrictEqual(without(bare, /^socket error HPE_/), troupe),
  },
  {
    title: "After req.destroy() the request's close comes last",
    covers: ({ case: { name }, path, bare, troupe }) =>
      name === 'req.destroy()' && path === 'notes' && isDeepStrictEqual(sorted(bare), sorted(troupe)),
  },
  {
    title: 'AsyncLocalStorage.enterWith does not reach the next request of a connection',
    covers: ({ case: { name }, troupe }) =>
      name === 'AsyncLocalStorage.enterWith' && !String(troupe).includes('the first request'),
  },
  {
    title: 'Session cookies are set and cleared when that changes something',
    covers: ({ case: { feature }, path, bare, troupe }) =>
      (feature === 'sessions' || feature === 'passport') &&
      path.endsWith('headers') &&
      isDeepStrictEqual(without(bare, SESSION_LINE), without(troupe, SESSION_LINE)),
  },
  {
    title: "koa-session's regenerate keeps what the session held",
    covers: ({ framework, case: { feature }, path, bare, troupe }) =>
      framework === 'koa' &&
      feature === 'sessions' &&
      path === 'countAfterLogin.body' &&
      bare === '{"count":3}' &&
      troupe === '{"count":1}',
  },
]

const SESSION_LINE = /^set-cookie: session /

function without(lines: unknown, what: RegExp): unknown[] {
  return Array.isArray(lines) ? lines.filter(line => !what.test(String(line))) : []
}

function sorted(lines: unknown): unknown[] {
  return Array.isArray(lines) ? [...lines].sort() : []
}
