/**
 * A line of the log for each request, when `log.requests` asks for it. The front writes it, since it alone knows how long
 * a client waited, and of requests that reached no web server. Never with cookies, other headers or bodies.
 */
import { LRUCache } from 'lru-cache'
import type { Logger } from 'pino'
import proxyAddr from 'proxy-addr'
import type { Config } from '../../config/schema.js'
import { type Trust, trustOf } from '../../config/trusted-proxies.js'
import { SESSION_ID_BYTES_MAX } from '../../transport/session-call-rules.js'
import { fingerprintOf } from '../../transport/session-fingerprint.js'
import type { Flight } from '../front/flight.js'
import { sessionIdIn } from '../front/front-cookie.js'

/** Fingerprints of sessions that come again and again: hashing costs a request more than all the rest of its line. */
const FINGERPRINTS_MAX = 10_000
/** Longest target in a line, characters. */
const PATH_CHARS_MAX = 2_048
export class RequestLog {
  readonly #log: Logger
  readonly #cookieName: string
  readonly #withQueries: boolean
  readonly #trusts: Trust | null
  readonly #fingerprints = new LRUCache<string, string>({ max: FINGERPRINTS_MAX })

  private constructor(log: Logger, config: Pick<Config, 'log' | 'listen' | 'session'>) {
    this.#log = log
    this.#cookieName = config.session.name
    this.#withQueries = config.log.queries
    this.#trusts = trustOf(config.listen.trustProxy)
  }

  /** @returns null when requests are not to be logged */
  static of(log: Logger, config: Pick<Config, 'log' | 'listen' | 'session'>): RequestLog | null {
    return config.log.requests ? new RequestLog(log, config) : null
  }

  /** A request or a tunnel is over. */
  ended(flight: Flight): void {
    // The level may change while it runs.
    if (!this.#log.isLevelEnabled('info')) return
    const { req, link, kind, status, bytes, begun, responseEnded, startedAt } = flight
    const line: Record<string, unknown> = {
      actor: link?.name ?? null,
      method: req.method,
      path: this.#pathOf(req.url ?? ''),
      status: status === 0 ? null : status,
      durationMs: Math.round((performance.now() - startedAt) * 10) / 10,
      bytes,
      client: this.#clientOf(flight),
      session: this.#sessionOf(req.headers.cookie),
    }
    if (begun && !responseEnded) line.end = 'cut'
    else if (status === 0) line.end = 'aborted'
    this.#log.info(line, kind)
  }

  #pathOf(url: string): string {
    const query = this.#withQueries ? -1 : url.indexOf('?')
    return url.slice(0, query < 0 ? PATH_CHARS_MAX : Math.min(query, PATH_CHARS_MAX))
  }

  /** The first machine, from here on, that is not a trusted proxy; null when its connection was gone before it was asked. */
  #clientOf({ req }: Flight): string | null {
    const peer = req.socket.remoteAddress ?? null
    if (this.#trusts === null) return peer
    return proxyAddr(req, this.#trusts) ?? peer
  }

  #sessionOf(cookie: string | undefined): string | null {
    const id = sessionIdIn(cookie, this.#cookieName)
    if (id === null) return null
    const known = this.#fingerprints.get(id)
    if (known !== undefined) return known
    const fingerprint = fingerprintOf(id)
    // A copy of the id, which would otherwise keep the whole Cookie header; and none of what is no id, however long it is.
    if (id.length <= SESSION_ID_BYTES_MAX) this.#fingerprints.set(Buffer.from(id).toString(), fingerprint)
    return fingerprint
  }
}
