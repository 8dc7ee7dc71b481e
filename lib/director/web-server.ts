/**
 * One web server through all its restarts: what it is started with, what it says, its replacement when its app has
 * failed, and its way out of service. What follows for partitions is `ownership.ts`.
 */
import { setTimeout as wait } from 'node:timers/promises'
import { MessageChannel, type MessagePort } from 'node:worker_threads'
import type { Logger } from 'pino'
import type { Config } from '../config/schema.js'
import type { ActorName } from '../replication/ids.js'
import type { WebServerControl } from '../transport/actor-control.js'
import { BatchedPort } from '../transport/batched-port.js'
import type {
  ExchangeReply,
  FromWebServer,
  ToWebServer,
  TunnelEvent,
} from '../transport/exchange-messages.js'
import { FRONT_FORMS } from '../transport/exchange-wire.js'
import { fromWireError } from '../transport/wire-error.js'
import { type ActorEnd, type ActorHandle, errorOfEnd } from './actors/actor-handle.js'
import { type ActorStage, CONTROL_DEADLINE_MS } from './actors/actor-stage.js'
import { logEnd, logRestart } from './actors/log-end.js'
import { STOP_MS, StoppedAtStartError, Supervisor } from './actors/supervisor.js'
import { GO_AWAY_MS } from './front/front.js'
import type { WebServerLink } from './front/router.js'
import type { Observations } from './observations.js'
import type { Ownership } from './ownership.js'
import type { SessionEventRelay } from './session-events.js'
import { APP_START_MS, heapLimits, webServerStart } from './web-server-start.js'

/** How long the last requests of a failing web server may take to finish, ms: the one that failed never will. */
const FAILING_GRACE_MS = 1_000
/** How long the last requests of one that ends may take, ms: requests that came after them wait meanwhile. */
const LAST_REQUESTS_MS = 1_000
/** Time between two looks whether requests have finished, ms. */
const FINISHED_POLL_MS = 20
/** Time between two tries to hand over what requests have held on to, ms: doubled each time. */
const EMPTY_RETRY_MS = 50
/** And no longer than this: requests of those partitions wait a moment at each try. */
const EMPTY_RETRY_MAX_MS = 2_000

/** What a web server needs of the director. */
export interface WebServerSurroundings {
  readonly log: Logger
  readonly stage: ActorStage
  readonly ownership: Ownership
  /** Who is told of what happens to it. */
  readonly observations: Observations
  /** It says something about a request. */
  readonly onReply: (reply: ExchangeReply) => void
  /** It runs: the way of its session calls. */
  readonly connectCalls: (link: WebServerLink, port: MessagePort) => void
  /** Who hears what happens to sessions. */
  readonly sessionEvents: SessionEventRelay
  /** Its app listens to this event. */
  readonly onAccepts: (event: TunnelEvent) => void
  /** Its tunnels are to be closed. @returns how many there are */
  readonly endTunnels: (link: WebServerLink) => number
}

/** How it is set up. */
export interface WebServerOptions {
  readonly name: ActorName
  readonly config: Config
  /** It gets no partitions before {@link WebServer.admit}, as long as there are others. */
  readonly aside: boolean
  /** What the app is told of the admin listener. */
  readonly adminUrl: string | null
}

export class WebServer {
  readonly name: ActorName
  readonly supervisor: Supervisor<WebServerControl>
  /** What it is started with, the next time. */
  config: Config
  /** What its present thread was started with. */
  #presentConfig: Config
  readonly #with: WebServerSurroundings
  readonly #adminUrl: string | null
  /** It gets no partitions as long as there are others: it is new, or about to be removed. */
  #aside: boolean
  #link: WebServerLink | null = null
  /** The error of its present thread that nobody caught. */
  #failing: Error | null = null
  readonly #onTrouble = new Set<(why: Error) => void>()

