import t from 'tap'
import {
  Cookie,
  type CookieSettings,
  customisation,
  customised,
  defaultCookie,
} from '../../../lib/web-server/sessions/session-cookie.js'

const config = {
  path: '/',
  domain: null,
  httpOnly: true,
  secure: 'auto',
  sameSite: 'lax',
  partitioned: false,
  maxAgeMs: null,
} as const

const plain = defaultCookie(config, false)
const now = () => 1_000_000

t.test('secure "auto" follows the connection', async t => {
  t.equal(defaultCookie(config, true).secure, true)
  t.equal(defaultCookie(config, false).secure, false)
  t.equal(defaultCookie({ ...config, secure: true }, false).secure, true)
})

t.test('a cookie without lifetime is a browser-session cookie', async t => {
  const cookie = new Cookie(plain, now)
  t.equal(cookie.maxAge, null)
  t.equal(cookie.expires, null)
  t.equal(cookie.originalMaxAge, null)
  t.equal(cookie.serialize('sid', 's:a.b'), 'sid=s%3Aa.b; Path=/; HttpOnly; SameSite=Lax')
})

t.test('maxAge, expires and originalMaxAge move together', async t => {
  let time = 1_000_000
  const cookie = new Cookie(plain, () => time)
  cookie.maxAge = 60_000
  t.equal(cookie.originalMaxAge, 60_000)
  t.equal(cookie.expires?.getTime(), 1_060_000)
  time += 10_000
  t.equal(cookie.maxAge, 50_000)
  t.equal(cookie.originalMaxAge, 60_000)
  cookie.expires = new Date(time + 5)
  t.equal(cookie.originalMaxAge, 5)
  cookie.expires = false
  t.equal(cookie.maxAge, null)
  cookie.originalMaxAge = 7
  t.equal(cookie.maxAge, 7)
  t.throws(() => {
    cookie.maxAge = 'soon' as unknown as number
  }, /a number of ms/)
})

t.test('every attribute is written', async t => {
  const cookie = new Cookie(
    {
      path: '/app',
      domain: 'example.com',
      httpOnly: false,
      secure: true,
      sameSite: 'none',
      partitioned: true,
      priority: 'high',
      originalMaxAge: 1000,
    },
    () => 0,
  )
  t.equal(
    cookie.serialize('sid', 'v'),
    'sid=v; Domain=example.com; Path=/app; Expires=Thu, 01 Jan 1970 00:00:01 GMT; Secure; Partitioned; Priority=High; SameSite=None',
  )
})

t.test('JSON of a cookie has what express-session has', async t => {
  const cookie = new Cookie({ ...plain, originalMaxAge: 1000 }, () => 0)
  t.same(JSON.parse(JSON.stringify(cookie)), {
    originalMaxAge: 1000,
    expires: '1970-01-01T00:00:01.000Z',
    path: '/',
    httpOnly: true,
    secure: false,
    sameSite: 'lax',
    partitioned: false,
  })
})

t.test('only what the app changed is kept, and it comes back over other defaults', async t => {
  const cookie = new Cookie(plain, now)
  t.equal(customisation(cookie, plain), null)
  cookie.maxAge = 5000
  cookie.domain = 'example.com'
  cookie.sameSite = undefined
  const text = customisation(cookie, plain)
  t.equal(text, '{"domain":"example.com","sameSite":null,"originalMaxAge":5000}')
  const encrypted: CookieSettings = defaultCookie(config, true)
  t.same(customised(text, encrypted), {
    ...encrypted,
    domain: 'example.com',
    sameSite: undefined,
    originalMaxAge: 5000,
  })
  t.equal(customisation(customised(text, plain), plain), text, 'the same again')
})

t.test('stored cookie settings cannot add members or reach a prototype', async t => {
  const settings = customised('{"__proto__":{"x":1},"serialize":1,"path":"/a"}', plain)
  t.same(settings, { ...plain, path: '/a' })
  t.same(customised('"nonsense"', plain), plain)
})
