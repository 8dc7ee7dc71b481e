/** Session cookies through a real cluster: attributes, rolling, signatures, secrets. */
import { sign } from 'cookie-signature'
import t from 'tap'
import { startCluster } from '../support/cluster.js'
import { type Answer, visit } from '../support/visitor.js'

const NAME = 'troupe.sid'
const OLD = 'the old secret of this test'
const NEW = 'the new secret of this test'

/** @returns the attributes of the one cookie that was set, sorted, dates left out */
function attributesOf({ headers }: Answer): string[] {
  const lines = [headers['set-cookie'] ?? []].flat()
  const [, ...attributes] = lines[0]?.split('; ') ?? []
  return attributes.map(attribute => attribute.replace(/^Expires=.+/, 'Expires')).sort()
}

t.test('cookies that name no session of ours', async t => {
  const cluster = await startCluster(t, { session: { secret: [NEW, OLD] } })
  const owner = visit(t, cluster.url)
  await owner.get('/')
  const id = (await owner.get('/id')).text
  const ask = async (value: string) => {
    const stranger = visit(t, cluster.url)
    stranger.cookies.set(NAME, encodeURIComponent(value))
    const answer = await stranger.get('/')
    return { count: answer.text, id: (await stranger.get('/id')).text, status: answer.status }
  }

  t.same(await ask(`s:${sign(id, NEW)}`), { count: '2', id, status: 200 }, 'signed with the first secret')
  t.same(await ask(`s:${sign(id, OLD)}`), { count: '3', id, status: 200 }, 'signed with an earlier one')

  const tampered = sign(id, NEW).slice(0, -2)
  const refused = {
    'signed with another secret': `s:${sign(id, 'somebody else with a secret')}`,
    'a signature cut short': `s:${tampered}`,
    'no signature': id,
    'an empty signature': `s:${id}.`,
    'the signature of another id': `s:${id.slice(1)}${sign(id, NEW).slice(id.length)}`,
    nothing: '',
    rubbish: 's:%%%.;',
  }
  for (const [what, value] of Object.entries(refused)) {
    const answer = await ask(value)
    t.equal(answer.count, '1', what)
    t.not(answer.id, id, what)
  }
  for (const unknown of ['anything', 'A'.repeat(32), '__proto__']) {
    const answer = await ask(`s:${sign(unknown, NEW)}`)
    t.equal(answer.count, '1', `an id that nobody has made, signed: ${unknown}`)
    t.not(answer.id, unknown, 'is not adopted')
  }
  t.equal((await owner.get('/read')).text, '3', 'and nothing of it has touched the session')
})

t.test('by default a cookie is for the browser session, and safe', async t => {
  const cluster = await startCluster(t)
  const visitor = visit(t, cluster.url)
  const first = await visitor.get('/')
  t.same(attributesOf(first), ['HttpOnly', 'Path=/', 'SameSite=Lax'], '"auto" is not Secure over http')
  const again = await visitor.get('/')
  t.notOk('set-cookie' in again.headers, 'it is set once')
})

t.test('a cookie has the attributes of the configuration', async t => {
  const cluster = await startCluster(t, {
    session: {
      name: 'shop',
      cookie: { path: '/', domain: 'localhost', httpOnly: false, sameSite: 'strict', maxAge: '1h' },
    },
  })
  const visitor = visit(t, cluster.url)
  const answer = await visitor.get('/')
  t.same(attributesOf(answer), ['Domain=localhost', 'Expires', 'Path=/', 'SameSite=Strict'])
  t.same([...visitor.cookies.keys()], ['shop'])
  t.equal((await visitor.get('/')).text, '2')
  const expires = Date.parse(/Expires=([^;]+)/.exec(String(answer.headers['set-cookie']))?.[1] ?? '')
  t.ok(Math.abs(expires - Date.now() - 3_600_000) < 120_000)
})

t.test('with secure true sessions work behind a proxy where https ends', async t => {
  const cluster = await startCluster(t, { session: { name: '__Host-shop', cookie: { secure: true } } })
  const visitor = visit(t, cluster.url)
  t.ok(attributesOf(await visitor.get('/')).includes('Secure'))
  t.equal((await visitor.get('/')).text, '2')
  t.ok(attributesOf(await visitor.get('/logout')).includes('Secure'), 'or a browser would keep it')
})

t.test('a rolling cookie is renewed with every response of a session', async t => {
  const cluster = await startCluster(t, { session: { rolling: true, cookie: { maxAge: '1h' } } })
  const visitor = visit(t, cluster.url)
  t.notOk('set-cookie' in (await visitor.get('/static')).headers, 'there is no session yet')
  for (const path of ['/', '/read', '/static']) {
    t.ok('set-cookie' in (await visitor.get(path)).headers, path)
  }
})

t.test('an app can change the cookie of one session', async t => {
  const cluster = await startCluster(t)
  const visitor = visit(t, cluster.url)
  await visitor.get('/')
  t.ok(attributesOf(await visitor.get('/set-cookie-age?ms=60000')).includes('Expires'))
  await cluster.lose('web-1', 'web-2')
  t.ok(attributesOf(await visitor.get('/')).includes('Expires'), 'for good')
  t.equal((await visitor.get('/')).text, '3')
})
