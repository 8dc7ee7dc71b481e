/**
 * What express-session documents of `req.session`, as cases that run against any app with sessions that serves
 * test/support/apps/session-calls: under express-session itself, under Troupe, or with a store of Troupe's. What
 * Troupe does differently is told with its reason, and asserted.
 */
import { setTimeout as wait } from 'node:timers/promises'
import { sign } from 'cookie-signature'
import { until } from './until.js'
import type { Answer, Visitor } from './visitor.js'

/** Options that cases need, beside the name and the secret. */
export const NAME = 'connect.sid'
export const SECRET = 'the secret of the session contract'
export const OLD_SECRET = 'the secret before that one'

/** `usual` is name, secret, `resave: false`, `saveUninitialized: false`; `other` is what {@link OTHER} says. */
export type Options = 'usual' | 'other'

/** As express-session's options and, in Troupe's configuration, below `session`. */
export const OTHER = {
  rolling: true,
  unset: 'destroy',
  secret: [SECRET, OLD_SECRET] as string[],
  cookie: { path: '/in', httpOnly: false, sameSite: 'strict', maxAge: 3_600_000 },
} as const

/** An app with sessions that serves session-calls. */
export interface AppWithSessions {
  /** Somebody without cookies. */
  visit(): Visitor
}

/** One documented behaviour. */
export interface Behaviour {
  /** A sentence that holds under express-session. */
  readonly name: string
  readonly options: Options
  /** @returns what was seen, without anything that differs from run to run */
  run(app: AppWithSessions): Promise<unknown>
  /** What is seen under express-session. */
  readonly expected: unknown
  /** What is seen of Troupe's own `req.session` when that differs, and why it does. */
  readonly troupe?: { readonly expected: unknown; readonly why: string }
}

