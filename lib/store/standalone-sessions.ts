/**
 * One process that owns all partitions, without a front and without web servers: the director's ownership and session
 * servers, with the sessions of one web server on the same thread in place of web servers. Replication, resync and
 * fencing are those of a cluster. Whoever starts last with the same session servers wins: unlike a director, an owner
 * that is refused does not claim its partitions again.
 */
import { setTimeout as wait } from 'node:timers/promises'
import { destination, type Logger, pino } from 'pino'
import { readClusterTls } from '../config/cluster-tls.js'
import { machineOf } from '../config/host-part.js'
import { loadConfig } from '../config/load.js'
import type { Config } from '../config/schema.js'
import { validateConfig } from '../config/validate.js'
import type { ActorHandle } from '../director/actors/actor-handle.js'
import { CONTROL_DEADLINE_MS, Stage, WORKER_FILES } from '../director/actors/stage.js'
import type { WebServerLink } from '../director/front/router.js'
import { Ownership } from '../director/ownership.js'
import { SessionServers } from '../director/session-servers.js'
import { type ActorName, ALL_PARTITIONS } from '../replication/ids.js'
import { PartitionTable } from '../replication/partition-table.js'
import type { ClusterTls, WebServerControl } from '../transport/actor-control.js'
import type { Control } from '../transport/control.js'
import { createHeartbeat } from '../transport/heartbeat.js'
import { assertSessionCall } from '../transport/session-call-rules.js'
import type { SessionCall, SessionCallAnswers, SessionCalls } from '../transport/session-calls.js'
import { Replicas } from '../web-server/replicas.js'
import { SessionCache } from '../web-server/sessions/session-cache.js'
import { SessionHost } from '../web-server/sessions/session-host.js'
import { StoreClosedError, StoreNotReadyError, StoreTakenOverError } from './errors.js'
import type { OwnSessions, OwnSessionsOptions } from './session-access.js'

/** What session servers know this owner as. */
const NAME = 'store' as ActorName
/** Time between two sweeps of the cache for expired sessions, ms. */
const SWEEP_INTERVAL_MS = 1_000
/** Time between two looks whether everything is copied, ms. */
const FLUSH_POLL_MS = 2
const STDERR = 2

/** See `openOwnSessions`. */
export async function openStandaloneSessions(options: OwnSessionsOptions): Promise<OwnSessions> {
  const { mustStart = false, log = pino({ level: 'warn' }, destination({ dest: STDERR, sync: true })) } =
    options
  const config = await configOf(options)
  return new StandaloneSessions(config, await readClusterTls(config.cluster), log, mustStart)
}

class StandaloneSessions implements OwnSessions, SessionCalls {
  readonly calls = this
  readonly ttlMs: number
  readonly #config: Config
  readonly #log: Logger
  readonly #cache: SessionCache
  readonly #replicas: Replicas
  readonly #host: SessionHost
  readonly #sweeps: NodeJS.Timeout
  readonly #stage: Stage
  readonly #ownership: Ownership
  readonly #sessionServers: SessionServers
  readonly #opened: Promise<void>
  #isOpen = false
  #isTakenOver = false
  #closing: Promise<void> | null = null

