/** A browser as far as sessions go: keeps its cookies, follows nothing by itself. */
import type { Test } from 'tap'
import { Agent, type Dispatcher, request } from 'undici'
import { until } from './until.js'

/** An answer to a visitor. */
export interface Answer {
  readonly status: number
  readonly headers: Record<string, string | string[] | undefined>
  readonly text: string
  /** The web server that answered, when the cluster tells. */
  readonly servedBy: string | undefined
}

/** Methods that visitors use. */
export type Method = 'GET' | 'HEAD' | 'POST' | 'PUT' | 'DELETE'

/** One visitor with its cookies, and connections of its own unless it is given some. */
export class Visitor {
  readonly #url: string
  readonly #agent: Dispatcher
  readonly cookies = new Map<string, string>()

  constructor(url: string, agent: Dispatcher = newAgent(64)) {
    this.#url = url
    this.#agent = agent
  }

  get(path: string): Promise<Answer> {
    return this.send('GET', path)
  }

  post(path: string, body = ''): Promise<Answer> {
    return this.send('POST', path, body)
  }

  /** Posts a form as a page does. */
  form(path: string, fields: Record<string, string>): Promise<Answer> {
    const body = String(new URLSearchParams(fields))
    return this.send('POST', path, body, { 'content-type': 'application/x-www-form-urlencoded' })
  }

  /** Resolves when the head of the answer is here. */
  async head(path: string): Promise<void> {
    const { headers, body } = await this.#request('GET', path)
    this.#keepCookies(headers['set-cookie'])
    body.on('error', () => {}).resume()
  }

  async send(method: Method, path: string, body?: string, headers?: Record<string, string>): Promise<Answer> {
    const response = await this.#request(method, path, body, headers)
    const { statusCode: status, headers: answered } = response
    this.#keepCookies(answered['set-cookie'])
    const text = await response.body.text()
    return { status, headers: answered, text, servedBy: answered['x-served-by']?.toString() }
  }

  #request(method: Method, path: string, body?: string, headers?: Record<string, string>) {
    const cookie = this.cookieHeader
    return request(`${this.#url}${path}`, {
      method,
      dispatcher: this.#agent,
      headers: cookie === '' ? { ...headers } : { ...headers, cookie },
      ...(body === undefined ? {} : { body }),
    })
  }

  /** What this visitor sends as its Cookie header. */
  get cookieHeader(): string {
    return [...this.cookies].map(([name, value]) => `${name}=${value}`).join('; ')
  }

  /** Another visitor with the same cookies, as a second tab; it keeps its own from then on. */
  tab(): Visitor {
    const tab = new Visitor(this.#url, this.#agent)
    for (const [name, value] of this.cookies) tab.cookies.set(name, value)
    return tab
  }

  /** Closes the connections of this visitor and its tabs. */
  async leave(): Promise<void> {
    await this.#agent.destroy()
  }

  #keepCookies(setCookie: string | string[] | undefined): void {
    for (const line of [setCookie ?? []].flat()) {
      const [pair = '', ...attributes] = line.split(';')
      const name = pair.slice(0, pair.indexOf('='))
      const expired = attributes.some(attribute => /^\s*expires=Thu, 01 Jan 1970/i.test(attribute))
      if (expired) this.cookies.delete(name)
      else this.cookies.set(name, pair.slice(pair.indexOf('=') + 1))
    }
  }
}

/** A visitor that leaves when the test ends. */
export function visit(t: Test, url: string): Visitor {
  const visitor = new Visitor(url)
  t.teardown(() => visitor.leave())
  return visitor
}

/**
 * Sends a request that stops at a gate of the counter app, and waits until it is there.
 * @returns its answer to come, in an object since a promise would be waited for
 */
export async function stopAtGate(
  visitor: Visitor,
  path: string,
  gate: string,
  method: Method = 'GET',
): Promise<{ readonly answer: Promise<Answer> }> {
  const before = await waitingAt(visitor, gate)
  const answer = visitor.send(method, `${path}${path.includes('?') ? '&' : '?'}gate=${gate}`)
  // Whoever awaits it learns of its failure; it may fail long before that.
  answer.catch(() => {})
  const keyholder = visitor.tab()
  await until(async () => (await waitingAt(keyholder, gate)) > before)
  return { answer }
}

/** Lets everybody go on who waits at a gate of the web server that hosts the visitor's session. */
export async function openGate(visitor: Visitor, gate: string): Promise<void> {
  await visitor.tab().get(`/open?gate=${gate}`)
}

/** Waits until so many stand at a gate of the web server that hosts the visitor's session. */
export async function gathered(visitor: Visitor, gate: string, count = 1): Promise<void> {
  await until(async () => (await waitingAt(visitor, gate)) >= count)
}

async function waitingAt(visitor: Visitor, gate: string): Promise<number> {
  return Number((await visitor.get(`/waiting?gate=${gate}`)).text)
}

/** Many visitors that share connections and leave when the test ends. */
export class Crowd {
  readonly visitors: readonly Visitor[]

  /** @param connections more than one visitor at a time need */
  constructor(t: Test, url: string, count: number, connections = 32) {
    const agent = newAgent(connections)
    t.teardown(() => agent.destroy())
    this.visitors = Array.from({ length: count }, () => new Visitor(url, agent))
  }

  /** Everybody asks for this at once. @returns the different answers, `200 2`, sorted: one when all got the same */
  get(path: string): Promise<string[]> {
    return this.send('GET', path)
  }

  /** As {@link get}; what cannot be repeated shows every failure. */
  post(path: string): Promise<string[]> {
    return this.send('POST', path)
  }

  async send(method: Method, path: string): Promise<string[]> {
    const answers = await Promise.all(this.visitors.map(visitor => visitor.send(method, path)))
    return [...new Set(answers.map(({ status, text }) => `${status} ${text}`))].sort()
  }
}

function newAgent(connections: number): Agent {
  return new Agent({ connections, pipelining: 1, bodyTimeout: 60_000, headersTimeout: 60_000 })
}
