import { once } from 'node:events'
import { request as httpRequest } from 'node:http'
import { connect } from 'node:net'
import { Readable } from 'node:stream'
import { pino } from 'pino'
import t from 'tap'
import { request } from 'undici'
import { startAdmin } from '../../lib/admin/admin.js'
import type { ObservedCluster } from '../../lib/director/observed-cluster.js'
import { listen, STATUS } from './listener.js'

t.test('/healthz says that the process lives, even when the cluster is not ready', async t => {
  const { url } = await listen(t, { isReady: () => false })
  const { statusCode, headers, body } = await request(`${url}/healthz`)
  t.equal(statusCode, 200)
  t.match(headers, { 'content-type': 'application/json; charset=utf-8', 'cache-control': 'no-store' })
  t.same(await body.json(), { status: 'alive' })
})

t.test('/readyz is 200 when the cluster is ready and 503 when it is not', async t => {
  let ready = false
  const { url } = await listen(t, { isReady: () => ready })
  t.equal((await request(`${url}/readyz`)).statusCode, 503)
  ready = true
  t.equal((await request(`${url}/readyz?verbose`)).statusCode, 200)
})

t.test('/status is the status of the cluster, and HEAD its head', async t => {
  const { url } = await listen(t)
  const got = await request(`${url}/status`)
  t.same(await got.body.json(), STATUS)
  const head = await request(`${url}/status`, { method: 'HEAD' })
  t.equal(head.statusCode, 200)
  t.equal(head.headers['content-length'], got.headers['content-length'])
  t.equal(await head.body.text(), '')
})

t.test('POST /actors/NAME/kill kills that actor, and 404 says that there is none', async t => {
  const { url, killed } = await listen(t)
  const one = await request(`${url}/actors/web-1/kill`, { method: 'POST' })
  t.equal(one.statusCode, 202)
  t.same(await one.body.json(), { killed: 'web-1' })
  t.equal((await request(`${url}/actors/a/kill`, { method: 'POST', body: '{}' })).statusCode, 202)
  const none = await request(`${url}/actors/web-9/kill`, { method: 'POST' })
  t.equal(none.statusCode, 404)
  t.match(await none.body.json(), { error: { code: 'UNKNOWN_ACTOR', message: /web-9/ } })
  t.same(killed, ['web-1', 'a'])
})

t.test("Node's own fetch, as apps use it, may kill", async t => {
  const { url, killed } = await listen(t)
  t.equal((await fetch(`${url}/actors/a/kill`, { method: 'POST' })).status, 202)
  t.same(killed, ['a'])
})

t.test('other methods get 405 with Allow, other paths 404, both as JSON', async t => {
  const { url, killed } = await listen(t)
  const kill = await request(`${url}/actors/a/kill`)
  t.equal(kill.statusCode, 405)
  t.equal(kill.headers.allow, 'POST')
  t.match(await kill.body.json(), { error: { code: 'ADMIN_METHOD_NOT_ALLOWED' } })
  const status = await request(`${url}/status`, { method: 'POST' })
  t.equal(status.statusCode, 405)
  t.equal(status.headers.allow, 'GET, HEAD')
  const home = await request(url)
  t.equal(home.statusCode, 303)
  t.equal(home.headers.location, '/troupe/', 'where the dashboard is')
  for (const path of ['/', '//', '/status/', '/actors//kill', '/actors/A%2e/kill']) {
    const none = await request(`${url}${path}`, { method: 'POST' })
    t.equal(none.statusCode, 404, path)
    t.match(await none.body.json(), { error: { code: 'ADMIN_NOT_FOUND' } })
  }
  t.same(killed, [])
})

/** undici and fetch set some of these headers themselves; node:http sends what it is told. */
async function statusWith(url: string, headers: Record<string, string>): Promise<number | undefined> {
  const sent = httpRequest(`${url}/actors/a/kill`, { method: 'POST', headers }).end()
  const [response] = await once(sent, 'response')
  response.resume()
  return response.statusCode
}

t.test('a page whose name was rebound to loopback is refused by its Host header', async t => {
  const { url, killed } = await listen(t)
  for (const host of ['evil.example', 'evil.example:9090', '127.0.0.1.evil.example', '10.0.0.1', '[::2]']) {
    t.equal(await statusWith(url, { host }), 403, host)
  }
  t.same(killed, [])
  for (const host of ['localhost', 'LocalHost:9090', '127.0.0.1:9090', '127.8.8.8', '[::1]:9090']) {
    t.equal(await statusWith(url, { host }), 202, host)
  }
})

t.test('a request that some page made a browser send is refused', async t => {
  const { url, killed } = await listen(t)
  for (const origin of ['https://evil.example', 'http://127.0.0.1:8080', 'null', url]) {
    t.equal(await statusWith(url, { origin }), 403, origin)
  }
  t.equal(await statusWith(url, { 'sec-fetch-site': 'cross-site' }), 403)
  t.equal(await statusWith(url, { 'sec-fetch-site': 'same-site' }), 403, 'another port of this machine')
  t.same(killed, [])
  t.equal(await statusWith(url, { 'sec-fetch-site': 'none' }), 202, 'typed into the address bar')
})

t.test('a body or a head that is too long is refused, whether or not its length is told', async t => {
  const { url, killed } = await listen(t)
  const body = 'x'.repeat(1025)
  t.equal((await request(`${url}/actors/a/kill`, { method: 'POST', body })).statusCode, 413)
  const chunked = await request(`${url}/actors/a/kill`, { method: 'POST', body: Readable.from([body]) })
  t.equal(chunked.statusCode, 413)
  t.equal((await request(`${url}/status`, { headers: { 'x-long': 'x'.repeat(9000) } })).statusCode, 431)
  t.same(killed, [])
})

t.test('a failure of the cluster is a 500 without its details, which are logged', async t => {
  const { url, logged } = await listen(t, { status: () => Promise.reject(new Error('inner workings')) })
  const { statusCode, body } = await request(`${url}/status`)
  t.equal(statusCode, 500)
  t.notMatch(await body.text(), /inner workings/)
  t.match(logged.join(''), /inner workings/)
})

t.test('it listens on IPv6 loopback as well', async t => {
  const { url } = await listen(t, {}, { host: '::1' })
  t.match(url, /^http:\/\/\[::1\]:\d+$/)
  t.equal((await request(`${url}/healthz`)).statusCode, 200)
})

t.test('a port in use is an error of the start', async t => {
  const { url } = await listen(t)
  const cluster = { observe: () => () => {} } as unknown as ObservedCluster
  await t.rejects(
    startAdmin(
      { host: '127.0.0.1', port: Number(new URL(url).port), token: null },
      cluster,
      pino({ level: 'silent' }),
    ),
    {
      code: 'EADDRINUSE',
    },
  )
})

t.test('close ends idle connections too, and may be called twice', async t => {
  const { url, close } = await listen(t)
  const idle = connect(Number(new URL(url).port), '127.0.0.1')
  await once(idle, 'connect')
  idle.resume()
  const ended = once(idle, 'close')
  await close()
  await ended
  await close()
  await t.rejects(request(`${url}/healthz`), { code: 'ECONNREFUSED' })
})