  constructor(config: Config, tls: ClusterTls | null, log: Logger, mustStart: boolean) {
    const { session, replication, cache } = config
    this.ttlMs = session.ttlMs
    this.#config = config
    this.#log = log
    this.#cache = new SessionCache({ maxBytes: cache.maxBytes })
    this.#replicas = new Replicas(replication, this.#cache, {
      settled: settled => this.#ownership.onSettled(NAME, [settled]),
      fenced: () => this.#takenOver(),
    })
    this.#host = new SessionHost({
      config: session,
      cache: this.#cache,
      owner: this.#replicas,
      report: error => log.error({ err: error }, 'a session could not be saved'),
    })
    this.#sweeps = setInterval(() => this.#host.sweep(), SWEEP_INTERVAL_MS).unref()
    const controlDeadlineMs = config.webServers.hangTimeoutMs + CONTROL_DEADLINE_MS
    this.#stage = new Stage(WORKER_FILES, controlDeadlineMs)
    this.#ownership = new Ownership(tableOf(config), log, controlDeadlineMs, NO_FRONT)
    this.#sessionServers = new SessionServers({
      ...{ config, log, tls, stage: this.#stage, ownership: this.#ownership },
      isPatient: !mustStart,
    })
    this.#opened = this.#open()
    // Whoever calls is told.
    this.#opened.catch(() => {})
  }

  async ready(): Promise<void> {
    await this.#opened
    this.#assertUsable()
  }

  async call<C extends SessionCall>(call: C): Promise<SessionCallAnswers[C['op']]> {
    this.#assertUsable()
    assertSessionCall(call)
    if (!this.#isOpen) await this.#openedInTime()
    try {
      // The boundary: what the owner answers to a call of the app is what the call asks for.
      return (await this.#host.calls.carryOut(call)) as SessionCallAnswers[C['op']]
    } catch (error) {
      this.#assertUsable()
      throw error
    }
  }

  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  async #open(): Promise<void> {
    try {
      await this.#sessionServers.start()
      this.#ownership.onWebServerUp({ name: NAME, link: NO_LINK, actor: this.#asActor() })
      await this.#ownership.open()
      this.#isOpen = true
    } catch (error) {
      await this.close()
      throw error
    }
  }

  /** As long as a change may wait for its copies: a request should not hang on a session server that is away. */
  async #openedInTime(): Promise<void> {
    const { ackTimeoutMs } = this.#config.replication
    const abort = new AbortController()
    const late = wait(ackTimeoutMs, undefined, { signal: abort.signal }).then(
      () => {
        throw new StoreNotReadyError(ackTimeoutMs)
      },
      () => {},
    )
    await Promise.race([this.#opened, late]).finally(() => abort.abort())
    this.#assertUsable()
  }

  #assertUsable(): void {
    if (this.#isTakenOver) throw new StoreTakenOverError()
    if (this.#closing !== null && this.#isOpen) throw new StoreClosedError()
  }

  /** A session server knows of a later owner. */
  #takenOver(): void {
    if (this.#isTakenOver) return
    this.#isTakenOver = true
    this.#ownership.close()
    this.#log.error({ err: new StoreTakenOverError() }, 'the session servers have another owner')
  }

  async #close(): Promise<void> {
    const deadline = performance.now() + this.#config.drainTimeoutMs
    while (!this.#replicas.isFlushed && !this.#isTakenOver && performance.now() < deadline) {
      await wait(FLUSH_POLL_MS)
    }
    if (!this.#replicas.isFlushed) this.#log.error('closed with changes that were not copied')
    this.#ownership.close()
    clearInterval(this.#sweeps)
    this.#replicas.close()
    await this.#sessionServers.stop()
    await this.#stage.destroy()
  }

  /** What ownership asks of a web server, on this thread. */
  #asActor(): ActorHandle<WebServerControl> {
    const replicas = this.#replicas
    const asked: Pick<Control<WebServerControl>, 'connect' | 'disconnect' | 'assign'> = {
      connect: async (replica, port) => replicas.connect(replica, port),
      disconnect: async replica => replicas.disconnect(replica),
      assign: async assignments => replicas.assign(assignments),
    }
    return {
      name: NAME,
      // The others are for handovers and for the end of a thread: there is neither.
      control: asked as Control<WebServerControl>,
      heartbeat: createHeartbeat(),
      ended: new Promise(() => {}),
      gone: new Promise(() => {}),
      kill: reason => this.#log.error({ reason }, 'the sessions of this process are in disorder'),
    }
  }
}

function tableOf(config: Config): PartitionTable {
  const { sessionServers, replication } = config
  const machines = new Map<string, string>(sessionServers.map(each => [each.name, machineOf(config, each)]))
  return new PartitionTable(
    replication.copies,
    sessionServers.length,
    ALL_PARTITIONS,
    name => machines.get(name) ?? name,
  )
}

const NO_FRONT = { ownerLost: () => {}, ownerChanged: () => {} }
const NO_LINK: WebServerLink = { name: NAME, inFlight: 0, post: () => {} }

/** The file's, or one with what was given in place of a file. There is no app; the cookie secret is the middleware's. */
async function configOf({
  config: file,
  log: _,
  mustStart: __,
  ...raw
}: OwnSessionsOptions): Promise<Config> {
  if (file !== undefined) return (await loadConfig({ file })).config
  const origin = { source: 'the options of TroupeStore', folder: process.cwd(), env: process.env }
  return validateConfig({ ...raw, app: 'none' }, origin).config
}
