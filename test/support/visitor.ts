/** A browser as far as sessions go: keeps its cookies, follows nothing by itself. */
import { Agent, request } from 'undici'

/** An answer to a visitor. */
export interface Answer {
  readonly status: number
  readonly headers: Record<string, string | string[] | undefined>
  readonly text: string
  /** The web server that answered, when the cluster tells. */
  readonly servedBy: string | undefined
}

/** One visitor with its own connection and cookies. */
export class Visitor {
  readonly #url: string
  readonly #agent = new Agent({ connections: 4, pipelining: 1, bodyTimeout: 60_000, headersTimeout: 60_000 })
  readonly cookies = new Map<string, string>()

  constructor(url: string) {
    this.#url = url
  }

  get(path: string): Promise<Answer> {
    return this.send('GET', path)
  }

  post(path: string, body = ''): Promise<Answer> {
    return this.send('POST', path, body)
  }

  async send(method: 'GET' | 'POST' | 'PUT', path: string, body?: string): Promise<Answer> {
    const cookie = [...this.cookies].map(([name, value]) => `${name}=${value}`).join('; ')
    const response = await request(`${this.#url}${path}`, {
      method,
      dispatcher: this.#agent,
      headers: cookie === '' ? {} : { cookie },
      ...(body === undefined ? {} : { body }),
    })
    const { statusCode: status, headers } = response
    this.#keepCookies(headers['set-cookie'])
    const text = await response.body.text()
    return { status, headers, text, servedBy: headers['x-served-by']?.toString() }
  }

  /** Another visitor with the same cookies, as a second tab. */
  tab(): Visitor {
    const tab = new Visitor(this.#url)
    for (const [name, value] of this.cookies) tab.cookies.set(name, value)
    return tab
  }

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
