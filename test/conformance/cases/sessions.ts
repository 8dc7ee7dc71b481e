/** Sessions: Troupe's under Troupe, the framework's usual ones under bare node:http; cookies compared by shape. */
import { SESSION_COOKIE } from '../apps/place.js'
import type { Answer, Target } from '../client.js'
import { valuesOf } from '../client.js'
import { type Case, casesOf } from './case.js'

/** A browser as far as one session goes. */
class Browser {
  /** The session cookie's value. */
  cookie = ''

  constructor(readonly target: Target) {}

  async get(path: string): Promise<unknown> {
    return this.#keep(await this.target.ask(path, { headers: this.#headers }))
  }

  async post(path: string, fields: Record<string, string> = {}): Promise<unknown> {
    return this.#keep(await this.target.form(path, fields, this.#headers))
  }

  get #headers(): Record<string, string> {
    return this.cookie === '' ? {} : { cookie: this.cookie }
  }

  #keep(answer: Answer): unknown {
    const set = valuesOf(answer, 'set-cookie').filter(line => line.startsWith(SESSION_COOKIE))
    const pairs = set.map(line => line.split(';')[0] ?? '').filter(pair => !pair.endsWith('='))
    if (pairs.length > 0) this.cookie = pairs.join('; ')
    return shapeOf(answer)
  }
}

/** The answer with its session cookie reduced to its shape; headers in alphabetical order, since a cookie's place differs. */
function shapeOf({ status, headers, body }: Answer): unknown {
  const lines = headers.flatMap(line => {
    const match = /^set-cookie: ([^=]+)=([^;]*)(.*)$/i.exec(line)
    if (match === null) return [line]
    const [, name = '', value, attributes = ''] = match
    if (!name.startsWith(SESSION_COOKIE)) return [line]
    // koa-session signs with a second cookie.
    if (name.endsWith('.sig')) return []
    const sorted = attributes.toLowerCase().split(/;\s*/).filter(Boolean).sort().join('; ')
    return [`set-cookie: session ${value === '' ? 'cleared' : `set; ${sorted}`}`]
  })
  return { status, headers: lines.sort(), body }
}

const ADA = { username: 'ada', password: 'secret of ada' }

/** A visit: counted, a failed and a right login, logged out; with what became of the ids on the way. */
const visit =
  (base: string, counts: boolean): Case['ask'] =>
  async target => {
    const browser = new Browser(target)
    const seen: Record<string, unknown> = {}
    seen.stranger = await browser.get(`${base}/me`)
    if (counts) {
      seen.first = await browser.get(`${base}/count`)
      seen.second = await browser.get(`${base}/count`)
    }
    const before = browser.cookie
    seen.wrong = await browser.post(`${base}/login`, { ...ADA, password: 'wrong' })
    seen.login = await browser.post(`${base}/login`, ADA)
    const loggedIn = browser.cookie
    seen.newCookie = loggedIn !== '' && loggedIn !== before
    seen.known = await browser.get(`${base}/me`)
    if (counts) {
      seen.countAfterLogin = await browser.get(`${base}/count`)
      const thief = new Browser(target)
      thief.cookie = before
      seen.oldCookie = await thief.get(`${base}/me`)
    }
    seen.logout = await browser.post(`${base}/logout`)
    const old = new Browser(target)
    old.cookie = loggedIn
    seen.after = await old.get(`${base}/me`)
    return seen
  }

export const sessionCases: readonly Case[] = [
  ...casesOf('sessions', {
    'a visit with login and logout': [/"newCookie":true.*"user\\":\\"ada/, visit('/session', true)],
    'a forged cookie': [
      /user\\":null/,
      async target => {
        const browser = new Browser(target)
        browser.cookie = `${SESSION_COOKIE}=s%3Aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa.bbbbbbbbbbbbbbbbbbbbbbbb`
        return browser.get('/session/me')
      },
    ],
  }),
  ...casesOf('passport', {
    'a visit with login and logout': [/"newCookie":true.*"user\\":\\"ada/, visit('/passport', false)],
  }),
  ...casesOf('csrf', {
    'without a token': [/"status":403/, target => target.ask('/csrf', { method: 'POST' })],
    'with the token': [
      /accepted/,
      async target => {
        const visitor = { 'x-visitor': 'ada' }
        const form = await target.ask('/csrf', { headers: visitor })
        const { token } = JSON.parse(form.body) as { token: string }
        const cookie = valuesOf(form, 'set-cookie')[0]?.split(';')[0] ?? ''
        return target.ask('/csrf', {
          method: 'POST',
          headers: { ...visitor, cookie, 'x-csrf-token': token, 'content-type': 'application/json' },
          body: '{}',
        })
      },
    ],
  }),
  ...casesOf('origin', {
    'from elsewhere': [
      /"status":403/,
      target => target.form('/csrf', { a: 'b' }, { origin: 'http://evil.example' }),
    ],
    'from home': [
      /accepted/,
      target => target.form('/csrf', { a: 'b' }, { origin: 'http://trusted.example' }),
    ],
  }),
]
