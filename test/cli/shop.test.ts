import { fileURLToPath } from 'node:url'
import t from 'tap'
import { serve } from './run.js'

const SHOP = fileURLToPath(new URL('../../../examples/shop/app.js', import.meta.url))

/** A page as a visitor's browser got it. */
interface Page {
  readonly status: number
  readonly location: string | null
  readonly servedBy: string | null
  readonly html: string
}

/** A browser with one cookie, which follows redirects as a visitor would. */
class Visitor {
  #cookie = ''
  #token = ''

  constructor(readonly url: string) {}

  get cookie(): string {
    return this.#cookie
  }

  async get(path: string): Promise<Page> {
    const page = await this.#request(path)
    this.#token = /name="token" value="([^"]+)"/.exec(page.html)?.[1] ?? this.#token
    return page.location === null ? page : this.get(page.location)
  }

  /** Sends a form with the token of the last page. @returns the answer itself, which should be a redirect. */
  post(path: string, fields: Record<string, string> = {}): Promise<Page> {
    return this.#request(path, new URLSearchParams({ token: this.#token, ...fields }))
  }

  /** The number that the menu shows. */
  async cart(): Promise<number> {
    return Number(/Cart \((\d+)\)/.exec((await this.get('/cart')).html)?.[1])
  }

  async #request(path: string, form?: URLSearchParams): Promise<Page> {
    const response = await fetch(this.url + path, {
      method: form === undefined ? 'GET' : 'POST',
      redirect: 'manual',
      headers: { cookie: this.#cookie },
      ...(form === undefined ? {} : { body: form }),
    })
    const [set] = response.headers.getSetCookie()
    if (set !== undefined) this.#cookie = set.split(';')[0] ?? ''
    return {
      status: response.status,
      location: response.headers.get('location'),
      servedBy: response.headers.get('x-served-by'),
      html: await response.text(),
    }
  }
}

async function shop(t: {
  testdir(files: Record<string, string>): string
  teardown(end: () => unknown): void
}): Promise<Visitor> {
  const config = {
    app: SHOP,
    listen: { port: 0, servedBy: true },
    webServers: { threads: 2, heapMb: 128, hangTimeout: '1s' },
    admin: { port: 0 },
  }
  const cwd = t.testdir({ 'troupe.json': JSON.stringify(config) })
  const { url } = await serve(t, ['--config', 'troupe.json'], { cwd })
  const visitor = new Visitor(url)
  await visitor.get('/')
  return visitor
}

t.test('a visitor fills a cart, logs in, checks out and logs out', async t => {
  const visitor = await shop(t)
  t.match(await visitor.post('/cart/add', { id: 'mask' }), { status: 303, location: '/cart' })
  await visitor.post('/cart/add', { id: 'hat' })
  t.equal(await visitor.cart(), 2)
  await visitor.post('/cart/change', { id: 'mask', quantity: '5' })
  await visitor.post('/cart/remove', { id: 'hat' })
  t.equal(await visitor.cart(), 5)
  await visitor.post('/cart/change', { id: 'mask', quantity: '21' })
  t.match((await visitor.get('/cart')).html, /Please choose a quantity from 0 to 20/)
  t.equal(await visitor.cart(), 5)

  const before = visitor.cookie
  t.match((await visitor.get('/checkout')).html, /Your name/, 'only for those who are logged in')
  const login = await visitor.post('/login', { name: '<b>Bea</b>', next: 'https://evil.example/' })
  t.match(login, { status: 303, location: '/' })
  t.not(visitor.cookie, before, 'the login has a new session')
  const home = await visitor.get('/')
  t.match(home.html, '&lt;b&gt;Bea&lt;/b&gt;')
  t.notMatch(home.html, '<b>Bea')
  t.equal(await visitor.cart(), 5, 'the cart came along')

  await visitor.get('/checkout')
  t.match(await visitor.post('/checkout', { address: 'The Globe' }), { status: 303, location: '/order' })
  t.match((await visitor.get('/order')).html, /PR-\d{6}[\s\S]*5 pieces[\s\S]*The Globe/)
  t.equal(await visitor.cart(), 0)
  await visitor.post('/logout')
  t.match((await visitor.get('/')).html, /Log in/)
})

t.test('a form that the shop did not make for this session is refused', async t => {
  const visitor = await shop(t)
  t.equal((await visitor.post('/cart/add', { id: 'mask', token: 'made up' })).status, 403)
  t.equal((await visitor.post('/cluster/crash', { token: '' })).status, 403)
  const stranger = new Visitor(visitor.url)
  t.equal((await stranger.post('/cart/add', { id: 'mask' })).status, 403, 'a stranger has no token')
  t.equal(await visitor.cart(), 0)
})

t.test('unknown pages and products are a 404 of the shop', async t => {
  const visitor = await shop(t)
  for (const path of ['/nothing', '/products/nothing']) {
    t.match(await visitor.get(path), { status: 404, html: /There is nothing at this address/ })
  }
  t.equal((await visitor.post('/cart/add', { id: 'nothing' })).status, 404)
})

for (const fault of ['crash', 'hang', 'exhaust']) {
  t.test(`the cart survives "${fault}", and the page says who answers now`, async t => {
    const visitor = await shop(t)
    await visitor.post('/cart/add', { id: 'mask' })
    await visitor.get('/cluster')
    const { status, location, servedBy } = await visitor.post(`/cluster/${fault}`)
    t.equal(status, 303)
    let page = await visitor.get(location ?? '')
    while (page.html.includes('http-equiv="refresh"')) page = await visitor.get(location ?? '')
    t.equal(page.status, 200)
    t.match(page.html, `The ${servedBy} that you broke is gone, and`)
    t.match(page.html, 'Pieces in your cart: 1, as before.')
  })
}

t.test('the cart survives the loss of either session server, one after the other', async t => {
  const visitor = await shop(t)
  await visitor.post('/cart/add', { id: 'mask' })
  for (const name of ['a', 'b']) {
    await settled(visitor)
    await visitor.post('/cluster/kill', { actor: name })
    t.match((await visitor.get('/cluster')).html, `${name} was killed.`)
    t.equal(await visitor.cart(), 1)
  }
  t.match(await visitor.post('/cluster/kill', { actor: '../status' }), { status: 303 })
  t.match((await visitor.get('/cluster')).html, /could not be killed/)
})

/** Waits until every session has all its copies. */
async function settled(visitor: Visitor): Promise<void> {
  for (;;) {
    const { html } = await visitor.get('/cluster')
    if (/Under-copied<\/dt>\s*<dd>0</.test(html)) return
  }
}
