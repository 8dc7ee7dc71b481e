/**
 * The director: brings all actors up, keeps them alive, and stops them in order. What follows for partitions is
 * `ownership.ts`, what follows for requests is `front.ts`.
 */
import { EventEmitter } from 'node:events'
import type { Logger } from 'pino'
import { machineOf } from '../config/host-part.js'
import type { Config } from '../config/schema.js'
import { type ActorName, ALL_PARTITIONS, type Partition } from '../replication/ids.js'
import { PartitionTable } from '../replication/partition-table.js'
import type { ClusterTls } from '../transport/actor-control.js'
import { SessionRegister, type Sessions } from '../transport/session-call-register.js'
import { type ActorStage, CONTROL_DEADLINE_MS } from './actors/actor-stage.js'
import { Stage, WORKER_FILES } from './actors/stage.js'
import { STOP_MS } from './actors/supervisor.js'
import { type ClusterStatus, UnknownActorError } from './cluster.js'
import type { DrainResult, ReloadResult, ScaleResult } from './command-results.js'
import type { CommandOptions } from './commands.js'
import { publishObserved } from './diagnostics.js'
import { type ClusterEvents, emitObserved, emitSoon } from './events.js'
import { Front } from './front/front.js'
import type { WebServerLink } from './front/router.js'
import type { ActorOutput } from './logs/actor-output.js'
import { observedLog } from './logs/observed-log.js'
import { RequestLog } from './logs/request-log.js'
import type { ClusterMeasures, Observed, PartitionMap } from './measured.js'
import { type MeasureSources, measuresOf, partitionMapOf } from './measures.js'
import { Observations } from './observations.js'
import type { ObservedCluster } from './observed-cluster.js'
import { Operations } from './operations.js'
import { Ownership } from './ownership.js'
import { DirectorSessionCalls } from './session-calls.js'
import { SessionEventRelay } from './session-events.js'
import { SessionServers } from './session-servers.js'
import { statusOf } from './status.js'
import { WebServers } from './web-servers.js'

/** The admin listener as the director sees it. */
export interface AdminListener {
  readonly url: string
  close(): Promise<void>
}

/** What a director is made of. */
export interface DirectorOptions {
  readonly config: Config
  readonly log: Logger
  /** Certificates towards other hosts, or null. */
  readonly tls: ClusterTls | null
  /** Where its actors run; default: each on a thread of its own. */
  readonly stage?: ActorStage
  /** Takes what actors' threads print; without it that is printed as it is. */
  readonly output?: ActorOutput
  /** Reads the configuration anew, for a reload; without it a reload goes on with what there is. */
  readonly reread?: () => Promise<Config>
}

/** What the owner of a session may wait for, one after the other, before it answers a call: a look-up, then copies. */
const ANSWER_ACKS = 2

export class Director implements ObservedCluster {
  readonly #config: Config
  readonly #stage: ActorStage
  readonly #table: PartitionTable
  readonly #observations: Observations
  readonly #ownership: Ownership
  readonly #front: Front
  readonly #webServers: WebServers
  readonly #operations: Operations
  readonly #sessionCalls: DirectorSessionCalls
  readonly sessions: Sessions
  readonly #sessionServers: SessionServers
  readonly #emitter = new EventEmitter()
  readonly #startedAt = performance.now()
  #urls: readonly string[] = []
  #admin: AdminListener | null = null
  #stopping: Promise<void> | null = null

