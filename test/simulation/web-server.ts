/** A web server: the real owner over a small cache, serving operations instead of HTTP requests. */
import type { Assignment } from '../../lib/replication/assignment.js'
import type { SessionCopy } from '../../lib/replication/copy.js'
import type { HandedOver } from '../../lib/replication/handed-over.js'
import {
  type ActorName,
  type Epoch,
  type Partition,
  partitionOf,
  type SessionId,
  type Version,
} from '../../lib/replication/ids.js'
import type { Found } from '../../lib/replication/lookups.js'
import type { FromReplica, ToReplica } from '../../lib/replication/messages.js'
import { Owner } from '../../lib/replication/owner.js'
import { type CachedSession, SimulatedCache } from './cache.js'
import { Channel, type Receiver } from './channel.js'
import type { Answer, Control, Operation, Released, Report } from './conversation.js'
import type { SimulatedSessionServer } from './session-server.js'
import type { World } from './world.js'
import type { WriterCheck } from './writer-check.js'

/** Time between two looks at what waits too long, virtual ms. */
const TICK_MS = 100
/** The outbox's own limit, which is watched from outside here. */
const BATCHES_IN_FLIGHT_MAX = 8

/** One connection to one life of a session server. */
interface Link {
  readonly channel: Channel<ToReplica>
  batchesInFlight: number
}

/** One release being waited for. */
interface Release {
  readonly waiting: Set<Partition>
  readonly handedOver: HandedOver[]
  /** What was cached when it was asked for. */
  readonly before: readonly SessionCopy[]
  readonly until: number
}

export interface WebServerEffects {
  report(report: Report): void
  released(released: Released): void
}

/** One life of a web server. */
export class SimulatedWebServer implements Receiver {
  readonly name: ActorName
  /** Which life of all web servers this is. */
  readonly life: number
  dead = false
  pausedUntil = 0
  readonly owner: Owner
  readonly cache: SimulatedCache
  readonly #world: World
  readonly #effects: WebServerEffects
  readonly #claims: WriterCheck
  readonly #links = new Map<ActorName, Link>()
  readonly #loading = new Map<SessionId, Operation[]>()
  readonly #inUse = new Map<Partition, number>()
  readonly #releases = new Set<Release>()
  #flushPlanned = false

  constructor(world: World, name: ActorName, life: number, claims: WriterCheck, effects: WebServerEffects) {
    this.name = name
    this.life = life
    this.#world = world
    this.#effects = effects
    this.#claims = claims
    this.cache = new SimulatedCache(world)
    const { acks, ackTimeoutMs, outboxMaxBytes } = world.parameters
    this.owner = new Owner({ acks, ackTimeoutMs, outboxMaxBytes }, this.cache, {
      send: (replica, message) => this.#send(replica, message),
      settled: settled => effects.report({ type: 'settled', settled }),
      fenced: ({ partition }) => effects.report({ type: 'fenced', partition }),
    })
    this.#planTick()
  }

