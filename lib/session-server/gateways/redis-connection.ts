/** Commands to a Redis: each is answered, retried while that is safe, or ends the connection with one error for all. */
import { setTimeout as wait } from 'node:timers/promises'
import type { TroupeError } from '../../errors.js'
import type { RedisClients } from './redis-clients.js'
import { connectRedis, placesOf, type RedisAddress } from './redis-connect.js'
import { RedisTimeoutError, redisErrorOf, replyCodeOf } from './redis-errors.js'
import type { RedisScript } from './redis-scripts.js'

/** Looks at the commands under way within one timeout. They are counted, not timed: see {@link RedisConnection}. */
const LOOKS_PER_TIMEOUT = 20
/** Looks between two probes: a Redis that nobody needs at the moment is watched, too. */
const LOOKS_PER_PROBE = 5
/** Time until a command that Redis could not run at that moment is sent again, ms. */
const RETRY_MS = 20

/**
 * Refusals that pass, and that come before anything was done: in a cluster the keys of a partition are just being moved
 * to another member, or Redis is busy with somebody's script.
 */
const PASSING: ReadonlySet<string | null> = new Set(['TRYAGAIN', 'BUSY'])

interface UnderWay {
  readonly since: number
  /** What Redis answered last, when it asked for patience. */
  refusal: unknown
}

/**
 * One connection from beginning to end. It ends with the first error that is not passing, and when an answer takes
 * longer than `timeoutMs`, by the count of looks: if this thread stood still itself, Redis is not to blame.
 */
export class RedisConnection {
  /** Settles with why the connection ended, unless it was closed. */
  readonly failed: Promise<TroupeError>
  readonly #where: string
  readonly #timeoutMs: number
  #clients: RedisClients | null = null
  #fail: (why: TroupeError) => void = () => {}
  /** Oldest first. */
  readonly #underWay = new Set<UnderWay>()
  #looks = 0
  #timer: NodeJS.Timeout | undefined = undefined
  #error: TroupeError | null = null

  private constructor({ urls, timeoutMs }: RedisAddress) {
    this.#where = placesOf(urls)
    this.#timeoutMs = timeoutMs
    this.failed = new Promise(resolve => {
      this.#fail = resolve
    })
  }

  /** @throws (as a rejection) one of redis-errors.ts */
  static async open(address: RedisAddress): Promise<RedisConnection> {
    const connection = new RedisConnection(address)
    connection.#clients = await connectRedis(address, why => void connection.end(why))
    connection.#timer = setInterval(() => connection.#look(), address.timeoutMs / LOOKS_PER_TIMEOUT).unref()
    return connection
  }

  /**
   * Sends a command. Those sent in one go are answered in order, unless a cluster moves their keys meanwhile.
   * @throws (as a rejection) why the connection has ended
   */
  send(key: string, command: readonly string[]): Promise<unknown> {
    return this.#send(key, command, command)
  }

  /** Runs a script on keys of one partition. @throws as {@link send} */
  run(script: RedisScript, keys: readonly string[], args: readonly string[]): Promise<unknown> {
    const rest = [String(keys.length), ...keys, ...args]
    return this.#send(keys[0] ?? '', ['EVALSHA', script.sha1, ...rest], ['EVAL', script.text, ...rest])
  }

  /** Ends it, unless it has ended. @returns the error that it ended with: the first counts */
  end(why: unknown): TroupeError {
    if (this.#error !== null) return this.#error
    this.#error = redisErrorOf(this.#where, why)
    this.#fail(this.#error)
    this.#release()
    return this.#error
  }

  /** Closes it; `failed` does not settle any more. Idempotent. */
  close(): void {
    this.#fail = () => {}
    this.#release()
  }

  /** @param whenUnknown the command to send when Redis has forgotten the script */
  async #send(key: string, command: readonly string[], whenUnknown: readonly string[]): Promise<unknown> {
    const underWay: UnderWay = { since: this.#looks, refusal: null }
    this.#underWay.add(underWay)
    try {
      return await this.#sendUntilDone(key, command, whenUnknown, underWay)
    } catch (error) {
      throw this.end(error)
    } finally {
      this.#underWay.delete(underWay)
    }
  }

  async #sendUntilDone(
    key: string,
    command: readonly string[],
    whenUnknown: readonly string[],
    underWay: UnderWay,
  ): Promise<unknown> {
    let next = command
    while (true) {
      if (this.#error !== null) throw this.#error
      try {
        return await this.#clients?.send(key, next)
      } catch (error) {
        const code = replyCodeOf(error)
        if (code === 'NOSCRIPT' && next !== whenUnknown) {
          next = whenUnknown
        } else {
          if (!PASSING.has(code)) throw error
          underWay.refusal = error
          await wait(RETRY_MS)
        }
      }
    }
  }

  #look(): void {
    this.#looks++
    const [oldest] = this.#underWay
    if (oldest !== undefined && this.#looks - oldest.since >= LOOKS_PER_TIMEOUT) {
      void this.end(oldest.refusal ?? new RedisTimeoutError(this.#where, this.#timeoutMs))
    } else if (this.#looks % LOOKS_PER_PROBE === 0) {
      void this.#probe()
    }
  }

  async #probe(): Promise<void> {
    const underWay: UnderWay = { since: this.#looks, refusal: null }
    this.#underWay.add(underWay)
    try {
      await this.#clients?.probe()
    } catch (error) {
      if (!PASSING.has(replyCodeOf(error))) void this.end(error)
    } finally {
      this.#underWay.delete(underWay)
    }
  }

  #release(): void {
    clearInterval(this.#timer)
    this.#clients?.destroy()
  }
}
