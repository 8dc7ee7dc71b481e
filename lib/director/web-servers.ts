/**
 * The web servers of this host: starts them, keeps them alive, hears what they say, and replaces one whose app failed.
 * What follows for partitions is `ownership.ts`.
 */
import { isIPv6 } from 'node:net'
import { setTimeout as wait } from 'node:timers/promises'
import { MessageChannel, type MessagePort, type ResourceLimits } from 'node:worker_threads'
import type { Logger } from 'pino'
import type { Config } from '../config/schema.js'
import type { ActorName } from '../replication/ids.js'
import type { ListeningAddress, WebServerControl } from '../transport/actor-control.js'
import { BatchedPort } from '../transport/batched-port.js'
import type {
  ExchangeReply,
  FromWebServer,
  ToWebServer,
  TunnelEvent,
} from '../transport/exchange-messages.js'
import { fromWireError } from '../transport/wire-error.js'
import type { ActorHandle } from './actors/actor-handle.js'
import { type ActorStage, CONTROL_DEADLINE_MS } from './actors/actor-stage.js'
import { logEnd } from './actors/log-end.js'
import { STOP_MS, Supervisor } from './actors/supervisor.js'
import { GO_AWAY_MS } from './front/front.js'
import type { WebServerLink } from './front/router.js'
import type { Observations } from './observations.js'
import type { Ownership } from './ownership.js'
import type { SessionEventRelay } from './session-events.js'

/** Longest time for an app to load, ms: some connect to databases first. */
const APP_START_MS = 60_000
/** How long the last requests of a failing web server may take to finish, ms: the one that failed never will. */
const FAILING_GRACE_MS = 1_000
/** Time between two looks whether they have, ms. */
const FAILING_POLL_MS = 20

/**
 * Size of the young generation of a web server with a heap limit, MiB. With V8's default some threads that ran out of
 * heap took the whole process with them (5 of 48 runs on Node 20 and 24); with this none of 48 did.
 */
const YOUNG_GENERATION_MB = 32

/** What web servers need of the director. */
export interface WebServersOptions {
  readonly config: Config
  readonly log: Logger
  readonly stage: ActorStage
  readonly ownership: Ownership
  /** Who is told of what happens to them. */
  readonly observations: Observations
  /** A web server says something about a request. */
  readonly onReply: (reply: ExchangeReply) => void
  /** A web server runs: the way of its session calls. */
  readonly connectCalls: (link: WebServerLink, port: MessagePort) => void
  /** Who hears what happens to sessions. */
  readonly sessionEvents: SessionEventRelay
  /** The app of a web server listens to this event. */
  readonly onAccepts: (event: TunnelEvent) => void
  /** The tunnels of a web server are to be closed. @returns how many there are */
  readonly endTunnels: (link: WebServerLink) => number
}

export class WebServers {
  readonly #config: Config
  readonly #log: Logger
  readonly #stage: ActorStage
  readonly #ownership: Ownership
  readonly #options: WebServersOptions
  readonly #supervisors = new Map<ActorName, Supervisor<WebServerControl>>()
  readonly #links = new Map<ActorName, WebServerLink>()
  readonly #failing = new Set<ActorName>()
  #adminUrl: string | null = null

  constructor(options: WebServersOptions) {
    const { config, log, stage, ownership } = options
    this.#options = options
    this.#config = config
    this.#log = log
    this.#stage = stage
    this.#ownership = ownership
  }

  get supervisors(): ReadonlyMap<ActorName, Supervisor<WebServerControl>> {
    return this.#supervisors
  }

  /** The front's way to each web server that runs. */
  get links(): ReadonlyMap<ActorName, WebServerLink> {
    return this.#links
  }

