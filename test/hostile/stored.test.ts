/** What a session server that is in other hands can give a web server: wrong data, but neither its life nor its signature. */
import t from 'tap'
import { partitionOf, type SessionId } from '../../lib/replication/ids.js'
import { Browser, Replicas, visit, WebServer } from '../web-server/sessions/session-harness.js'

/** A session at its replica, replaced by this text, and a new owner that has to read it. */
async function stored(data: string, id?: string) {
  const replicas = new Replicas('a')
  const browser = await visit(new WebServer(replicas), { user: 'ann' })
  const store = replicas.stores.get(replicas.names[0] ?? ('' as never))
  const real = decodeURIComponent(browser.header ?? '')
    .slice('sid=s:'.length)
    .split('.')[0] as SessionId
  const copy = store?.get(real, partitionOf(real))
  if (store === undefined || copy === null || copy === undefined) throw new Error('it is not stored')
  const get = store.get.bind(store)
  store.get = (asked, partition) =>
    asked === real ? { ...copy, data, id: (id ?? real) as SessionId } : get(asked, partition)
  return { browser, server: new WebServer(replicas, { epoch: 2 }) }
}

t.test('stored names of Object.prototype are data', async t => {
  const { browser, server } = await stored(
    '{"__proto__":{"polluted":1},"constructor":{"prototype":{"polluted":1}}}',
  )
  const request = await server.open(browser)
  t.equal((request.session.constructor as unknown as Record<string, unknown>).name, undefined)
  t.equal(Object.getPrototypeOf(request.session).polluted, undefined)
  t.equal(({} as Record<string, unknown>).polluted, undefined)
  t.equal(typeof request.session.save, 'function')
  request.close()
})

t.test('what is no session is an error with a code', async t => {
  for (const data of ['', 'null', '[]', '5', '{"a":', '"__proto__"']) {
    const { browser, server } = await stored(data)
    const request = await server.open(browser)
    t.throws(() => request.session.user, { code: 'SESSION_UNREADABLE' }, JSON.stringify(data))
    request.close()
  }
})

t.test('cookie settings that no cookie can have are ignored', async t => {
  const wrong = [
    '5',
    'null',
    '[]',
    '{"originalMaxAge":"soon","path":5,"httpOnly":"no","secure":null,"domain":{},"sameSite":[],"priority":1}',
    '{"originalMaxAge":1e300}',
    '{"__proto__":{"httpOnly":false},"constructor":1,"serialize":1}',
  ]
  for (const cookie of wrong) {
    const { browser, server } = await stored(`{"user":"ann","cookie":${cookie}}`)
    const request = await server.open(browser)
    const { originalMaxAge, path, httpOnly, domain } = request.session.cookie
    t.strictSame(
      { originalMaxAge, path, httpOnly, domain },
      { originalMaxAge: null, path: '/', httpOnly: true, domain: undefined },
      cookie,
    )
    t.equal(request.session.user, 'ann')
    request.close()
  }
})

t.test(
  'a session of another id is not taken for the one that was asked for, so no cookie is signed for it',
  async t => {
    for (const id of ['the-session-of-somebody-else', '#user:42', '']) {
      const { browser, server } = await stored('{"user":"bob"}', id)
      t.match(await server.opened(browser), { type: 'unavailable', error: { code: 'SESSION_UNAVAILABLE' } })
      const other = new Browser()
      t.match((await server.open(other)).session.user, undefined)
    }
  },
)
