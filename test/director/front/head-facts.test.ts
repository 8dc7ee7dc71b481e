import { IncomingMessage } from 'node:http'
import { Socket } from 'node:net'
import fc from 'fast-check'
import t from 'tap'
import { announcesBody, factsOf } from '../../../lib/director/front/head-facts.js'

t.test('names count in any case, and headers that only look alike do not', async t => {
  t.same(factsOf(['hOsT', 'a', 'COOKIE', 'b=c', 'Content-Length', '3', 'Transfer-encoding', 'chunked']), {
    hosts: 1,
    cookie: 'b=c',
    contentLength: '3',
    transferEncoding: 'chunked',
  })
  t.same(factsOf(['Hose', 'a', 'Cookid', 'b', 'Content-Lengtj', '3', 'Transfer-Encodinh', 'x', '', '']), {
    hosts: 0,
    cookie: undefined,
    contentLength: undefined,
    transferEncoding: undefined,
  })
})

t.test('several headers of one name are what node:http makes of them', async () => {
  const name = fc.constantFrom(
    'Host',
    'cookie',
    'Cookie',
    'Content-Length',
    'TRANSFER-ENCODING',
    'Accept',
    'Date',
  )
  const value = fc.constantFrom('', 'a=1', 'chunked', '0', '5')
  const headers = fc.array(fc.tuple(name, value), { maxLength: 6 }).map(pairs => pairs.flat())
  const property = fc.property(headers, rawHeaders => {
    const req = Object.assign(new IncomingMessage(new Socket()), { rawHeaders })
    for (let at = 0; at < rawHeaders.length; at += 2) {
      // What the getter of `headers` does with those that a parser has put there.
      Reflect.get(req, '_addHeaderLine').call(req, rawHeaders[at], rawHeaders[at + 1], req.headers)
    }
    const facts = factsOf(rawHeaders)
    return (
      facts.cookie === req.headers.cookie &&
      facts.contentLength === req.headers['content-length'] &&
      facts.transferEncoding === req.headers['transfer-encoding'] &&
      facts.hosts > 0 === (req.headers.host !== undefined)
    )
  })
  fc.assert(property)
})

t.test('a body is announced by its length or its coding', async t => {
  for (const [rawHeaders, expected] of [
    [[], false],
    [['Content-Length', '0'], false],
    [['Content-Length', '5'], true],
    [['Transfer-Encoding', 'chunked'], true],
  ] as const)
    t.equal(announcesBody(factsOf(rawHeaders)), expected, rawHeaders.join(': '))
})
