/** Every way to write a head, and what node refuses. */
import type { ServerResponse } from 'node:http'
import { note } from './journal.js'
import type { RawRoute } from './raw-routes.js'

/** @returns the code of what the attempt throws, or what it returns */
function attempt(what: () => unknown): string {
  try {
    return String(what())
  } catch (error) {
    return error instanceof Error && 'code' in error ? String(error.code) : String(error)
  }
}

const isItself = (res: ServerResponse, other: unknown) => (other === res ? 'itself' : 'another')

export const headRoutes: Readonly<Record<string, RawRoute>> = {
  '/head/status': (_, res) => res.writeHead(201).end('x'),
  '/head/reason': (_, res) => res.writeHead(202, 'Taken').end('x'),
  '/head/object': (_, res) => res.writeHead(203, { 'X-A': '1', 'X-B': ['2', '3'], 'X-N': 4 }).end('x'),
  '/head/reason-object': (_, res) => res.writeHead(200, 'Right', { 'x-lower': 'a', 'X-UPPER': 'b' }).end('x'),
  '/head/undefined-reason': (_, res) => res.writeHead(200, undefined, { 'X-A': '1' }).end('x'),
  '/head/flat': (_, res) => res.writeHead(200, ['X-A', '1', 'x-b', '2', 'X-A', '3']).end('x'),
  '/head/flat-cookies': (_, res) => {
    res.setHeader('X-Before', 'yes')
    res.writeHead(200, ['Set-Cookie', 'a=1', 'Set-Cookie', 'b=2']).end('x')
  },
  '/head/merged': (_, res) => {
    res.setHeader('X-Kept', 'kept')
    res.setHeader('X-Replaced', 'first')
    res.writeHead(200, { 'x-replaced': 'second' }).end('x')
  },
  '/head/implicit': (_, res) => {
    res.statusCode = 404
    res.statusMessage = 'Gone Fishing'
    res.setHeader('X-Implicit', 'yes')
    res.end('x')
  },
  '/head/append': (_, res) => {
    res.setHeader('X-A', '1')
    res.appendHeader('X-A', '2').appendHeader('Set-Cookie', ['a=1', 'b=2']).appendHeader('set-cookie', 'c=3')
    res.end('x')
  },
  '/head/set-headers': (_, res) => {
    res.setHeaders(new Headers({ 'x-one': '1', 'x-two': '2' }))
    res.setHeaders(new Map([['X-Map', 'm']]))
    res.end('x')
  },
  '/head/several-cookies': (_, res) => {
    res.setHeader('Set-Cookie', ['a=1; Path=/', 'b=2; HttpOnly'])
    res.end('x')
  },
  '/head/large': (_, res) => {
    res.setHeader('X-Large', 'v'.repeat(30_000))
    res.end('x')
  },
  '/head/no-date': (_, res) => {
    res.sendDate = false
    res.end('no date')
  },
  '/head/refused': (_, res) => {
    const seen = {
      name: attempt(() => res.setHeader('X Bad', '1')),
      value: attempt(() => res.setHeader('X-Bad', 'a\r\nb')),
      missing: attempt(() => res.setHeader('X-Bad', undefined as never)),
      unicode: attempt(() => res.setHeader('X-Bad', '☃')),
      status: attempt(() => res.writeHead(99)),
      reason: attempt(() => res.writeHead(200, 'a\nb')),
      kept: res.statusMessage,
      trailers: attempt(() => res.addTrailers({ 'X Bad': '1' })),
      type: attempt(() => res.write(42 as never)),
    }
    res.statusMessage = 'Refused Nothing'
    res.end(JSON.stringify(seen))
  },
  '/head/after': (_, res) => {
    res.write('{"begun":true}\n')
    const seen = {
      headersSent: res.headersSent,
      set: attempt(() => res.setHeader('X-Late', '1')),
      remove: attempt(() => res.removeHeader('X-Late')),
      again: attempt(() => res.writeHead(200)),
      hints: attempt(() => res.writeEarlyHints({ link: '</a>; rel=preload' })),
    }
    res.end(JSON.stringify(seen))
  },
  '/head/reading': (_, res) => {
    res.setHeader('X-Mixed-Case', 'a')
    res.setHeader('Set-Cookie', ['a=1'])
    const seen = {
      get: res.getHeader('x-mixed-case'),
      names: res.getHeaderNames(),
      rawNames: (res as { getRawHeaderNames?: () => string[] }).getRawHeaderNames?.(),
      headers: res.getHeaders(),
      has: res.hasHeader('SET-COOKIE'),
      chunkedEncoding: res.chunkedEncoding,
      shouldKeepAlive: res.shouldKeepAlive,
      useChunkedEncodingByDefault: res.useChunkedEncodingByDefault,
      returns: isItself(res, res.setHeader('X-Set', '1')),
    }
    res.end(JSON.stringify(seen))
  },
  '/head/strict-length': (_, res, key) => {
    res.strictContentLength = true
    res.setHeader('Content-Length', 10)
    note(key, `write ${attempt(() => res.write('x'.repeat(100)))}`)
    note(key, `end ${attempt(() => isItself(res, res.end('x')))}`)
    res.destroy()
  },
  '/head/continue': (_, res) => {
    res.writeContinue()
    res.end('went on')
  },
  '/head/hints': (_, res) => {
    const links = ['</a.css>; rel=preload; as=style', '</b.js>; rel=preload; as=script']
    res.writeEarlyHints({ link: links, 'x-trace': 'one' }, () => {
      res.writeEarlyHints({ link: '</c.css>; rel=preload; as=style' })
      res.setHeader('Link', links)
      res.end('hinted')
    })
  },
  '/head/204-with-body': (_, res) => res.writeHead(204).end('must not be sent'),
  '/head/keep-alive-by-app': (_, res) => {
    res.setHeader('Connection', 'keep-alive')
    res.setHeader('Keep-Alive', 'timeout=77')
    res.end('x')
  },
  '/head/chunked-by-app': (_, res) => {
    res.setHeader('Transfer-Encoding', 'chunked')
    res.end('one chunk')
  },
  '/head/should-not-keep-alive': (_, res) => {
    res.shouldKeepAlive = false
    res.end('x')
  },
  '/head/upgrade-required': (_, res) => {
    res.writeHead(426, { Upgrade: 'tea/1.0', Connection: 'Upgrade' }).end('x')
  },
}