  onControl(message: Control): void {
    const { now } = this.#world.timeline
    switch (message.type) {
      case 'connect':
        this.#connect(message.server)
        this.owner.onReplicaUp(message.server.name, now)
        break
      case 'disconnect':
        this.#links.delete(message.replica)
        this.owner.onReplicaLost(message.replica, now)
        break
      case 'assign':
        this.#assign(message.assignments, message.handedOver)
        break
      case 'release':
        this.#releases.add({
          waiting: new Set(message.partitions),
          handedOver: [],
          before: message.partitions.flatMap(partition => this.cache.inPartition(partition)),
          until: now + message.withinMs,
        })
        this.#releaseIdle()
        break
      default:
        message satisfies never
    }
    this.#planFlush()
  }

  onOperation(operation: Operation): void {
    const partition = partitionOf(operation.id)
    if (this.owner.epochOf(partition) === null) {
      this.#effects.report({ type: 'reroute', number: operation.number })
      return
    }
    this.#inUse.set(partition, (this.#inUse.get(partition) ?? 0) + 1)
    this.#open(operation)
    this.#planFlush()
  }

  #assign(assignments: readonly Assignment[], handedOver: readonly HandedOver[]): void {
    this.owner.onAssign(assignments, handedOver)
    if (this.#world.parameters.deliberateFault !== 'settled-before-barrier') return
    for (const { partition, epoch, revision, settled } of assignments) {
      if (!settled) this.#effects.report({ type: 'settled', settled: { partition, epoch, revision } })
    }
  }

  #connect(server: SimulatedSessionServer): void {
    const answers = new Channel<FromReplica>(this.#world, this, answer =>
      this.#onAnswer(server, link, answer),
    )
    const channel = new Channel<ToReplica>(this.#world, server, message =>
      server.receive(message, answer => answers.send(answer)),
    )
    const link: Link = { channel, batchesInFlight: 0 }
    this.#links.set(server.name, link)
  }

  #onAnswer({ name }: SimulatedSessionServer, link: Link, answer: FromReplica): void {
    if (this.#links.get(name) !== link) return
    if (answer.type === 'applied') link.batchesInFlight--
    const first = [...this.#links.keys()][0]
    const heeded =
      this.#world.parameters.deliberateFault !== 'first-answer-wins' ||
      answer.type !== 'found' ||
      name === first
    const heard = heeded ? answer : { ...answer, copies: answer.copies.map(() => null) }
    this.owner.onMessage(name, heard, this.#world.timeline.now)
    this.#releaseIdle()
    this.#planFlush()
  }

  #send(replica: ActorName, message: ToReplica): void {
    const link = this.#links.get(replica)
    this.#world.check(
      link !== undefined,
      () => `${this.name} sent ${message.type} to ${replica}, not connected`,
    )
    if (link === undefined) return
    if (message.type === 'apply') {
      link.batchesInFlight++
      this.#world.check(
        link.batchesInFlight <= BATCHES_IN_FLIGHT_MAX,
        () => `${this.name} has ${link.batchesInFlight} batches on their way to ${replica}`,
      )
    }
    link.channel.send(message)
  }

  /** Finds the session in the cache or at the replicas; operations that want the same one wait for one look-up. */
  #open(operation: Operation): void {
    const { now } = this.#world.timeline
    if (operation.kind === 'create') {
      const session = this.cache.add(this.#copy(operation.id, 0 as Version, '0'))
      this.#use(operation, session)
      return
    }
    const cached = this.cache.session(operation.id)
    if (cached !== undefined) {
      this.#use(operation, cached)
      return
    }
    const waiting = this.#loading.get(operation.id)
    if (waiting !== undefined) {
      waiting.push(operation)
      return
    }
    this.#loading.set(operation.id, [operation])
    this.owner.lookup(operation.id, now, found => this.#onFound(operation.id, found))
  }

  #onFound(id: SessionId, found: Found): void {
    const waiting = this.#loading.get(id) ?? []
    this.#loading.delete(id)
    const loaded =
      found.type === 'found' ? (this.cache.session(id) ?? this.cache.add(found.copy)) : this.cache.session(id)
    for (const operation of waiting) {
      if (found.type === 'unavailable') this.#answer(operation, errorOf(found.error))
      else if (loaded === undefined) this.#answer(operation, { type: 'absent' })
      else this.#use(operation, loaded)
    }
  }

  /** The app runs for a while with the live session, then what it did is committed. */
  #use(operation: Operation, session: CachedSession): void {
    const { timeline, random } = this.#world
    session.uses++
    timeline.after(random.between(0, 10), () => this.#commitWhenRunning(operation, session))
  }

  #commitWhenRunning(operation: Operation, session: CachedSession): void {
    const { timeline } = this.#world
    if (this.dead) return
    if (this.pausedUntil > timeline.now) {
      timeline.after(this.pausedUntil - timeline.now, () => this.#commitWhenRunning(operation, session))
      return
    }
    session.uses--
    this.#commit(operation, session)
    this.#planFlush()
  }

  #commit(operation: Operation, session: CachedSession): void {
    const { now } = this.#world.timeline
    if (session.dropped) {
      this.#answer(operation, { type: 'error', code: 'OWNERSHIP_LOST' })
      return
    }
    const { id, version, data, expires } = session.copy
    if (data === null || expires <= now) {
      this.#answerWhenHeld(operation, { type: 'absent' })
      return
    }
    const next = (version + 1) as Version
    switch (operation.kind) {
      case 'read':
        this.#answerWhenHeld(operation, { type: 'value', value: Number(data), expires })
        return
      case 'create':
        this.#mutate(operation, session, this.#copy(id, next, data))
        return
      case 'increment':
        this.#mutate(operation, session, this.#copy(id, next, String(Number(data) + 1)))
        return
      case 'destroy':
        this.#mutate(operation, session, { ...this.#copy(id, next, null), expires })
        return
      default:
        operation.kind satisfies never
    }
  }

  #mutate(operation: Operation, session: CachedSession, copy: SessionCopy): void {
    session.copy = copy
    session.acknowledged = false
    this.#claims.onWrite(partitionOf(copy.id), copy.epoch, this)
    const { now } = this.#world.timeline
    const answer: Answer =
      copy.data === null
        ? { type: 'destroyed' }
        : { type: 'value', value: Number(copy.data), expires: copy.expires }
    this.owner.mutate(copy, now, error => this.#answer(operation, error === null ? answer : errorOf(error)))
  }

  /** What a request has seen must be safe before its answer tells of it. */
  #answerWhenHeld(operation: Operation, answer: Answer): void {
    this.owner.whenAcknowledged(operation.id, this.#world.timeline.now, error =>
      this.#answer(operation, error === null ? answer : errorOf(error)),
    )
  }

  #answer({ number, id }: Operation, answer: Answer): void {
    const partition = partitionOf(id)
    this.#inUse.set(partition, (this.#inUse.get(partition) ?? 1) - 1)
    this.#effects.report({ type: 'answer', number, answer })
  }

  #copy(id: SessionId, version: Version, data: string | null): SessionCopy {
    const { timeline, parameters } = this.#world
    const epoch = this.owner.epochOf(partitionOf(id)) ?? (0 as Epoch)
    return { id, epoch, version, expires: timeline.now + parameters.ttlMs, data }
  }

  #releaseIdle(): void {
    for (const release of this.#releases) {
      for (const partition of release.waiting) {
        if ((this.#inUse.get(partition) ?? 0) > 0) continue
        const handedOver = this.owner.release(partition)
        if (handedOver !== null) release.handedOver.push(this.#leave(handedOver, release))
        if (handedOver !== null || this.owner.epochOf(partition) === null) release.waiting.delete(partition)
      }
      if (release.waiting.size > 0 && this.#world.timeline.now < release.until) continue
      this.#releases.delete(release)
      this.#effects.released({ type: 'released', handedOver: release.handedOver })
    }
  }

  #leave(handedOver: HandedOver, { before }: Release): HandedOver {
    if (this.#world.parameters.deliberateFault !== 'stale-handover') return handedOver
    const copies = before.filter(({ id, data }) => partitionOf(id) === handedOver.partition && data !== null)
    return { ...handedOver, copies }
  }

  /** Everything that one moment produced goes out together. */
  #planFlush(): void {
    if (this.#flushPlanned) return
    this.#flushPlanned = true
    this.#world.timeline.after(0, () => {
      this.#flushPlanned = false
      if (!this.dead) this.owner.flush()
    })
  }

  #planTick(): void {
    const { timeline } = this.#world
    timeline.after(TICK_MS, () => {
      if (this.dead) return
      if (this.pausedUntil <= timeline.now) {
        this.owner.onTick(timeline.now)
        this.cache.evictSome()
        this.#releaseIdle()
        this.#planFlush()
      }
      this.#planTick()
    })
  }
}

function errorOf(error: { readonly code: string }): Answer {
  return { type: 'error', code: error.code }
}
