/**
 * The director: brings all actors up, keeps them alive, and stops them in order. What follows for partitions is
 * `ownership.ts`, what follows for requests is `front.ts`.
 */
import { setTimeout as wait } from 'node:timers/promises'
import { MessageChannel, type ResourceLimits } from 'node:worker_threads'
import type { Logger } from 'pino'
import { machineOf } from '../config/host-part.js'
import type { Config, SessionServerConfig } from '../config/schema.js'
import { type ActorName, ALL_PARTITIONS } from '../replication/ids.js'
import { PartitionTable } from '../replication/partition-table.js'
import type { ClusterTls, SessionServerControl, WebServerControl } from '../transport/actor-control.js'
import { BatchedPort } from '../transport/batched-port.js'
import type { FromWebServer, ToWebServer } from '../transport/exchange-messages.js'
import { fromWireError } from '../transport/wire-error.js'
import { type ActorEnd, type ActorHandle, errorOfEnd } from './actors/actor-handle.js'
import { backendOf } from './actors/backend.js'
import { startSessionServers } from './actors/session-servers-start.js'
import { CONTROL_DEADLINE_MS, Stage, WORKER_FILES } from './actors/stage.js'
import { Supervisor } from './actors/supervisor.js'
import { type Cluster, type ClusterStatus, UnknownActorError } from './cluster.js'
import { Front } from './front/front.js'
import type { WebServerLink } from './front/router.js'
import { Ownership } from './ownership.js'
import { statusOf } from './status.js'

/** Longest time for an app to load, ms: some connect to databases first. */
const APP_START_MS = 60_000
/** Longest wait for an actor to stop when asked, ms. */
const STOP_MS = 5_000
/** How long the last requests of a failing web server may take to finish, ms: the one that failed never will. */
const FAILING_GRACE_MS = 1_000
/** Time between two looks whether they have, ms. */
const FAILING_POLL_MS = 20

/**
 * Size of the young generation of a web server with a heap limit, MiB. With V8's default some threads that ran out of
 * heap took the whole process with them (5 of 48 runs on Node 20 and 24); with this none of 48 did.
 */
const YOUNG_GENERATION_MB = 32

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
}

export class Director implements Cluster {
  readonly #config: Config
  readonly #log: Logger
  readonly #tls: ClusterTls | null
  readonly #stage: Stage
  readonly #table: PartitionTable
  readonly #ownership: Ownership
  readonly #front: Front
  readonly #webServers = new Map<ActorName, Supervisor<WebServerControl>>()
  readonly #sessionServers = new Map<ActorName, Supervisor<SessionServerControl>>()
  readonly #links = new Map<ActorName, WebServerLink>()
  readonly #failing = new Set<ActorName>()
  readonly #startedAt = performance.now()
  #url = ''
  #admin: AdminListener | null = null
  #stopping: Promise<void> | null = null

