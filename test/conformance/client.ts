/** The two clients of the comparison: undici for what browsers and APIs do, a raw socket for the protocol. */
import { createHash } from 'node:crypto'
import { Agent, type Dispatcher, type FormData, request } from 'undici'
import { RawClient } from '../support/http-client.js'
import { until } from '../support/until.js'

/** Longest wait for a note, ms: a note that never comes is a difference to be listed. */
const NOTES_MS_MAX = 4000

/** One of the two servers under comparison. */
export class Target {
  readonly #agent = new Agent({ connections: 32, pipelining: 1 })

  constructor(readonly port: number) {}

  get url(): string {
    return `http://127.0.0.1:${this.port}`
  }

  /** One request and its whole answer. */
  async ask(path: string, options: AskOptions = {}): Promise<Answer> {
    const { method = 'GET', headers, body = null } = options
    const response = await request(`${this.url}${path}`, {
      dispatcher: this.#agent,
      method,
      body,
      responseHeaders: 'raw',
      ...(headers === undefined ? {} : { headers }),
    })
    const bytes = Buffer.from(await response.body.arrayBuffer())
    return {
      status: response.statusCode,
      // With `raw` undici gives names and values in turn, in spite of its types.
      headers: this.#headerLines(response.headers as unknown as string[]),
      body: this.#readable(bytes),
      trailers: { ...response.trailers },
    }
  }

  /** Posts a form. */
  form(path: string, fields: Record<string, string>, headers: Record<string, string> = {}): Promise<Answer> {
    const type = { 'content-type': 'application/x-www-form-urlencoded' }
    const body = String(new URLSearchParams(fields))
    return this.ask(path, { method: 'POST', body, headers: { ...type, ...headers } })
  }

  /** The answer to an upload. */
  upload(path: string, form: FormData): Promise<Answer> {
    return this.ask(path, { method: 'POST', body: form })
  }

  /** A connection of its own. */
  connect(...pieces: (string | Buffer)[]): RawClient {
    const client = new RawClient(this.port)
    for (const piece of pieces) client.send(piece)
    return client
  }

  /** Everything that comes back on a connection of its own, until the server ends it. */
  async raw(...pieces: (string | Buffer)[]): Promise<string> {
    return this.masked(await this.connect(...pieces).untilClosed())
  }

  /** Waits for the app's last note under a key, but not for ever. @returns all of them */
  async journal(key: string, last: string): Promise<readonly string[]> {
    let notes: readonly string[] = []
    const deadline = performance.now() + NOTES_MS_MAX
    await until(async () => {
      notes = await this.notes(key)
      return notes.includes(last) || performance.now() > deadline
    })
    return notes
  }

  async notes(key: string): Promise<readonly string[]> {
    const { body } = await request(`${this.url}/raw/journal?key=${key}`, { dispatcher: this.#agent })
    return (await body.json()) as string[]
  }

  /** What differs between any two servers and moments: ports and dates. */
  masked(text: string): string {
    return text
      .replaceAll(`:${this.port}`, ':<port>')
      .replaceAll(`"localPort":${this.port}`, '"localPort":<port>')
      .replaceAll(`"port":${this.port}`, '"port":<port>')
      .replace(/^(date): .*?(?=\r?$)/gim, '$1: <date>')
      .replace(/(expires)=(?!Thu, 01 Jan 1970)[^;\r\n]+/gi, '$1=<date>')
  }

  async close(): Promise<void> {
    await this.#agent.destroy()
  }

  #headerLines(raw: readonly string[]): string[] {
    const lines: string[] = []
    for (let at = 0; at < raw.length; at += 2) lines.push(this.masked(`${raw[at]}: ${raw[at + 1]}`))
    return lines
  }

  /** Short text as it is, everything else by size and digest. */
  #readable(bytes: Buffer): string {
    const text = bytes.toString('utf8')
    if (bytes.length <= 4000 && Buffer.from(text).equals(bytes)) return this.masked(text)
    return `${bytes.length} bytes, sha1 ${createHash('sha1').update(bytes).digest('hex')}`
  }
}

export interface AskOptions {
  readonly method?: Dispatcher.HttpMethod
  readonly headers?: Record<string, string | string[]>
  readonly body?: string | Buffer | FormData | null
}

/** An answer as it is compared. */
export interface Answer {
  readonly status: number
  /** `Name: value` as received, in order, case and all; dates masked. */
  readonly headers: readonly string[]
  readonly body: string
  readonly trailers: Readonly<Record<string, string>>
}

/** @returns the values of all headers of that name */
export function valuesOf({ headers }: Answer, name: string): string[] {
  const prefix = `${name.toLowerCase()}: `
  return headers.filter(line => line.toLowerCase().startsWith(prefix)).map(line => line.slice(prefix.length))
}

let keys = 0

/** @returns a key for notes and messages that no other request has */
export function newKey(): string {
  return `key-${++keys}`
}
