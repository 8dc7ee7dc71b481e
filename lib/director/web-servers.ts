/**
 * The web servers of this host: starts them, keeps them alive, hears what they say, replaces one whose app failed, and
 * takes them out of service in order. What follows for partitions is `ownership.ts`; when web servers are added and
 * removed is decided by `rolling-restart.ts` and `scaling.ts`.
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
import { fromWireError } from '../transport/wire-error.js'
import { type ActorEnd, type ActorHandle, errorOfEnd } from './actors/actor-handle.js'
import { type ActorStage, CONTROL_DEADLINE_MS } from './actors/actor-stage.js'
import { logEnd } from './actors/log-end.js'
import { STOP_MS, StoppedAtStartError, Supervisor } from './actors/supervisor.js'
import { ClusterStoppingError } from './command-errors.js'
import { GO_AWAY_MS } from './front/front.js'
import type { WebServerLink } from './front/router.js'
import type { Observations } from './observations.js'
import type { Ownership } from './ownership.js'
import type { SessionEventRelay } from './session-events.js'
import { APP_START_MS, heapLimits, webServerStart } from './web-server-start.js'

/** How long the last requests of a failing web server may take to finish, ms: the one that failed never will. */
const FAILING_GRACE_MS = 1_000
/** Time between two looks whether requests have finished, ms. */
const FINISHED_POLL_MS = 20

/** Time between two tries to hand over what requests have held on to, ms: doubled each time. */
const EMPTY_RETRY_MS = 50
/** And no longer than this: requests of those partitions wait a moment at each try. */
const EMPTY_RETRY_MAX_MS = 2_000

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

/** One web server through all its restarts. */
interface Place {
  readonly supervisor: Supervisor<WebServerControl>
  /** What it is started with, the next time. */
  config: Config
  /** It gets no partitions as long as there are others: it is new, or about to be removed. */
  aside: boolean
  /** Errors of its present thread that nobody caught. */
  failing: Error | null
  /** Calls back when its present thread has ended or fails, with why. */
  readonly onTrouble: Set<(why: Error) => void>
}

export class WebServers {
  readonly #log: Logger
  readonly #stage: ActorStage
  readonly #ownership: Ownership
  readonly #options: WebServersOptions
  /** By name, in the order of their numbers. */
  #places = new Map<ActorName, Place>()
  readonly #links = new Map<ActorName, WebServerLink>()
  #adminUrl: string | null = null
  #isStopping = false

  constructor(options: WebServersOptions) {
    const { log, stage, ownership } = options
    this.#options = options
    this.#log = log
    this.#stage = stage
    this.#ownership = ownership
  }