  constructor({ config, log, tls }: DirectorOptions) {
    this.#config = config
    this.#tls = tls
    this.#log = log
    // An event loop that stands still is the heartbeat's business: whoever comes back in time still answers.
    const controlDeadlineMs = config.webServers.hangTimeoutMs + CONTROL_DEADLINE_MS
    this.#stage = new Stage(WORKER_FILES, controlDeadlineMs)
    const machines = new Map<string, string>(
      config.sessionServers.map(server => [server.name, machineOf(config, server)]),
    )
    this.#table = new PartitionTable(
      config.replication.copies,
      config.sessionServers.length,
      ALL_PARTITIONS,
      name => machines.get(name) ?? name,
    )
    this.#ownership = new Ownership(this.#table, log, controlDeadlineMs, {
      ownerLost: link => this.#front.ownerLost(link),
      ownerChanged: partitions => this.#front.ownerChanged(partitions),
    })
    this.#front = new Front({
      listen: config.listen,
      cookieName: config.session.name,
      router: this.#ownership,
      onError: error => log.error({ err: error }, 'the listening socket failed'),
    })
  }

  get url(): string {
    return this.#url
  }

  get adminUrl(): string | null {
    return this.#admin?.url ?? null
  }

  /**
   * Starts every actor, and then listens.
   * @param admin listens already; it is closed when everything else has stopped
   * @throws AppLoadError, or what node:net says of the listener; everything is stopped then
   */
  async run(admin: AdminListener | null): Promise<void> {
    this.#admin = admin
    try {
      for (const server of this.#config.sessionServers) this.#superviseSessionServer(server)
      await startSessionServers(this.#sessionServers, this.#config.startTimeoutMs, this.#log)
      for (let index = 1; index <= this.#config.webServers.threads; index++) {
        this.#superviseWebServer(`web-${index}` as ActorName)
      }
      await Promise.all([...this.#webServers.values()].map(supervisor => supervisor.start()))
      await this.#ownership.open()
      const { address, family, port } = await this.#front.listen()
      this.#url = `http://${family === 'IPv6' ? `[${address}]` : address}:${port}`
    } catch (error) {
      await this.#stopActors()
      throw error
    }
  }

  isReady(): boolean {
    return this.#url !== '' && this.#stopping === null && this.#table.isServing()
  }

  status(): Promise<ClusterStatus> {
    return statusOf({
      uptimeMs: Math.round(performance.now() - this.#startedAt),
      stopping: this.#stopping !== null,
      front: this.#front,
      table: this.#table,
      webServers: this.#webServers,
      sessionServers: this.#sessionServers,
      sessionServerConfigs: this.#config.sessionServers,
      links: this.#links,
    })
  }

  async kill(name: string): Promise<void> {
    const supervisor = this.#webServers.get(name as ActorName) ?? this.#sessionServers.get(name as ActorName)
    if (supervisor === undefined) {
      throw new UnknownActorError(name, [...this.#webServers.keys(), ...this.#sessionServers.keys()])
    }
    supervisor.kill('an operator asked for it')
  }

  stop(): Promise<void> {
    this.#stopping ??= this.#stop()
    return this.#stopping
  }

  async #stop(): Promise<void> {
    const { drainTimeoutMs } = this.#config
    const deadline = performance.now() + drainTimeoutMs
    await this.#front.stop(drainTimeoutMs)
    this.#ownership.close()
    const leftMs = Math.max(STOP_MS, deadline - performance.now())
    await Promise.all([...this.#webServers.values()].map(supervisor => this.#flush(supervisor, leftMs)))
    await this.#stopActors()
  }

  async #flush({ actor, state }: Supervisor<WebServerControl>, withinMs: number): Promise<void> {
    // One that is only starting has changed nothing.
    if (actor === null || state === 'starting') return
    try {
      const flushed = await actor.control.within(withinMs + STOP_MS).flush(withinMs)
      if (!flushed) this.#log.error({ actor: actor.name }, 'stopped with changes that were not copied')
    } catch (error) {
      this.#log.error({ err: error, actor: actor.name }, 'could not flush its outboxes')
    }
  }

  async #stopActors(): Promise<void> {
    this.#ownership.close()
    await Promise.all([...this.#webServers.values()].map(supervisor => supervisor.stop()))
    await Promise.all([...this.#sessionServers.values()].map(supervisor => supervisor.stop()))
    await this.#stage.destroy()
    await this.#admin?.close()
  }

  #superviseSessionServer(server: SessionServerConfig): void {
    const { name, store } = server
    const actorName = name as ActorName
    const backend = backendOf(server, this.#config, this.#tls)
    const supervisor = new Supervisor<SessionServerControl>({
      spawn: () => this.#stage.spawn({ role: 'session-server', name }),
      onUp: async actor => {
        const fences = await actor.control.start({ name: actorName, backend })
        this.#ownership.onSessionServerUp(actor, fences)
        this.#log.info({ actor: name, store: store.kind, on: server.on }, 'session server started')
      },
      onDown: end => {
        this.#logEnd(name, end)
        this.#ownership.onSessionServerLost(actorName)
      },
      hangTimeoutMs: this.#config.webServers.hangTimeoutMs,
      stopTimeoutMs: STOP_MS,
      isPatient: true,
    })
    this.#sessionServers.set(actorName, supervisor)
  }

  #superviseWebServer(name: ActorName): void {
    const { heapMb, hangTimeoutMs } = this.#config.webServers
    const resourceLimits = heapMb === null ? {} : { resourceLimits: heapLimits(heapMb) }
    const supervisor = new Supervisor<WebServerControl>({
      spawn: () => this.#stage.spawn({ role: 'web-server', name, ...resourceLimits }),
      onUp: actor => this.#onWebServerUp(name, actor),
      onDown: end => {
        this.#logEnd(name, end)
        this.#failing.delete(name)
        this.#links.delete(name)
        this.#ownership.onWebServerLost(name)
      },
      hangTimeoutMs,
      stopTimeoutMs: STOP_MS,
    })
    this.#webServers.set(name, supervisor)
  }

  async #onWebServerUp(name: ActorName, actor: ActorHandle<WebServerControl>): Promise<void> {
    const { app, session, replication, cache, listen } = this.#config
    const { port1, port2 } = new MessageChannel()
    const port = new BatchedPort<FromWebServer, ToWebServer>(port1)
    // Not `gone`: what a thread sent before it died must not arrive after its takeover has begun.
    void actor.ended.then(() => {
      port.onmessage = null
      port.close()
    })
    port.onmessage = message => this.#onMessage(name, actor, message)
    await actor.control.within(APP_START_MS).start({
      name,
      exchanges: port2,
      app,
      session,
      acks: replication.acks,
      ackTimeoutMs: replication.ackTimeoutMs,
      cacheMaxBytes: cache.maxBytes,
      outboxMaxBytes: replication.outboxMaxBytes,
      servedBy: listen.servedBy,
      keepAliveTimeoutMs: listen.keepAliveTimeoutMs,
      adminUrl: this.adminUrl,
    })
    const link: WebServerLink = {
      name,
      inFlight: 0,
      post: (message, transfer) => port.post(message, transfer),
    }
    this.#links.set(name, link)
    this.#ownership.onWebServerUp({ name, link, actor })
    this.#log.info({ actor: name }, 'web server started')
  }

  #onMessage(name: ActorName, actor: ActorHandle<WebServerControl>, message: FromWebServer): void {
    switch (message.type) {
      case 'settled':
        this.#ownership.onSettled(name, message.settled)
        break
      case 'fenced':
        this.#log.warn(
          { actor: name, ...message.claim },
          'refused by a session server that knows a later epoch',
        )
        this.#ownership.onFenced(name, message.claim)
        break
      case 'reported':
        this.#log.error(
          { err: fromWireError(message.error), actor: name, during: message.during },
          'request failed',
        )
        break
      case 'failing':
        this.#log.error({ err: fromWireError(message.error), actor: name }, 'uncaught error')
        void this.#replaceFailing(name, actor)
        break
      default:
        this.#front.onReply(message)
    }
  }

  /** An app in which an error went uncaught is in an unknown state: it finishes what it can and is replaced. */
  async #replaceFailing(name: ActorName, actor: ActorHandle<WebServerControl>): Promise<void> {
    const supervisor = this.#webServers.get(name)
    if (supervisor === undefined || supervisor.actor !== actor || this.#failing.has(name)) return
    this.#failing.add(name)
    supervisor.drain()
    await this.#ownership.drain(name)
    const deadline = performance.now() + FAILING_GRACE_MS
    while ((this.#links.get(name)?.inFlight ?? 0) > 0 && performance.now() < deadline) {
      await wait(FAILING_POLL_MS)
    }
    if (supervisor.actor === actor) await supervisor.replace()
  }

  #logEnd(name: string, end: ActorEnd): void {
    const error = errorOfEnd(name, end)
    if (error === undefined) this.#log.info({ actor: name }, 'stopped')
    else this.#log.error({ err: error, actor: name, how: end.how }, 'lost')
  }
}

function heapLimits(heapMb: number): ResourceLimits {
  return { maxOldGenerationSizeMb: heapMb, maxYoungGenerationSizeMb: YOUNG_GENERATION_MB }
}
