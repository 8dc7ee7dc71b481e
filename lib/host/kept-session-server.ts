/** Keeps one session server of this host open: again, with back-off, when its store can't be opened or fails. */
import { setTimeout as wait } from 'node:timers/promises'
import type { Logger } from 'pino'
import { logRestart } from '../director/actors/log-end.js'
import { RestartDelay } from '../director/actors/restart-delay.js'
import type { ActorName } from '../replication/ids.js'
import { openSessionServer } from '../session-server/actor.js'
import type { SessionServer } from '../session-server/session-server.js'
import type { SessionServerStart } from '../transport/actor-control.js'

/** One session server through all its openings. */
export class KeptSessionServer {
  readonly #start: SessionServerStart
  readonly #servers: Map<string, SessionServer>
  readonly #log: Logger
  readonly #stopping = new AbortController()
  readonly #keeping: Promise<void>

  /** @param servers where it is found by its name for as long as it is open */
  constructor(start: SessionServerStart, servers: Map<string, SessionServer>, log: Logger) {
    this.#start = start
    this.#servers = servers
    this.#log = log
    this.#keeping = this.#keep()
  }

  get name(): ActorName {
    return this.#start.name
  }

  /** Closes it, and opens it no more. */
  async stop(): Promise<void> {
    this.#stopping.abort()
    await this.#keeping
  }

  async #keep(): Promise<void> {
    const delay = new RestartDelay()
    let restarts = 0
    while (!this.#stopping.signal.aborted) {
      const openedAt = performance.now()
      const error = await this.#openOnce()
      if (error === null) return
      this.#log.error({ err: error, actor: this.name }, 'lost')
      const waitMs = delay.onEnd(performance.now() - openedAt)
      logRestart(this.#log, this.name, waitMs, ++restarts)
      await this.#pause(waitMs)
    }
  }

  /** @returns why it is open no more; null when it was to be stopped */
  async #openOnce(): Promise<unknown> {
    try {
      const server = await openSessionServer(this.#start)
      this.#servers.set(this.name, server)
      this.#log.info({ actor: this.name, store: this.#start.backend.kind }, 'session server started')
      const error = await Promise.race([server.failed, this.#stopped()])
      this.#servers.delete(this.name)
      await server.close()
      return error
    } catch (error) {
      return error
    }
  }

  #stopped(): Promise<null> {
    const { signal } = this.#stopping
    if (signal.aborted) return Promise.resolve(null)
    return new Promise(resolve => signal.addEventListener('abort', () => resolve(null), { once: true }))
  }

  async #pause(ms: number): Promise<void> {
    const { signal } = this.#stopping
    try {
      await wait(ms, undefined, { signal })
    } catch (error) {
      if (!signal.aborted) throw error
    }
  }
}
