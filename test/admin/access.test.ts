import { once } from 'node:events'
import { request as httpRequest } from 'node:http'
import t from 'tap'
import { request } from 'undici'
import { Access } from '../../lib/admin/access.js'
import { Attempts } from '../../lib/admin/attempts.js'
import { listen } from './listener.js'

const TOKEN = 'a-token-of-more-than-thirty-two-characters'
const BEARER = { authorization: `Bearer ${TOKEN}` }

/** undici and fetch set some of these headers themselves; node:http sends what it is told. */
async function ask(
  url: string,
  {
    method = 'GET',
    headers = {},
    body = '',
  }: { method?: string; headers?: Record<string, string>; body?: string } = {},
) {
  const sent = httpRequest(url, { method, headers }).end(body)
  const [response] = await once(sent, 'response')
  const chunks: Buffer[] = []
  for await (const chunk of response) chunks.push(chunk)
  return {
    status: response.statusCode as number,
    headers: response.headers as Record<string, string | string[] | undefined>,
    body: Buffer.concat(chunks).toString(),
  }
}

/** The headers that a browser adds to what the dashboard's page asks. */
function ownPage(url: string): Record<string, string> {
  return { origin: new URL(url).origin, 'sec-fetch-site': 'same-origin' }
}

async function logIn(url: string): Promise<string> {
  const { headers } = await ask(`${url}/troupe/login`, {
    method: 'POST',
    headers: { ...ownPage(url), 'content-type': 'application/x-www-form-urlencoded' },
    body: new URLSearchParams({ token: TOKEN }).toString(),
  })
  return String(headers['set-cookie']).split(';', 1)[0] ?? ''
}

t.test('with a token everything but health needs it, and says so', async t => {
  const { url, killed } = await listen(t, {}, { token: TOKEN })
  for (const path of [
    '/status',
    '/metrics',
    '/events',
    '/measures',
    '/partitions',
    '/nothing',
    '/troupe/api/status',
  ]) {
    const { status, headers, body } = await ask(`${url}${path}`)
    t.equal(status, 401, path)
    t.equal(headers['www-authenticate'], 'Bearer realm="troupe"')
    t.match(body, /ADMIN_TOKEN_NEEDED/)
  }
  t.equal((await ask(`${url}/actors/a/kill`, { method: 'POST' })).status, 401)
  t.same(killed, [])
  for (const path of ['/healthz', '/readyz']) t.equal((await ask(`${url}${path}`)).status, 200, path)
  t.equal((await ask(`${url}/status`, { headers: BEARER })).status, 200)
  t.equal((await ask(`${url}/actors/a/kill`, { method: 'POST', headers: BEARER })).status, 202)
  t.same(killed, ['a'])
})

t.test('a token that is wrong, cut, longer or in another scheme is refused', async t => {
  const { url } = await listen(t, {}, { token: TOKEN })
  for (const authorization of [
    `Bearer ${TOKEN.slice(0, -1)}`,
    `Bearer ${TOKEN}x`,
    `Bearer ${TOKEN.toUpperCase()}`,
    'Bearer',
    'Bearer ',
    `Basic ${Buffer.from(`admin:${TOKEN}`).toString('base64')}`,
    TOKEN,
  ]) {
    t.equal((await ask(`${url}/status`, { headers: { authorization } })).status, 401, authorization)
  }
  t.equal(
    (await ask(`${url}/status`, { headers: { authorization: `bearer ${TOKEN}` } })).status,
    200,
    'as RFC 9110 has it',
  )
})

t.test('with a token the listener answers by any name, as behind a proxy', async t => {
  const { url } = await listen(t, {}, { token: TOKEN })
  t.equal((await ask(`${url}/status`, { headers: { ...BEARER, host: 'admin.example' } })).status, 200)
})

t.test('the login form exchanges the token for a cookie that only the dashboard gets', async t => {
  const { url } = await listen(t, {}, { token: TOKEN })
  const before = await ask(`${url}/troupe/`)
  t.equal(before.status, 401)
  t.match(before.body, /<form method="post" action="\/troupe\/login">/)
  const login = await ask(`${url}/troupe/login`, {
    method: 'POST',
    headers: ownPage(url),
    body: new URLSearchParams({ token: TOKEN }).toString(),
  })
  t.equal(login.status, 303)
  t.equal(login.headers.location, '/troupe/')
  const cookie = String(login.headers['set-cookie'])
  t.match(cookie, /; Path=\/troupe; Max-Age=43200; HttpOnly; SameSite=Strict$/)
  t.notMatch(cookie, new RegExp(TOKEN))
  const headers = { cookie: cookie.split(';', 1)[0] ?? '' }
  const after = await ask(`${url}/troupe/`, { headers })
  t.equal(after.status, 200)
  t.match(after.body, /Log out/)
  t.equal((await ask(`${url}/troupe/api/status`, { headers })).status, 200)
  t.equal((await ask(`${url}/status`, { headers })).status, 401, 'programs bring the token')
})

