/** Clients on plain sockets, with requests one behind the other on each: cheap enough not to be what is measured. */
import { connect, type Socket } from 'node:net'

/** One answer. */
export interface Response {
  /** The web server that answered; null when none did. */
  readonly servedBy: string | null
  /** 0 when the connection ended instead. */
  readonly status: number
  /** The session cookie that it sets, `name=value`, or null. */
  readonly cookie: string | null
}

const HEAD_END = '\r\n\r\n'

/** One connection: requests go out at once, answers come in their order. */
export class Visitor {
  readonly #port: number
  readonly #waiting: ((response: Response) => void)[] = []
  #socket: Socket | null = null
  #received = ''

  constructor(port: number) {
    this.#port = port
  }

  /** @param cookie `name=value` of the session; none begins a new one */
  get(cookie: string | null, done: (response: Response) => void): void {
    this.#socket ??= this.#connect()
    this.#waiting.push(done)
    const header = cookie === null ? '' : `Cookie: ${cookie}\r\n`
    this.#socket.write(`GET / HTTP/1.1\r\nHost: bench\r\n${header}\r\n`)
  }

  close(): void {
    this.#socket?.destroy()
  }

  #connect(): Socket {
    const socket = connect({ port: this.#port, host: '127.0.0.1', noDelay: true })
    socket.setEncoding('latin1')
    socket.on('data', (text: string) => this.#onData(text))
    // The end follows it.
    socket.on('error', () => undefined)
    socket.on('close', () => {
      if (this.#socket === socket) this.#socket = null
      this.#received = ''
      for (const done of this.#waiting.splice(0)) done({ status: 0, cookie: null, servedBy: null })
    })
    return socket
  }

  #onData(text: string): void {
    this.#received = this.#received === '' ? text : this.#received + text
    let from = 0
    while (true) {
      const headEnd = this.#received.indexOf(HEAD_END, from)
      if (headEnd === -1) break
      const head = this.#received.slice(from, headEnd)
      const end = headEnd + HEAD_END.length + bodyLengthOf(head)
      if (end > this.#received.length) break
      from = end
      const cookie = /\r\nset-cookie: ([^;\r]+)/i.exec(head)?.[1] ?? null
      const servedBy = /\r\nx-served-by: ([^\r]+)/i.exec(head)?.[1] ?? null
      this.#waiting.shift()?.({ status: Number(head.slice(9, 12)), cookie, servedBy })
    }
    this.#received = this.#received.slice(from)
  }
}

function bodyLengthOf(head: string): number {
  const length = /\r\ncontent-length: (\d+)/i.exec(head)?.[1]
  return length === undefined ? 0 : Number(length)
}

/** A session that was begun. */
export interface Begun {
  /** Its cookie, `name=value`. */
  readonly cookie: string
  /** Its owner. */
  readonly webServer: string
}

/** Connections that begin sessions, and requests on their way on each. */
const CONNECTIONS = 16
const REQUESTS_PER_CONNECTION = 8
/** Time before a request that was refused is made again, ms. */
const RETRY_MS = 200

/**
 * Begins sessions as fast as they come.
 * @param count how many
 * @param keep how many of them to give back, spread over all of them
 * @throws when an answer is not what the app answers
 */
export function beginSessions(port: number, count: number, keep: number): Promise<Begun[]> {
  const every = Math.max(1, Math.floor(count / Math.max(1, keep)))
  const kept: Begun[] = []
  const visitors = Array.from({ length: CONNECTIONS }, () => new Visitor(port))
  let [asked, begun] = [0, 0]
  return new Promise<Begun[]>((resolve, reject) => {
    const begin = (visitor: Visitor): void => {
      visitor.get(null, ({ status, cookie, servedBy }) => {
        // Busy: it says so rather than letting everybody wait.
        if (status === 503) setTimeout(begin, RETRY_MS, visitor)
        else if (status === 204 && cookie !== null) onBegun(visitor, { cookie, webServer: servedBy ?? '' })
        else reject(new Error(`a new session was answered with ${status}, expected 204 and a cookie`))
      })
    }
    const next = (visitor: Visitor): void => {
      if (asked === count) return
      asked++
      begin(visitor)
    }
    const onBegun = (visitor: Visitor, session: Begun): void => {
      if (begun % every === 0 && kept.length < keep) kept.push(session)
      begun++
      if (begun === count) resolve(kept)
      else next(visitor)
    }
    for (const visitor of visitors) {
      for (let request = 0; request < REQUESTS_PER_CONNECTION; request++) next(visitor)
    }
  }).finally(() => {
    for (const visitor of visitors) visitor.close()
  })
}
