/** The web-server actor: control calls in; the user's app, its sessions and their replication behind them. */
import { setMaxListeners } from 'node:events'
import { setTimeout as wait } from 'node:timers/promises'
import type { MessagePort } from 'node:worker_threads'
import { TroupeError } from '../errors.js'
import type { Assignment } from '../replication/assignment.js'
import type { ActorName, Partition } from '../replication/ids.js'
import type {
  ActorTask,
  HandoverTarget,
  Released,
  WebServerControl,
  WebServerStart,
  WebServerStats,
} from '../transport/actor-control.js'
import { type EndActor, runActor } from '../transport/actor-task.js'
import { BatchedPort } from '../transport/batched-port.js'
import type { FromWebServer, ToWebServer, TunnelEvent } from '../transport/exchange-messages.js'
import { WEB_SERVER_FORMS } from '../transport/exchange-wire.js'
import { HandoverOut, HandoversIn } from '../transport/handover-port.js'
import { SessionRegister } from '../transport/session-call-register.js'
import type { SessionEventKind } from '../transport/session-events.js'
import { threadStats } from '../transport/thread-stats.js'
import { toWireError } from '../transport/wire-error.js'
import { ExchangeServer } from './http/exchange-server.js'
import { ProxyTrust } from './http/proxy-trust.js'
import { standAside } from './http/request-session.js'
import { Replicas } from './replicas.js'
import { cachedBytes, SessionCache } from './sessions/session-cache.js'
import { WebServerSessionCalls } from './sessions/session-calls.js'
import { SessionEvents } from './sessions/session-events.js'
import { SessionHost } from './sessions/session-host.js'
import { announceStorePlace } from './sessions/store-place.js'
import { ownThread, type Surroundings } from './surroundings.js'

/** Time between two looks whether partitions may be given up, ms: a request takes longer than that to notice. */
const RELEASE_POLL_MS = 2
/**
 * Copies passed on in one release: the partitions that are left go with the next. One release is a single turn of both
 * web servers, in which they answer nobody: some 10 us for each copy.
 */
const RELEASED_COPIES_MAX = 2_048
/** Time between two sweeps of the cache for expired sessions, ms. */
const SWEEP_INTERVAL_MS = 1_000

/** Runs a web server until the director stops it. */
export function runWebServer(task: ActorTask, surroundings: Surroundings = ownThread): Promise<void> {
  return runActor<WebServerControl>(task, end => {
    const actor = new WebServerActor(task.name, end, surroundings)
    surroundings.killed?.addEventListener('abort', () => void actor.stop(), { once: true })
    return actor
  })
}

/** A control call came before `start`, or `start` came twice. */
export class WebServerStateError extends TroupeError {
  readonly code = 'WEB_SERVER_STATE'

  constructor(name: string, found: string) {
    super(`Web server ${name} ${found}. Call start once, before anything else.`)
  }
}

/** What a started web server consists of. */
interface Parts {
  readonly director: BatchedPort<ToWebServer, FromWebServer>
  readonly cache: SessionCache
  readonly replicas: Replicas
  readonly sessions: SessionHost
  readonly events: SessionEvents
  readonly calls: WebServerSessionCalls
  readonly exchanges: ExchangeServer
  readonly handovers: HandoversIn
  readonly sweeps: NodeJS.Timeout
}

class WebServerActor implements WebServerControl {
  readonly #name: ActorName
  readonly #end: EndActor
  readonly #surroundings: Surroundings
  #parts: Parts | null = null

  constructor(name: ActorName, end: EndActor, surroundings: Surroundings) {
    this.#name = name
    this.#end = end
    this.#surroundings = surroundings
  }