t.test('behind https the cookie is for https only', async t => {
  const { url } = await listen(t, {}, { token: TOKEN })
  const { headers } = await ask(`${url}/troupe/login`, {
    method: 'POST',
    headers: { host: 'admin.example', origin: 'https://admin.example' },
    body: `token=${TOKEN}`,
  })
  t.match(String(headers['set-cookie']), /; Secure$/)
})

t.test('a wrong token in the form is told, and gets no cookie', async t => {
  const { url } = await listen(t, {}, { token: TOKEN })
  for (const body of ['token=wrong', '', `token=${TOKEN}x`, `other=${TOKEN}`]) {
    const {
      status,
      headers,
      body: page,
    } = await ask(`${url}/troupe/login`, {
      method: 'POST',
      headers: ownPage(url),
      body,
    })
    t.equal(status, 401, body)
    t.equal(headers['set-cookie'], undefined)
    t.match(page, /not the token/)
  }
})

t.test('an address that brings one wrong token after the other has to wait, for any token', async t => {
  const { url } = await listen(t, {}, { token: TOKEN })
  const bearer = (token: string) => ask(`${url}/status`, { headers: { authorization: `Bearer ${token}` } })
  for (let attempt = 0; attempt < 10; attempt++) t.equal((await bearer(`wrong-${attempt}`)).status, 401)
  const late = await bearer('wrong-10')
  t.equal(late.status, 429)
  t.match(late.headers['retry-after'], /^[1-5]$/)
  t.match(late.body, /ADMIN_TOO_MANY_ATTEMPTS/)
  t.equal((await bearer(TOKEN)).status, 429, 'or guesses would go on unhindered')
  const form = await ask(`${url}/troupe/login`, {
    method: 'POST',
    headers: ownPage(url),
    body: `token=${TOKEN}`,
  })
  t.equal(form.status, 429)
  t.match(form.headers['retry-after'], /^[1-5]$/)
  t.equal(form.headers['set-cookie'], undefined)
  t.match(form.body, /Wait a few seconds/)
  t.equal((await ask(`${url}/healthz`, { headers: { authorization: 'Bearer x' } })).status, 200)
})

t.test('whoever is logged in already, and whoever brings no token, is no attempt', async t => {
  const { url } = await listen(t, {}, { token: TOKEN })
  const cookie = await logIn(url)
  for (let request = 0; request < 20; request++) t.equal((await ask(`${url}/status`)).status, 401)
  for (let attempt = 0; attempt < 10; attempt++)
    await ask(`${url}/status`, { headers: { authorization: 'Bearer wrong' } })
  t.equal((await ask(`${url}/status`, { headers: BEARER })).status, 429)
  t.equal((await ask(`${url}/troupe/api/status`, { headers: { cookie } })).status, 200)
})

t.test('attempts come back one after the other, and each network has its own', async t => {
  let now = 1_000_000
  const attempts = new Attempts(() => now)
  for (let attempt = 0; attempt < 10; attempt++) {
    t.equal(attempts.waitMs('10.0.0.1'), 0)
    attempts.onWrong('10.0.0.1')
    attempts.onWrong('2001:db8::1')
  }
  t.equal(attempts.waitMs('10.0.0.1'), 5000)
  t.equal(attempts.waitMs('10.0.0.2'), 0)
  t.equal(attempts.waitMs('2001:db8:0:0:ffff::2'), 5000, 'the same /64')
  t.equal(attempts.waitMs('2001:db8:0:1::1'), 0)
  now += 5000
  t.equal(attempts.waitMs('10.0.0.1'), 0)
  attempts.onWrong('10.0.0.1')
  t.equal(attempts.waitMs('10.0.0.1'), 5000)
})

t.test('logging out takes the cookie away', async t => {
  const { url } = await listen(t, {}, { token: TOKEN })
  const cookie = await logIn(url)
  const { status, headers } = await ask(`${url}/troupe/logout`, {
    method: 'POST',
    headers: { ...ownPage(url), cookie },
  })
  t.equal(status, 303)
  t.match(String(headers['set-cookie']), /^troupe_admin=; Path=\/troupe; Max-Age=0/)
})

t.test('a cookie that is forged, changed, of another token or too old is none', async t => {
  let now = 1_000_000
  const access = new Access(TOKEN, () => now)
  const [cookie = ''] = access.login(false).split(';')
  t.equal(access.hasLogin({ cookie }), true)
  t.equal(access.hasLogin({ cookie: `other=1; ${cookie}` }), true)
  t.equal(
    access.hasLogin({ cookie: cookie.replace(/=(\d+)/, (_, expires) => `=${Number(expires) + 1}`) }),
    false,
  )
  t.equal(access.hasLogin({ cookie: `${cookie.slice(0, -1)}${cookie.endsWith('A') ? 'B' : 'A'}` }), false)
  t.equal(access.hasLogin({ cookie: 'troupe_admin=' }), false)
  t.equal(access.hasLogin({}), false)
  t.equal(new Access(`${TOKEN}!`, () => now).hasLogin({ cookie }), false)
  now += 12 * 60 * 60 * 1000
  t.equal(access.hasLogin({ cookie }), false, 'half a day later')
})