  get supervisors(): ReadonlyMap<ActorName, Supervisor<WebServerControl>> {
    return new Map([...this.#places].map(([name, { supervisor }]) => [name, supervisor]))
  }

  /** The front's way to each web server that runs. */
  get links(): ReadonlyMap<ActorName, WebServerLink> {
    return this.#links
  }

  /** In the order of their numbers. */
  get names(): readonly ActorName[] {
    return [...this.#places.keys()]
  }

  /**
   * Starts as many as are configured.
   * @param adminUrl what the app is told of the admin listener
   * @throws AppLoadError, or why else a first start failed
   */
  async start(adminUrl: string | null): Promise<void> {
    this.#adminUrl = adminUrl
    const { config } = this.#options
    for (let index = 1; index <= config.webServers.threads; index++) this.#supervise(config, false)
    await Promise.all([...this.#places.values()].map(({ supervisor }) => supervisor.start()))
  }

  /**
   * Starts one more, under the lowest free number. It serves nothing before {@link admit}.
   * @param onNamed told its name before it is there
   * @throws why it did not start; it is gone then. ClusterStoppingError
   */
  async add(config: Config, onNamed: (name: ActorName) => void): Promise<ActorName> {
    if (this.#isStopping) throw new ClusterStoppingError()
    const [name, { supervisor }] = this.#supervise(config, true)
    onNamed(name)
    try {
      await supervisor.start()
    } catch (error) {
      await this.remove(name)
      throw error
    }
    return name
  }

  /** It gets partitions from here on. */
  admit(name: ActorName): void {
    this.#setAside(name, false)
    this.#ownership.serve(name)
  }

  /** What each is started with from here on. */
  configure(config: Config): void {
    for (const place of this.#places.values()) place.config = config
  }

  /** Rejects as soon as the present thread of a web server ends or fails, with why. */
  trouble(name: ActorName, signal: AbortSignal): Promise<never> {
    return new Promise((_, reject) => {
      const place = this.#places.get(name)
      const actor = place?.supervisor.actor
      if (place === undefined || !actor) {
        reject(new StoppedAtStartError(name))
        return
      }
      if (place.failing !== null) reject(place.failing)
      place.onTrouble.add(reject)
      signal.addEventListener('abort', () => place.onTrouble.delete(reject), { once: true })
    })
  }

  /** It gets no more partitions and no more visitors, and its app is told. */
  setAside(name: ActorName): void {
    this.#setAside(name, true)
    this.#ownership.standAside(name)
    this.#places.get(name)?.supervisor.drain()
    this.#links.get(name)?.post({ type: 'draining' })
  }

  /** It stays after all. */
  keep(name: ActorName): void {
    this.#places.get(name)?.supervisor.undrain()
    this.admit(name)
    this.#ownership.rebalance()
  }

  /**
   * Hands over everything that a web server set aside owns, and lets its requests finish.
   * @param withinMs then its tunnels are closed in order; what is still under way is cut off when it is removed
   * @param onLeft told how many partitions it still owns each time that they have become fewer
   */
  async empty(
    name: ActorName,
    withinMs: number,
    signal: AbortSignal,
    onLeft: (partitions: number) => void = () => {},
  ): Promise<void> {
    const link = this.#links.get(name)
    if (link === undefined) return
    const deadline = performance.now() + withinMs
    const isHere = () => this.#links.get(name) === link && !signal.aborted
    let retryMs = EMPTY_RETRY_MS
    for (let before = Number.POSITIVE_INFINITY; isHere(); ) {
      const left = await this.#ownership.empty(name)
      if (left < before) onLeft(left)
      if (left === 0 || performance.now() >= deadline) break
      retryMs = left < before ? EMPTY_RETRY_MS : Math.min(2 * retryMs, EMPTY_RETRY_MAX_MS)
      before = left
      const pauseMs = Math.min(retryMs, Math.max(0, deadline - performance.now()))
      // Rejects only when the signal aborts, which ends the loop.
      await wait(pauseMs, undefined, { signal }).catch(() => {})
    }
    await this.#finished(link, Math.max(0, deadline - performance.now()), isHere)
    if (!isHere() || link.inFlight === 0) return
    if (this.#options.endTunnels(link) > 0) await this.#finished(link, GO_AWAY_MS, isHere)
    if (isHere()) await this.#ownership.empty(name)
  }

  /** Ends a web server for good: what it owns is taken over, once every change has been copied. */
  async remove(name: ActorName): Promise<void> {
    const place = this.#places.get(name)
    if (place === undefined) return
    await this.#flush(place.supervisor, STOP_MS)
    await place.supervisor.stop()
    this.#places.delete(name)
  }

  /** Tells every app that its web server is about to be stopped. */
  drain(): void {
    for (const link of this.#links.values()) link.post({ type: 'draining' })
  }

  /** Waits until every change is copied; what is not in time is logged. */
  async flush(withinMs: number): Promise<void> {
    const places = [...this.#places.values()]
    await Promise.all(places.map(({ supervisor }) => this.#flush(supervisor, withinMs)))
  }

  /** None is added from here on. */
  close(): void {
    this.#isStopping = true
  }

  async stop(): Promise<void> {
    this.close()
    await Promise.all([...this.#places.values()].map(({ supervisor }) => supervisor.stop()))
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

  #setAside(name: ActorName, aside: boolean): void {
    const place = this.#places.get(name)
    if (place !== undefined) place.aside = aside
  }

  /** Under the lowest free number. */
  #supervise(config: Config, aside: boolean): readonly [ActorName, Place] {
    const name = this.#freeName()
    const supervisor = new Supervisor<WebServerControl>({
      spawn: () => {
        const resourceLimits = heapLimits(place.config.webServers)
        return this.#stage.spawn({
          role: 'web-server',
          name,
          ...(resourceLimits === undefined ? {} : { resourceLimits }),
        })
      },
      onUp: actor => this.#onUp(name, place, actor),
      onDown: end => this.#onDown(name, place, end),
      hangTimeoutMs: config.webServers.hangTimeoutMs,
      stopTimeoutMs: STOP_MS,
    })
    const place: Place = { supervisor, config, aside, failing: null, onTrouble: new Set() }
    const places = [...this.#places, [name, place] as const]
    this.#places = new Map(places.sort(([a], [b]) => numberOf(a) - numberOf(b)))
    return [name, place]
  }

  #freeName(): ActorName {
    for (let number = 1; ; number++) {
      const name = `${NAME_PREFIX}${number}` as ActorName
      if (!this.#places.has(name)) return name
    }
  }

  #onDown(name: ActorName, place: Place, end: ActorEnd): void {
    logEnd(this.#log, name, end)
    this.#options.observations.actorEnded(name, 'web-server', end)
    const why = place.failing ?? errorOfEnd(name, end) ?? new StoppedAtStartError(name)
    place.failing = null
    this.#links.delete(name)
    this.#options.sessionEvents.onWebServerLost(name)
    this.#ownership.onWebServerLost(name)
    tellTrouble(place, why)
  }

  async #onUp(name: ActorName, place: Place, actor: ActorHandle<WebServerControl>): Promise<void> {
    const { port1, port2 } = new MessageChannel()
    const calls = new MessageChannel()
    const port = new BatchedPort<FromWebServer, ToWebServer>(port1)
    // Not `gone`: what a thread sent before it died must not arrive after its takeover has begun.
    void actor.ended.then(() => {
      port.onmessage = null
      port.close()
    })
    port.onmessage = message => this.#onMessage(name, place, actor, message)
    const given = { name, exchanges: port2, sessionCalls: calls.port2, adminUrl: this.#adminUrl }
    // The app's own deadline first: its error says more.
    const control = actor.control.within(APP_START_MS + CONTROL_DEADLINE_MS)
    await control.start(webServerStart(place.config, given))
    const link: WebServerLink = {
      name,
      inFlight: 0,
      post: (message, transfer) => port.post(message, transfer),
    }
    await this.#options.sessionEvents.onWebServerUp(name, actor.control)
    this.#links.set(name, link)
    this.#options.connectCalls(link, calls.port1)
    this.#ownership.onWebServerUp({ name, link, actor }, place.aside)
    this.#options.observations.actorStarted(name, 'web-server')
    this.#log.info({ actor: name }, 'web server started')
  }

  #onMessage(
    name: ActorName,
    place: Place,
    actor: ActorHandle<WebServerControl>,
    message: FromWebServer,
  ): void {
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
        void this.#replaceFailing(name, place, actor, fromWireError(message.error))
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
  async #replaceFailing(
    name: ActorName,
    place: Place,
    actor: ActorHandle<WebServerControl>,
    why: Error,
  ): Promise<void> {
    const { supervisor } = place
    if (supervisor.actor !== actor || place.failing !== null) return
    place.failing = why
    tellTrouble(place, why)
    supervisor.drain()
    const link = this.#links.get(name)
    link?.post({ type: 'draining' })
    this.#ownership.standAside(name)
    await this.#ownership.empty(name)
    await this.#finished(link, FAILING_GRACE_MS)
    if (link !== undefined && this.#options.endTunnels(link) > 0) await this.#finished(link, GO_AWAY_MS)
    if (supervisor.actor === actor) await supervisor.replace()
  }

  /** Waits until a web server has nothing in flight, or the time is over. */
  async #finished(
    link: WebServerLink | undefined,
    withinMs: number,
    goesOn: () => boolean = () => true,
  ): Promise<void> {
    const deadline = performance.now() + withinMs
    while ((link?.inFlight ?? 0) > 0 && performance.now() < deadline && goesOn()) await wait(FINISHED_POLL_MS)
  }
}

const NAME_PREFIX = 'web-'

function numberOf(name: ActorName): number {
  return Number(name.slice(NAME_PREFIX.length))
}

function tellTrouble(place: Place, why: Error): void {
  const listeners = [...place.onTrouble]
  place.onTrouble.clear()
  for (const listener of listeners) listener(why)
}