/** In the order of docs/express-session.md. */
export const behaviours: readonly Behaviour[] = [
  {
    name: 'what is assigned to req.session is there at the next request',
    options: 'usual',
    run: async app => {
      const visitor = app.visit()
      return [await tell(visitor, '/count'), await tell(visitor, '/count'), await tell(app.visit(), '/read')]
    },
    expected: [1, 2, null],
  },
  {
    name: 'changes inside nested objects are kept',
    options: 'usual',
    run: async app => {
      const visitor = app.visit()
      return [await tell(visitor, '/add?item=a'), await tell(visitor, '/add?item=b')]
    },
    expected: [{ items: ['a'] }, { items: ['a', 'b'] }],
  },
  {
    name: 'a deleted member is gone',
    options: 'usual',
    run: async app => {
      const visitor = app.visit()
      await visitor.get('/count')
      return [await tell(visitor, '/forget'), await tell(visitor, '/read')]
    },
    expected: [true, null],
  },
  {
    name: 'values become what JSON makes of them',
    options: 'usual',
    run: async app => {
      const visitor = app.visit()
      await visitor.get('/values')
      const values = []
      for (const key of ['date', 'gone', 'list']) values.push(await tell(visitor, `/value?key=${key}`))
      return values
    },
    expected: ['1970-01-01T00:00:00.000Z', null, [1, null]],
  },
  {
    name: 'a value that JSON cannot hold is dropped, and the rest is kept',
    options: 'usual',
    run: async app => {
      const visitor = app.visit()
      await visitor.get('/count')
      const { status } = await visitor.get('/function')
      return [status, await tell(visitor, '/read')]
    },
    expected: [200, 7],
    troupe: {
      expected: [500, 1],
      why: 'nothing is lost in silence: SESSION_NOT_SERIALIZABLE names the place',
    },
  },
  {
    name: 'a session lists its cookie and its data; its methods are there, but not listed',
    options: 'usual',
    run: async app => {
      const visitor = app.visit()
      await visitor.get('/count')
      return tell(visitor, '/shape')
    },
    expected: {
      keys: ['cookie', 'count'],
      listed: ['cookie', 'count'],
      spread: ['cookie', 'count'],
      json: ['cookie', 'count'],
      hasMethods: true,
    },
  },
  {
    name: 'req.session.id is req.sessionID and cannot be changed',
    options: 'usual',
    run: app => tell(app.visit(), '/ids'),
    expected: { alike: true, refused: true, unchanged: true },
  },
  {
    name: 'a visitor of whom nothing is stored gets no cookie (saveUninitialized: false)',
    options: 'usual',
    run: async app => {
      const visitor = app.visit()
      return [cookieOf(await visitor.get('/read')), cookieOf(await visitor.get('/nothing'))]
    },
    expected: [null, null],
  },
  {
    name: 'a cookie without maxAge is set once, when its session is made',
    options: 'usual',
    run: async app => {
      const visitor = app.visit()
      const answers = [await visitor.get('/count'), await visitor.get('/count'), await visitor.get('/read')]
      return answers.map(answer => cookieOf(answer) !== null)
    },
    expected: [true, false, false],
  },
  {
    name: 'by default a cookie has Path=/ and HttpOnly',
    options: 'usual',
    run: async app => cookieOf(await app.visit().get('/count')),
    expected: ['HttpOnly', 'Path=/'],
    troupe: {
      expected: ['HttpOnly', 'Path=/', 'SameSite=Lax'],
      why: 'session.cookie.sameSite is "lax" by default; null leaves it out',
    },
  },
  {
    name: 'what is first stored after the head of the response has gone gets no cookie',
    options: 'usual',
    run: async app => {
      const visitor = app.visit()
      return [cookieOf(await visitor.get('/late')), await tell(visitor, '/read')]
    },
    expected: [null, null],
  },
  {
    name: 'a Secure cookie is set over https only',
    options: 'usual',
    run: async app => cookieOf(await app.visit().get('/secure'))?.includes('Secure') ?? null,
    expected: null,
    troupe: {
      expected: true,
      why: 'https may end at a proxy in front; browsers drop it where it is useless',
    },
  },
  {
    name: 'a cookie with a wrong signature, or of an unknown session, gets a new session with a new id',
    options: 'usual',
    run: async app => {
      const visitor = app.visit()
      await visitor.get('/count')
      const id = await tell(visitor, '/id')
      const seen = []
      for (const value of [`s:${id}.wrong`, `s:${sign('made up', SECRET)}`, String(id)]) {
        const stranger = app.visit()
        stranger.cookies.set(NAME, encodeURIComponent(value))
        const found = await tell(stranger, '/count')
        const after = await tell(stranger, '/id')
        seen.push([found, after === id || after === 'made up'])
      }
      return seen
    },
    expected: [
      [1, false],
      [1, false],
      [1, false],
    ],
  },
  {
    name: 'save() stores the session before the response and calls back',
    options: 'usual',
    run: async app => {
      const visitor = app.visit()
      return [await tell(visitor, '/save'), await tell(visitor, '/read')]
    },
    expected: ['saved', 5],
  },
  {
    name: 'save() without a callback stores the session and returns nothing',
    options: 'usual',
    run: async app => {
      const visitor = app.visit()
      const returned = await tell(visitor, '/save-without-callback')
      // Nobody has waited for it: with a store that is elsewhere it may take a moment.
      await until(async () => (await tell(visitor, '/read')) !== null)
      return [returned, await tell(visitor, '/read')]
    },
    expected: ['undefined', 5],
    troupe: { expected: ['a promise', 5], why: 'without a callback every method returns a promise' },
  },
  {
    name: 'reload() drops what was not saved',
    options: 'usual',
    run: async app => {
      const visitor = app.visit()
      await visitor.get('/count')
      return [await tell(visitor, '/reload'), await tell(visitor, '/read')]
    },
    expected: [{ failed: false, count: 1 }, 1],
  },
  {
    name: 'reload() of a session that was never stored fails',
    options: 'usual',
    run: app => tell(app.visit(), '/reload'),
    expected: { failed: true, count: 99 },
    troupe: {
      expected: { failed: false, count: null },
      why: 'its stored state is that of an empty session',
    },
  },
  {
    name: 'regenerate() makes an empty session with a new id, and ends the old one',
    options: 'usual',
    run: async app => {
      const visitor = app.visit()
      await visitor.get('/count')
      const old = visitor.tab()
      const answer = await visitor.get('/regenerate?user=ada')
      const hasCookie = cookieOf(answer) !== null
      const now = [await tell(visitor, '/whoami'), await tell(visitor, '/read')]
      return [JSON.parse(answer.text), hasCookie, now, await tell(old, '/read')]
    },
    expected: [{ kept: [], isNew: true, newId: true, alike: true }, true, ['ada', null], null],
  },
  {
    name: 'destroy() takes req.session away and ends the session; req.sessionID stays',
    options: 'usual',
    run: async app => {
      const visitor = app.visit()
      await visitor.get('/count')
      const old = visitor.tab()
      return [await tell(visitor, '/destroy'), await tell(visitor, '/read'), await tell(old, '/read')]
    },
    expected: [{ session: 'undefined', id: 'string' }, null, null],
  },
  {
    name: 'destroy() leaves the cookie in the browser',
    options: 'usual',
    run: async app => {
      const visitor = app.visit()
      await visitor.get('/count')
      await visitor.get('/destroy')
      return visitor.cookies.size
    },
    expected: 1,
    troupe: { expected: 0, why: 'the cookie of an ended session is worth nothing, so it is cleared' },
  },
  {
    name: 'touch() and resetMaxAge() begin the lifetime of the cookie again and return the session',
    options: 'usual',
    run: async app => [await tell(app.visit(), '/touch'), await tell(app.visit(), '/touch?reset')],
    expected: [
      { returned: true, began: true },
      { returned: true, began: true },
    ],
  },
  {
    name: 'cookie.maxAge tells what is left of the lifetime',
    options: 'usual',
    run: async app => {
      const visitor = app.visit()
      await visitor.get('/lifetime?ms=60000')
      await wait(30)
      const { maxAge, originalMaxAge, kinds } = (await tell(visitor, '/left')) as Left
      return [Number(maxAge) <= 59_970, Number(maxAge) > 30_000, originalMaxAge, kinds]
    },
    expected: [true, true, 60_000, ['Date', 'Date']],
  },
  {
    name: 'a cookie of the browser session has maxAge, originalMaxAge and expires null',
    options: 'usual',
    run: app => tell(app.visit(), '/left'),
    expected: {
      maxAge: null,
      originalMaxAge: null,
      kinds: [null, null],
      data: [
        'domain',
        'expires',
        'httpOnly',
        'originalMaxAge',
        'partitioned',
        'path',
        'priority',
        'sameSite',
        'secure',
      ],
    },
  },
  {
    name: 'cookie.maxAge and cookie.expires set the lifetime of this cookie, for good',
    options: 'usual',
    run: async app => {
      const seen = []
      for (const path of ['/lifetime?ms=60000', '/expires?ms=60000']) {
        const visitor = app.visit()
        const first = await visitor.get(path)
        const { originalMaxAge } = (await tell(visitor, '/left')) as Left
        const again = await visitor.get('/count')
        const age = Math.round(Number(originalMaxAge) / 1000)
        seen.push([cookieOf(first)?.includes('Expires'), age, cookieOf(again)?.includes('Expires')])
      }
      return seen
    },
    expected: [
      [true, 60, true],
      [true, 60, true],
    ],
  },
  {
    name: 'cookie.expires = false makes a cookie of the browser session again',
    options: 'usual',
    run: async app => {
      const visitor = app.visit()
      await visitor.get('/lifetime?ms=60000')
      return cookieOf(await visitor.get('/expires-false'))?.includes('Expires')
    },
    expected: false,
  },
  {
    name: 'a changed cookie is sent only when data changed as well',
    options: 'usual',
    run: async app => {
      const visitor = app.visit()
      await visitor.get('/count')
      return cookieOf(await visitor.get('/lifetime-alone?ms=60000'))?.includes('Expires') ?? null
    },
    expected: null,
    troupe: { expected: true, why: 'who changes the cookie means the browser to have it' },
  },
  {
    name: 'a session ends when the maxAge of its cookie has passed without use',
    options: 'usual',
    run: async app => {
      const visitor = app.visit()
      await visitor.get('/lifetime?ms=300')
      await wait(400)
      return tell(visitor, '/read')
    },
    expected: null,
  },
  {
    name: 'mere use keeps a session alive',
    options: 'usual',
    run: async app => {
      const visitor = app.visit()
      await visitor.get('/lifetime?ms=2000')
      for (let use = 0; use < 5; use++) {
        await wait(450)
        await visitor.get('/read')
      }
      return tell(visitor, '/read')
    },
    expected: 1,
  },
  {
    name: 'mere use does not renew its cookie (rolling: false)',
    options: 'usual',
    run: async app => {
      const visitor = app.visit()
      await visitor.get('/lifetime?ms=2000')
      await wait(250)
      return cookieOf(await visitor.get('/read'))?.includes('Expires') ?? null
    },
    expected: null,
    troupe: {
      expected: true,
      why: 'whenever the end of a session moves so does that of its cookie, so neither outlives the other',
    },
  },
  {
    name: 'the attributes of a cookie can be set for one session, and stay with it',
    options: 'usual',
    run: async app => {
      const visitor = app.visit()
      const first = cookieOf(await visitor.get('/attributes'))
      const { domain, path, priority } = (await tell(visitor, '/attribute')) as Record<string, unknown>
      return [first, domain, path, priority]
    },
    expected: [
      ['Domain=example.com', 'Partitioned', 'Path=/x', 'Priority=High', 'SameSite=Strict'],
      'example.com',
      '/x',
      'high',
    ],
  },
  {
    name: 'cookie.serialize() makes a Set-Cookie line',
    options: 'usual',
    run: async app => String(await tell(app.visit(), '/serialize')).replace('; SameSite=Lax', ''),
    expected: 'name=a%20value; Path=/; HttpOnly',
  },
  {
    name: 'req.session = null leaves what is stored, and drops what the request changed (unset: "keep")',
    options: 'usual',
    run: async app => {
      const [visitor, newcomer] = [app.visit(), app.visit()]
      await visitor.get('/count')
      const answer = await visitor.get('/unset')
      const first = await newcomer.get('/unset')
      return [answer.text, cookieOf(answer), await tell(visitor, '/read'), cookieOf(first)]
    },
    expected: ['"none"', null, 1, null],
  },
  {
    name: 'delete req.session does the same as req.session = null',
    options: 'usual',
    run: async app => {
      const visitor = app.visit()
      await visitor.get('/count')
      return [await tell(visitor, '/delete'), await tell(visitor, '/read')]
    },
    expected: ['undefined', 1],
    troupe: {
      expected: ['object', 99],
      why: 'req.session is not a property of each request but an accessor of all; assign null instead',
    },
  },
  {
    name: 'req.sessionStore is the store, and session.req the request',
    options: 'usual',
    run: app => tell(app.visit(), '/internals'),
    expected: { store: 'object', req: 'object' },
    troupe: {
      expected: { store: 'undefined', req: 'undefined' },
      why: 'there is no store between an app and its session',
    },
  },
  {
    name: 'the cookie has the attributes of the options',
    options: 'other',
    run: async app => cookieOf(await app.visit().get('/in/count')),
    expected: ['Expires', 'Path=/in', 'SameSite=Strict'],
  },
  {
    name: 'with rolling every response of a session sets its cookie, and none without one',
    options: 'other',
    run: async app => {
      const visitor = app.visit()
      const before = cookieOf(await visitor.get('/in/read'))
      await visitor.get('/in/count')
      const answers = [await visitor.get('/in/read'), await visitor.get('/in/nothing')]
      return [before, ...answers.map(answer => cookieOf(answer)?.includes('Expires'))]
    },
    expected: [null, true, true],
  },
  {
    name: 'req.session = null ends the session (unset: "destroy")',
    options: 'other',
    run: async app => {
      const visitor = app.visit()
      await visitor.get('/in/count')
      const old = visitor.tab()
      await visitor.get('/in/unset')
      return tell(old, '/in/read')
    },
    expected: null,
  },
  {
    name: 'of several secrets the first signs and all verify',
    options: 'other',
    run: async app => {
      const visitor = app.visit()
      await visitor.get('/in/count')
      const id = String(await tell(visitor, '/in/id'))
      const signed = decodeURIComponent(visitor.cookies.get(NAME) ?? '')
      const before = app.visit()
      before.cookies.set(NAME, encodeURIComponent(`s:${sign(id, OLD_SECRET)}`))
      return [signed === `s:${sign(id, SECRET)}`, await tell(before, '/in/count')]
    },
    expected: [true, 2],
  },
  {
    name: 'outside of cookie.path there is no session',
    options: 'other',
    run: async app => {
      const visitor = app.visit()
      await visitor.get('/in/count')
      return tell(visitor, '/read')
    },
    expected: 'no session',
    troupe: { expected: 1, why: 'which requests bring the cookie is left to the browser' },
  },
]

interface Left {
  readonly maxAge: unknown
  readonly originalMaxAge: unknown
  readonly kinds: readonly unknown[]
}

async function tell(visitor: Visitor, path: string): Promise<unknown> {
  return JSON.parse((await visitor.get(path)).text)
}

/** @returns the attributes of the one session cookie that was set, sorted, dates left out; null when none was */
export function cookieOf({ headers }: Answer): string[] | null {
  const [line] = [headers['set-cookie'] ?? []].flat().filter(each => each.startsWith(`${NAME}=`))
  if (line === undefined) return null
  const [, ...attributes] = line.split('; ')
  return attributes.map(attribute => attribute.replace(/^Expires=.+/, 'Expires')).sort()
}