  async start(options: WebServerStart): Promise<readonly TunnelEvent[]> {
    if (this.#parts !== null) throw new WebServerStateError(this.#name, 'was started already')
    const draining = new AbortController()
    // Each connection may listen.
    setMaxListeners(0, draining.signal)
    const director = new BatchedPort<ToWebServer, FromWebServer>(options.exchanges, WEB_SERVER_FORMS)
    const report = (error: unknown, during: string | null = null) =>
      director.post({ type: 'reported', error: toWireError(error), during })
    const events = new SessionEvents(event => director.post({ type: 'sessionEvent', event }))
    const cache = new SessionCache({ maxBytes: options.cacheMaxBytes, events })
    const replicas = new Replicas(options, cache, {
      settled: settled => director.post({ type: 'settled', settled: [settled] }),
      fenced: claim => director.post({ type: 'fenced', claim }),
    })
    const sessions = new SessionHost({
      ...{ config: options.session, cache, owner: replicas, report, events },
      ask: call => calls.ask(call),
    })
    const calls = new WebServerSessionCalls(sessions.calls, options.sessionCalls)
    // Before the app is loaded: its stores ask for them.
    announceStorePlace({ calls, ttlMs: options.session.ttlMs, standAside })
    const close = (): void => {
      replicas.close()
      calls.close()
      director.close()
    }
    const context = {
      ...{ name: options.name, adminUrl: options.adminUrl, draining: draining.signal },
      sessions: new SessionRegister(calls, options.session.indexes),
    }
    const app = await this.#surroundings.loadApp(options, context).catch((error: unknown) => {
      close()
      throw error
    })
    if (this.#surroundings.killed?.aborted) {
      close()
      return []
    }
    const exchanges = new ExchangeServer({
      port: director,
      sessions,
      handle: app.handle,
      prototypes: app.prototypes,
      server: app.server,
      keepAliveTimeoutMs: options.keepAliveTimeoutMs,
      servedBy: options.servedBy ? options.name : null,
      trust: ProxyTrust.of(options.trustProxy),
      onError: (error, head) => report(error, `${head.method} ${head.url}`),
      onUncaught: error => this.#fail(error),
      onDraining: () => draining.abort(),
    })
    const sweeps = setInterval(() => sessions.sweep(), SWEEP_INTERVAL_MS).unref()
    const handovers = new HandoversIn()
    this.#parts = { director, cache, replicas, sessions, events, calls, exchanges, handovers, sweeps }
    this.#surroundings.onUncaught((error, origin) => {
      // Of a session call that the app did not wait for: says nothing of the app's state, and its response waits anyway.
      if (origin === 'unhandledRejection' && error instanceof TroupeError) report(error)
      else this.#fail(error)
    })
    return exchanges.accepted
  }

  async connect(replica: ActorName, port: MessagePort): Promise<void> {
    this.#started().replicas.connect(replica, port)
  }

  async disconnect(replica: ActorName): Promise<void> {
    this.#started().replicas.disconnect(replica)
  }

  async assign(assignments: readonly Assignment[], handover: number | null): Promise<void> {
    const { replicas, events, handovers } = this.#started()
    events.onAssign(assignments)
    replicas.assign(assignments, handover === null ? [] : handovers.take(handover))
  }

  async receive(handover: number, port: MessagePort | null): Promise<number> {
    const { cache, handovers } = this.#started()
    handovers.expect(handover, port)
    return cache.roomBytes
  }

  async wantSessionEvents(kinds: readonly SessionEventKind[]): Promise<void> {
    this.#started().events.want(kinds)
  }

  async release(
    partitions: readonly Partition[],
    withinMs: number,
    { port, roomBytes }: HandoverTarget,
  ): Promise<Released> {
    const { replicas, sessions } = this.#started()
    const out = new HandoverOut(port, roomBytes, cachedBytes)
    const deadline = performance.now() + withinMs
    const released: Partition[] = []
    const postponed: Partition[] = []
    let rest = partitions.filter(partition => replicas.epochOf(partition) !== null)
    let copiesLeft = RELEASED_COPIES_MAX
    while (true) {
      const [ready, busy] = split(rest, partition => {
        if (copiesLeft <= 0) {
          postponed.push(partition)
          return false
        }
        const handedOver = sessions.mayGiveUp(partition) ? replicas.release(partition) : null
        if (handedOver === null) return false
        copiesLeft -= handedOver.copies.length
        out.send(handedOver)
        return true
      })
      released.push(...ready)
      if (copiesLeft <= 0) break
      // Requests that wait for a partition would wait in vain for its tunnels to end.
      rest = busy.filter(partition => !sessions.isHeldByTunnels(partition))
      if (rest.length === 0 || performance.now() >= deadline) break
      await wait(RELEASE_POLL_MS)
    }
    out.close()
    return { released, postponed }
  }

  async flush(withinMs: number): Promise<boolean> {
    const { replicas } = this.#started()
    const deadline = performance.now() + withinMs
    while (!replicas.isFlushed && performance.now() < deadline) await wait(RELEASE_POLL_MS)
    return replicas.isFlushed
  }

  async stop(): Promise<void> {
    if (this.#parts !== null) {
      const { director, calls, replicas, handovers, sweeps } = this.#parts
      clearInterval(sweeps)
      handovers.close()
      replicas.close()
      calls.close()
      director.close()
    }
    this.#end()
  }

  async stats(): Promise<WebServerStats> {
    const { cache, replicas, sessions, events, exchanges } = this.#started()
    return {
      partitions: replicas.partitionCount,
      sessions: cache.count,
      cacheBytes: cache.bytes,
      requestsInFlight: exchanges.inFlight,
      outboxDepth: replicas.outboxDepth,
      mutations: replicas.mutationCount,
      cacheHits: sessions.cacheHits,
      cacheMisses: sessions.cacheMisses,
      acks: replicas.acks,
      acksFailed: replicas.acksFailed,
      sessionEvents: events.counts,
      ...threadStats(),
    }
  }

  /** An error that nobody caught: the director replaces this web server when its requests have finished. */
  #fail(error: unknown): void {
    this.#parts?.director.post({ type: 'failing', error: toWireError(error) })
  }

  #started(): Parts {
    if (this.#parts === null) throw new WebServerStateError(this.#name, 'was not started yet')
    return this.#parts
  }
}

function split<T>(items: readonly T[], isFirst: (item: T) => boolean): [T[], T[]] {
  const first: T[] = []
  const second: T[] = []
  for (const item of items) (isFirst(item) ? first : second).push(item)
  return [first, second]
}
