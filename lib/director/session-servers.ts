/**
 * The session servers of a configuration, each kept alive on a thread of its own. What follows for partitions is
 * `ownership.ts`.
 */
import type { Logger } from 'pino'
import type { Config, SessionServerConfig } from '../config/schema.js'
import type { ActorName } from '../replication/ids.js'
import type { ClusterTls, SessionServerControl } from '../transport/actor-control.js'
import type { ActorStage } from './actors/actor-stage.js'
import { backendOf } from './actors/backend.js'
import { logEnd, logRestart } from './actors/log-end.js'
import { startSessionServers } from './actors/session-servers-start.js'
import { STOP_MS, Supervisor } from './actors/supervisor.js'
import type { Observations } from './observations.js'
import type { Ownership } from './ownership.js'

/** What session servers need of whoever runs them. */
export interface SessionServersOptions {
  readonly config: Config
  readonly log: Logger
  /** Certificates towards other hosts, or null. */
  readonly tls: ClusterTls | null
  readonly stage: ActorStage
  readonly ownership: Ownership
  /** Who is told of what happens to them. */
  readonly observations?: Observations
  /** One that can't be started is tried again, since its far side may not be there yet; default true. */
  readonly isPatient?: boolean
}

export class SessionServers {
  readonly #options: SessionServersOptions
  readonly #stopping = new AbortController()
  readonly #supervisors = new Map<ActorName, Supervisor<SessionServerControl>>()

  constructor(options: SessionServersOptions) {
    this.#options = options
  }

  get supervisors(): ReadonlyMap<ActorName, Supervisor<SessionServerControl>> {
    return this.#supervisors
  }

  /**
   * Resolves when all run or, with patience, as `startSessionServers` says.
   * @throws without patience, why one did not start
   */
  async start(): Promise<void> {
    const { config, log, isPatient = true } = this.#options
    for (const server of config.sessionServers) this.#supervise(server, isPatient)
    if (isPatient) {
      const { signal } = this.#stopping
      await startSessionServers(this.#supervisors, config.startTimeoutMs, log, signal)
    } else await Promise.all([...this.#supervisors.values()].map(supervisor => supervisor.start()))
  }

  /** A start that waits ends with an AbortError. */
  async stop(): Promise<void> {
    this.#stopping.abort()
    await Promise.all([...this.#supervisors.values()].map(supervisor => supervisor.stop()))
  }

  #supervise(server: SessionServerConfig, isPatient: boolean): void {
    const { config, log, tls, stage, ownership, observations } = this.#options
    const { name, store } = server
    const actorName = name as ActorName
    const backend = backendOf(server, config, tls)
    const supervisor = new Supervisor<SessionServerControl>({
      spawn: () => stage.spawn({ role: 'session-server', name }),
      onUp: async actor => {
        const fences = await actor.control.start({ name: actorName, backend })
        ownership.onSessionServerUp(actor, fences)
        log.info({ actor: name, store: store.kind, on: server.on }, 'session server started')
        observations?.actorStarted(name, 'session-server')
      },
      onDown: end => {
        logEnd(log, name, end)
        observations?.actorEnded(name, 'session-server', end)
        ownership.onSessionServerLost(actorName)
      },
      onRestart: (waitMs, restarts) => logRestart(log, name, waitMs, restarts),
      hangTimeoutMs: config.webServers.hangTimeoutMs,
      stopTimeoutMs: STOP_MS,
      isPatient,
    })
    this.#supervisors.set(actorName, supervisor)
  }
}