  /**
   * Starts as many as are configured.
   * @param adminUrl what the app is told of the admin listener
   * @throws AppLoadError, or why else a first start failed
   */
  async start(adminUrl: string | null): Promise<void> {
    this.#adminUrl = adminUrl
    for (let index = 1; index <= this.#config.webServers.threads; index++) {
      this.#supervise(`web-${index}` as ActorName)
    }
    await Promise.all([...this.#supervisors.values()].map(supervisor => supervisor.start()))
  }

  /** Tells every app that its web server is about to be stopped. */
  drain(): void {
    for (const link of this.#links.values()) link.post({ type: 'draining' })
  }

  /** Waits until every change is copied; what is not in time is logged. */
  async flush(withinMs: number): Promise<void> {
    await Promise.all([...this.#supervisors.values()].map(supervisor => this.#flush(supervisor, withinMs)))
  }

  async stop(): Promise<void> {
    await Promise.all([...this.#supervisors.values()].map(supervisor => supervisor.stop()))
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

  #supervise(name: ActorName): void {
    const { heapMb, hangTimeoutMs } = this.#config.webServers
    const resourceLimits = heapMb === null ? {} : { resourceLimits: heapLimits(heapMb) }
    const supervisor = new Supervisor<WebServerControl>({
      spawn: () => this.#stage.spawn({ role: 'web-server', name, ...resourceLimits }),
      onUp: actor => this.#onUp(name, actor),
      onDown: end => {
        logEnd(this.#log, name, end)
        this.#options.observations.actorEnded(name, 'web-server', end)
        this.#failing.delete(name)
        this.#links.delete(name)
        this.#options.sessionEvents.onWebServerLost(name)
        this.#ownership.onWebServerLost(name)
      },
      hangTimeoutMs,
      stopTimeoutMs: STOP_MS,
    })
    this.#supervisors.set(name, supervisor)
  }

  async #onUp(name: ActorName, actor: ActorHandle<WebServerControl>): Promise<void> {
    const { app, session, replication, cache, listen } = this.#config
    const { port1, port2 } = new MessageChannel()
    const calls = new MessageChannel()
    const port = new BatchedPort<FromWebServer, ToWebServer>(port1)
    // Not `gone`: what a thread sent before it died must not arrive after its takeover has begun.
    void actor.ended.then(() => {
      port.onmessage = null
      port.close()
    })
    port.onmessage = message => this.#onMessage(name, actor, message)
    // The app's own deadline first: its error says more.
    await actor.control.within(APP_START_MS + CONTROL_DEADLINE_MS).start({
      name,
      exchanges: port2,
      sessionCalls: calls.port2,
      app,
      listening: listeningAddressOf(listen),
      appStartMs: APP_START_MS,
      session,
      acks: replication.acks,
      ackTimeoutMs: replication.ackTimeoutMs,
      cacheMaxBytes: cache.maxBytes,
      outboxMaxBytes: replication.outboxMaxBytes,
      servedBy: listen.servedBy,
      trustProxy: listen.trustProxy,
      keepAliveTimeoutMs: listen.keepAliveTimeoutMs,
      adminUrl: this.#adminUrl,
    })
    const link: WebServerLink = {
      name,
      inFlight: 0,
      post: (message, transfer) => port.post(message, transfer),
    }
    await this.#options.sessionEvents.onWebServerUp(name, actor.control)
    this.#links.set(name, link)
    this.#options.connectCalls(link, calls.port1)
    this.#ownership.onWebServerUp({ name, link, actor })
    this.#options.observations.actorStarted(name, 'web-server')
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
      case 'sessionEvent':
        this.#options.sessionEvents.onEvent(name, message.event)
        break
      case 'accepts':
        this.#options.onAccepts(message.event)
        break
      default:
        this.#options.onReply(message)
    }
  }

  /** An app in which an error went uncaught is in an unknown state: it finishes what it can and is replaced. */
  async #replaceFailing(name: ActorName, actor: ActorHandle<WebServerControl>): Promise<void> {
    const supervisor = this.#supervisors.get(name)
    if (supervisor === undefined || supervisor.actor !== actor || this.#failing.has(name)) return
    this.#failing.add(name)
    supervisor.drain()
    const link = this.#links.get(name)
    link?.post({ type: 'draining' })
    await this.#ownership.drain(name)
    await this.#finished(link, FAILING_GRACE_MS)
    if (link !== undefined && this.#options.endTunnels(link) > 0) await this.#finished(link, GO_AWAY_MS)
    if (supervisor.actor === actor) await supervisor.replace()
  }

  /** Waits until a web server has nothing in flight, or the time is over. */
  async #finished(link: WebServerLink | undefined, withinMs: number): Promise<void> {
    const deadline = performance.now() + withinMs
    while ((link?.inFlight ?? 0) > 0 && performance.now() < deadline) await wait(FAILING_POLL_MS)
  }
}

function heapLimits(heapMb: number): ResourceLimits {
  return { maxOldGenerationSizeMb: heapMb, maxYoungGenerationSizeMb: YOUNG_GENERATION_MB }
}

/** @returns what an app that listens is told: where the first listener is */
function listeningAddressOf({ listeners }: Config['listen']): ListeningAddress {
  const at = listeners[0]?.at
  if (at?.kind !== 'tcp') return at?.path ?? ''
  return { address: at.host, family: isIPv6(at.host) ? 'IPv6' : 'IPv4', port: at.port }
}