  constructor({ config, log, tls, stage, output, reread }: DirectorOptions) {
    this.#config = config
    // An event loop that stands still is the heartbeat's business: whoever comes back in time still answers.
    const controlDeadlineMs = config.webServers.hangTimeoutMs + CONTROL_DEADLINE_MS
    this.#stage = stage ?? new Stage(WORKER_FILES, controlDeadlineMs, output)
    const machines = new Map<string, string>(
      config.sessionServers.map(server => [server.name, machineOf(config, server)]),
    )
    this.#table = new PartitionTable(
      config.replication.copies,
      config.sessionServers.length,
      ALL_PARTITIONS,
      name => machines.get(name) ?? name,
    )
    this.#observations = new Observations(() => this.#table.underCopied())
    emitObserved(this.#observations, this.#emitter)
    this.#observations.listen(publishObserved)
    this.#observations.listen(observedLog(log))
    const frontEvents = {
      ownerLost: (link: WebServerLink) => {
        this.#front.ownerLost(link)
        this.#sessionCalls.ownerLost(link)
      },
      ownerChanged: (partitions: ReadonlySet<Partition>) => {
        this.#front.ownerChanged(partitions)
        this.#sessionCalls.ownerChanged(partitions)
      },
    }
    this.#ownership = new Ownership(this.#table, log, controlDeadlineMs, frontEvents, this.#observations)
    this.#sessionCalls = new DirectorSessionCalls({
      router: this.#ownership,
      parkTimeoutMs: config.listen.parkTimeoutMs,
      answerTimeoutMs: ANSWER_ACKS * config.replication.ackTimeoutMs + controlDeadlineMs,
    })
    this.sessions = new SessionRegister(this.#sessionCalls, config.session.indexes)
    this.#front = new Front({
      listen: config.listen,
      cookieName: config.session.name,
      router: this.#ownership,
      onError: error => log.error({ err: error }, 'a listening socket failed'),
      requestLog: RequestLog.of(log, config),
      onCertificates: error => {
        if (error === null) log.info('certificates were read again and are in use')
        else log.error({ err: error }, 'new certificates can not be used, the old ones stay in use')
      },
    })
    this.#sessionServers = new SessionServers({
      config,
      log,
      tls,
      stage: this.#stage,
      ownership: this.#ownership,
      observations: this.#observations,
    })
    const sessionEvents = new SessionEventRelay(this.#emitter, log)
    this.#webServers = new WebServers({
      config,
      log,
      stage: this.#stage,
      ownership: this.#ownership,
      observations: this.#observations,
      onReply: reply => this.#front.onReply(reply),
      connectCalls: (link, port) => this.#sessionCalls.connect(link, port),
      sessionEvents,
      onAccepts: event => this.#front.accepts(event),
      endTunnels: link => this.#front.endTunnels(link),
    })
    this.#operations = new Operations({
      ...{ config, log, reread, webServers: this.#webServers, ownership: this.#ownership },
    })
  }

  get url(): string {
    return this.#urls[0] ?? ''
  }

  get urls(): readonly string[] {
    return this.#urls
  }

  get adminUrl(): string | null {
    return this.#admin?.url ?? null
  }

  /**
   * Starts every actor, and then listens.
   * @param admin listens already; it is closed when everything else has stopped
   * @throws AppLoadError, or ListenTlsError, or what node:net says of a listener; everything is stopped then
   */
  async run(admin: AdminListener | null): Promise<void> {
    this.#admin = admin
    try {
      await this.#sessionServers.start()
      await this.#webServers.start(this.adminUrl)
      await this.#ownership.open()
      this.#urls = await this.#front.listen()
      this.#operations.open()
      emitSoon(this.#emitter, 'ready')
    } catch (error) {
      await this.#stopActors()
      throw error
    }
  }

  isReady(): boolean {
    return this.#urls.length > 0 && this.#stopping === null && this.#table.isServing()
  }

  async status(): Promise<ClusterStatus> {
    return statusOf(await this.measures())
  }

  measures(): Promise<ClusterMeasures> {
    return measuresOf(this.#sources())
  }

  partitionMap(): PartitionMap {
    return partitionMapOf(this.#sources())
  }

  observe(listener: (observed: Observed) => void): () => void {
    return this.#observations.listen(listener)
  }

  reloadCertificates(): Promise<void> {
    return this.#front.reloadCertificates()
  }

  reload(options?: CommandOptions): Promise<ReloadResult> {
    return this.#operations.reload(options)
  }

  scale(count: number, options?: CommandOptions): Promise<ScaleResult> {
    return this.#operations.scale(count, options)
  }

  drain(name: string, options?: CommandOptions): Promise<DrainResult> {
    return this.#operations.drain(name, options)
  }

  async kill(name: string): Promise<void> {
    const webServers = this.#webServers.supervisors
    const sessionServers = this.#sessionServers.supervisors
    const supervisor = webServers.get(name as ActorName) ?? sessionServers.get(name as ActorName)
    if (supervisor === undefined) {
      throw new UnknownActorError(name, [...webServers.keys(), ...sessionServers.keys()])
    }
    supervisor.kill('an operator asked for it')
  }

  on<Name extends keyof ClusterEvents>(name: Name, listener: (...args: ClusterEvents[Name]) => void): this {
    this.#emitter.on(name, listener)
    return this
  }

  once<Name extends keyof ClusterEvents>(name: Name, listener: (...args: ClusterEvents[Name]) => void): this {
    this.#emitter.once(name, listener)
    return this
  }

  off<Name extends keyof ClusterEvents>(name: Name, listener: (...args: ClusterEvents[Name]) => void): this {
    this.#emitter.off(name, listener)
    return this
  }

  stop(): Promise<void> {
    this.#stopping ??= this.#stop()
    return this.#stopping
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop()
  }

  #sources(): MeasureSources {
    return {
      uptimeMs: Math.round(performance.now() - this.#startedAt),
      stopping: this.#stopping !== null,
      front: this.#front,
      table: this.#table,
      observations: this.#observations,
      webServers: this.#webServers.supervisors,
      sessionServers: this.#sessionServers.supervisors,
      sessionServerConfigs: this.#config.sessionServers,
      links: this.#webServers.links,
    }
  }

  async #stop(): Promise<void> {
    const { drainTimeoutMs } = this.#operations.config
    this.#operations.stop()
    this.#webServers.close()
    const deadline = performance.now() + drainTimeoutMs
    this.#webServers.drain()
    await this.#front.stop(drainTimeoutMs)
    this.#ownership.close()
    const leftMs = Math.max(STOP_MS, deadline - performance.now())
    await this.#webServers.flush(leftMs)
    await this.#stopActors()
    emitSoon(this.#emitter, 'stopped')
  }

  async #stopActors(): Promise<void> {
    this.#ownership.close()
    this.#operations.stop()
    await this.#webServers.stop()
    await this.#operations.ended()
    await this.#sessionServers.stop()
    this.#sessionCalls.close()
    await this.#stage.destroy()
    await this.#admin?.close()
  }
}