  constructor({ name, config, aside, adminUrl }: WebServerOptions, surroundings: WebServerSurroundings) {
    this.name = name
    this.config = config
    this.#presentConfig = config
    this.#aside = aside
    this.#adminUrl = adminUrl
    this.#with = surroundings
    this.supervisor = new Supervisor<WebServerControl>({
      spawn: () => this.#spawn(),
      onUp: actor => this.#onUp(actor),
      onDown: end => this.#onDown(end),
      onRestart: (waitMs, restarts) => logRestart(this.#with.log, name, waitMs, restarts),
      hangTimeoutMs: config.webServers.hangTimeoutMs,
      stopTimeoutMs: STOP_MS,
    })
  }

  /** The front's way to it, null while it does not run. */
  get link(): WebServerLink | null {
    return this.#link
  }

  /** What it serves with: other than {@link config} when a reload ended before it was replaced. */
  get presentConfig(): Config {
    return this.#presentConfig
  }

  /** It gets partitions from here on. */
  admit(): void {
    this.#aside = false
    this.#with.ownership.serve(this.name)
  }

  /** It gets no more partitions and no more visitors, and its app is told. */
  setAside(): void {
    this.#aside = true
    this.#withdraw()
  }

  /** It stays after all. */
  keep(): void {
    this.supervisor.undrain()
    this.admit()
    this.#with.ownership.rebalance()
  }

  /** Rejects as soon as its present thread ends or fails, with why. @param signal aborts when nobody cares any more */
  trouble(signal: AbortSignal): Promise<never> {
    return new Promise((_, reject) => {
      if (this.#failing !== null) reject(this.#failing)
      if (this.supervisor.actor === null) reject(new StoppedAtStartError(this.name))
      this.#onTrouble.add(reject)
      signal.addEventListener('abort', () => this.#onTrouble.delete(reject), { once: true })
    })
  }

  /**
   * Hands over everything that it owns after it was set aside, and lets its requests finish.
   * @param withinMs then its tunnels are closed in order; what is still under way is cut off when it is removed
   * @param onLeft told how many partitions it still owns each time that they have become fewer
   */
  async empty(withinMs: number, signal: AbortSignal, onLeft: (partitions: number) => void): Promise<void> {
    const { ownership, endTunnels } = this.#with
    const link = this.#link
    if (link === null) return
    const deadline = performance.now() + withinMs
    const leftMs = () => Math.max(0, deadline - performance.now())
    const isHere = () => this.#link === link && !signal.aborted
    let retryMs = EMPTY_RETRY_MS
    for (let before = Number.POSITIVE_INFINITY; isHere(); ) {
      const left = await ownership.empty(this.name)
      if (left < before) onLeft(left)
      if (left === 0 || leftMs() === 0) break
      retryMs = left < before ? EMPTY_RETRY_MS : Math.min(2 * retryMs, EMPTY_RETRY_MAX_MS)
      before = left
      // Rejects only when the signal aborts, which ends the loop.
      await wait(Math.min(retryMs, leftMs()), undefined, { signal }).catch(() => {})
    }
    await finished(link, leftMs(), isHere)
    if (!isHere() || link.inFlight === 0) return
    if (endTunnels(link) > 0) await finished(link, GO_AWAY_MS, isHere)
    if (isHere()) await ownership.empty(this.name)
  }

  /**
   * It is about to end: new requests of what it could not hand over wait from here on, and those it has a moment to
   * finish. What is still under way then has had its time.
   * @returns to be called when it has ended: whoever waited goes on, to whoever has taken over
   */
  async quiesce(): Promise<() => void> {
    const goOn = this.#with.ownership.holdBack(this.name)
    const link = this.#link
    if (link !== null) await finished(link, LAST_REQUESTS_MS, () => this.#link === link)
    return goOn
  }

  /** Waits until every change is copied; what is not in time is logged. */
  async flush(withinMs: number): Promise<void> {
    const { actor, state } = this.supervisor
    const { log } = this.#with
    // One that is only starting has changed nothing.
    if (actor === null || state === 'starting') return
    try {
      const flushed = await actor.control.within(withinMs + STOP_MS).flush(withinMs)
      if (!flushed) log.error({ actor: this.name }, 'stopped with changes that were not copied')
    } catch (error) {
      log.error({ err: error, actor: this.name }, 'could not flush its outboxes')
    }
  }

  #spawn(): ActorHandle<WebServerControl> {
    this.#presentConfig = this.config
    const resourceLimits = heapLimits(this.#presentConfig.webServers)
    const limits = resourceLimits === undefined ? {} : { resourceLimits }
    return this.#with.stage.spawn({ role: 'web-server', name: this.name, ...limits })
  }

  async #onUp(actor: ActorHandle<WebServerControl>): Promise<void> {
    const { name } = this
    const { log, ownership, observations, sessionEvents, connectCalls, onAccepts } = this.#with
    const { port1, port2 } = new MessageChannel()
    const calls = new MessageChannel()
    const port = new BatchedPort<FromWebServer, ToWebServer>(port1, FRONT_FORMS)
    // Not `gone`: what a thread sent before it died must not arrive after its takeover has begun.
    void actor.ended.then(() => {
      port.onmessage = null
      port.close()
    })
    port.onmessage = message => this.#onMessage(actor, message)
    const given = { name, exchanges: port2, sessionCalls: calls.port2, adminUrl: this.#adminUrl }
    // The app's own deadline first: its error says more.
    const control = actor.control.within(APP_START_MS + CONTROL_DEADLINE_MS)
    for (const event of await control.start(webServerStart(this.#presentConfig, given))) onAccepts(event)
    const link: WebServerLink = {
      name,
      inFlight: 0,
      post: (message, transfer) => port.post(message, transfer),
    }
    await sessionEvents.onWebServerUp(name, actor.control)
    this.#link = link
    connectCalls(link, calls.port1)
    ownership.onWebServerUp({ name, link, actor }, this.#aside)
    observations.actorStarted(name, 'web-server')
    log.info({ actor: name }, 'web server started')
  }

  #onDown(end: ActorEnd): void {
    const { name } = this
    const { log, ownership, observations, sessionEvents } = this.#with
    logEnd(log, name, end)
    observations.actorEnded(name, 'web-server', end)
    const why = this.#failing ?? errorOfEnd(name, end) ?? new StoppedAtStartError(name)
    this.#failing = null
    this.#link = null
    sessionEvents.onWebServerLost(name)
    ownership.onWebServerLost(name)
    this.#tellTrouble(why)
  }

  #onMessage(actor: ActorHandle<WebServerControl>, message: FromWebServer): void {
    const { name } = this
    const { log, ownership, sessionEvents, onAccepts, onReply } = this.#with
    switch (message.type) {
      case 'settled':
        ownership.onSettled(name, message.settled)
        break
      case 'fenced':
        log.warn({ actor: name, ...message.claim }, 'refused by a session server that knows a later epoch')
        ownership.onFenced(name, message.claim)
        break
      case 'reported':
        log.error(
          { err: fromWireError(message.error), actor: name, during: message.during },
          'request failed',
        )
        break
      case 'failing':
        log.error({ err: fromWireError(message.error), actor: name }, 'uncaught error')
        void this.#replaceFailing(actor, fromWireError(message.error))
        break
      case 'sessionEvent':
        sessionEvents.onEvent(name, message.event)
        break
      case 'accepts':
        onAccepts(message.event)
        break
      default:
        onReply(message)
    }
  }

  /** An app in which an error went uncaught is in an unknown state: it finishes what it can and is replaced. */
  async #replaceFailing(actor: ActorHandle<WebServerControl>, why: Error): Promise<void> {
    if (this.supervisor.actor !== actor || this.#failing !== null) return
    this.#failing = why
    this.#tellTrouble(why)
    const { ownership, endTunnels } = this.#with
    const link = this.#link
    this.#withdraw()
    await ownership.empty(this.name)
    if (link !== null) {
      await finished(link, FAILING_GRACE_MS)
      if (endTunnels(link) > 0) await finished(link, GO_AWAY_MS)
    }
    if (this.supervisor.actor === actor) await this.supervisor.replace()
  }

  #withdraw(): void {
    this.#with.ownership.standAside(this.name)
    this.supervisor.drain()
    this.#link?.post({ type: 'draining' })
  }

  #tellTrouble(why: Error): void {
    const listeners = [...this.#onTrouble]
    this.#onTrouble.clear()
    for (const listener of listeners) listener(why)
  }
}

/** Waits until a web server has nothing in flight, the time is over, or there is no point any more. */
async function finished(link: WebServerLink, withinMs: number, goesOn = () => true): Promise<void> {
  const deadline = performance.now() + withinMs
  while (link.inFlight > 0 && performance.now() < deadline && goesOn()) await wait(FINISHED_POLL_MS)
}