t.test('a change that another page makes the browser send is refused, cookie or not', async t => {
  for (const token of [TOKEN, null]) {
    const { url, killed } = await listen(t, {}, { token })
    const cookie = token === null ? '' : await logIn(url)
    const kill = (headers: Record<string, string>) =>
      ask(`${url}/troupe/api/actors/a/kill`, { method: 'POST', headers: { cookie, ...headers } })
    const app = { origin: 'http://127.0.0.1:8080', 'sec-fetch-site': 'same-site' }
    for (const headers of [
      {},
      app,
      { origin: 'https://evil.example', 'sec-fetch-site': 'cross-site' },
      { origin: 'null' },
      { 'sec-fetch-site': 'cross-site', 'sec-fetch-mode': 'navigate', 'sec-fetch-dest': 'document' },
    ] as Record<string, string>[]) {
      t.equal((await kill(headers)).status, 403, JSON.stringify(headers))
    }
    t.same(killed, [])
    t.equal((await kill({ origin: new URL(url).origin })).status, 202, 'the page itself')
    t.equal((await kill({ 'sec-fetch-site': 'same-origin' })).status, 202)
    t.equal(
      (await ask(`${url}/troupe/api/actors/a/kill`, { headers: { cookie, ...ownPage(url) } })).status,
      405,
      'GET',
    )
    t.same(killed, ['a', 'a'])
  }
})

t.test(
  'another page can not read what the dashboard reads, in a browser that tells only its origin',
  async t => {
    const { url } = await listen(t)
    const read = (origin: string) => ask(`${url}/troupe/api/status`, { headers: { origin } })
    t.equal((await read('https://evil.example')).status, 403)
    t.equal((await read('http://127.0.0.1:8080')).status, 403)
    t.equal((await read(new URL(url).origin)).status, 200)
  },
)

t.test('a link on another page leads to the dashboard, but to no figures', async t => {
  const { url } = await listen(t)
  const headers = {
    'sec-fetch-site': 'same-site',
    'sec-fetch-mode': 'navigate',
    'sec-fetch-dest': 'document',
  }
  t.equal((await ask(`${url}/troupe/`, { headers })).status, 200)
  t.equal((await ask(`${url}/status`, { headers })).status, 403)
  t.equal(
    (await ask(`${url}/troupe/api/status`, { headers: { ...headers, 'sec-fetch-mode': 'cors' } })).status,
    403,
  )
})

t.test('every answer forbids frames, foreign scripts and sniffing', async t => {
  const { url } = await listen(t, {}, { token: TOKEN })
  for (const path of ['/healthz', '/status', '/', '/troupe/', '/troupe/files/main.js', '/nothing']) {
    const { headers } = await ask(`${url}${path}`)
    t.match(
      headers,
      {
        'content-security-policy': /^default-src 'none'; script-src 'self'; style-src 'self'; /,
        'x-content-type-options': 'nosniff',
        'x-frame-options': 'DENY',
        'referrer-policy': 'same-origin',
        'cross-origin-opener-policy': 'same-origin',
        'cache-control': 'no-store',
      },
      path,
    )
    t.notMatch(String(headers['content-security-policy']), /unsafe|\*|https?:/)
    t.equal(headers['access-control-allow-origin'], undefined)
  }
})

t.test('the pages have nothing inline, and load nothing from elsewhere', async t => {
  const { url } = await listen(t)
  for (const page of [
    await ask(`${url}/troupe/`),
    await ask(`${(await listen(t, {}, { token: TOKEN })).url}/troupe/`),
  ]) {
    t.notMatch(page.body, /<style|style=|<script>|\son\w+=|https?:\/\//)
    for (const [, file = ''] of page.body.matchAll(/(?:src|href)="([^"#]+)"/g)) {
      const { statusCode, headers } = await request(new URL(file, `${url}/troupe/`))
      t.equal(statusCode, 200, file)
      t.ok(headers['content-type'], file)
    }
  }
})

t.test('no path leads out of the files of the dashboard', async t => {
  const { url } = await listen(t)
  for (const path of [
    '../admin.js',
    '..%2fadmin.js',
    '%2e%2e/admin.js',
    'tsconfig.json',
    '',
    'constructor',
    'login.html',
  ]) {
    t.equal((await ask(`${url}/troupe/files/${path}`)).status, 404, path)
  }
})
