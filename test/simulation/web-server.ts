/** A web server: the real owner over the real session cache, serving operations instead of HTTP requests. */

import type { Assignment } from '../../lib/replication/assignment.js'
import type { Mutation } from '../../lib/replication/copy.js'
import type { HandedOver } from '../../lib/replication/handed-over.js'
import { type ActorName, type Partition, partitionOf } from '../../lib/replication/ids.js'
import type { FromReplica, ToReplica } from '../../lib/replication/messages.js'
import { Owner } from '../../lib/replication/owner.js'
import type { LogOffered } from '../../lib/transport/replica-wire.js'
import { ReplicaLink } from '../../lib/web-server/replica-link.js'
import { SessionCache } from '../../lib/web-server/sessions/session-cache.js'
import { Channel, type Receiver } from './channel.js'
import { MAIN_HOST } from './clocks.js'
import type { Control, Operation, Released, Report } from './conversation.js'
import { Operations } from './operations.js'
import { type ReplicaEnd, SimulatedSessionServer } from './session-server.js'
import type { World } from './world.js'
import type { WriterCheck } from './writer-check.js'

/** Time between two looks at what waits too long, virtual ms. */
const TICK_MS = 100
/** The outbox's own limit, which is watched from outside here. */
const BATCHES_IN_FLIGHT_MAX = 8

/** One connection to one life of a session server, or of the gateway to it. */
interface Connection {
  readonly link: ReplicaLink
  /** Null for a gateway. */
  readonly server: SimulatedSessionServer | null
  batchesInFlight: number
  /** What is in batches that have no answer yet, by their number. */
  readonly sent: Map<number, readonly Mutation[]>
}

/** One release being waited for. */
interface Release {
  readonly waiting: Set<Partition>
  readonly handedOver: HandedOver[]
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
  readonly cache: SessionCache
  readonly #world: World
  readonly #effects: WebServerEffects
  readonly #operations: Operations
  readonly #links = new Map<ActorName, Connection>()
  readonly #releases = new Set<Release>()
  readonly #replicas = new Map<Partition, readonly ActorName[]>()
  readonly #retiring = new Map<Partition, ActorName | undefined>()
  /** The replicas of each partition that are up to date, as far as the owner was told or has found out. */
  readonly #synced = new Map<Partition, readonly ActorName[]>()
  #connections = 0
  #flushPlanned = false

  constructor(world: World, name: ActorName, life: number, claims: WriterCheck, effects: WebServerEffects) {
    this.name = name
    this.life = life
    this.#world = world
    this.#effects = effects
    const { acks, ackTimeoutMs, outboxMaxBytes, cacheMaxBytes, heldMaxBytes } = world.parameters
    this.cache = new SessionCache({ maxBytes: cacheMaxBytes, heldMaxBytes })
    this.owner = new Owner({ acks, ackTimeoutMs, outboxMaxBytes }, this.cache, {
      send: (replica, message) => this.#send(replica, message),
      settled: settled => {
        const all = this.#replicas.get(settled.partition) ?? []
        this.#synced.set(settled.partition, all)
        effects.report({ type: 'settled', settled })
      },
      fenced: claim => effects.report({ type: 'fenced', claim }),
    })
    this.#operations = new Operations(world, this, {
      answer: (number, answer) => effects.report({ type: 'answer', number, answer }),
      worked: () => this.#planFlush(),
      writes: (partition, epoch) => claims.onWrite(partition, epoch, this),
    })
    this.#planTick()
  }

  /** Its own clock, ms since the Unix epoch. */
  get now(): number {
    return this.#world.clocks.now(MAIN_HOST)
  }

  /** The replicas that `acks: "all"` asks for, but for those that are being brought up to date. */
  countedReplicas(partition: Partition): ActorName[] {
    const retiring = this.#retiring.get(partition)
    return this.#synced.get(partition)?.filter(name => name !== retiring && this.#links.has(name)) ?? []
  }

  /** Whether anybody can say that there is no such session. */
  hasSyncedReplica(partition: Partition): boolean {
    return this.#synced.get(partition)?.some(name => this.#links.has(name)) ?? false
  }

  onControl(message: Control): void {
    switch (message.type) {
      case 'connect':
        this.#connect(message.end)
        this.owner.onReplicaUp(message.end.name, this.now)
        break
      case 'disconnect':
        this.#links.delete(message.replica)
        this.owner.onReplicaLost(message.replica, this.now)
        break
      case 'assign':
        this.#assign(message.assignments, message.handedOver)
        break
      case 'release':
        this.#releases.add({
          waiting: new Set(message.partitions),
          handedOver: [],
          until: this.#world.timeline.now + message.withinMs,
        })
        this.#releaseIdle()
        break
      default:
        message satisfies never
    }
    this.#planFlush()
  }

  onOperation(operation: Operation): void {
    if (this.owner.epochOf(partitionOf(operation.id)) === null) {
      this.#effects.report({ type: 'reroute', number: operation.number })
      return
    }
    this.#operations.begin(operation)
    this.#planFlush()
  }

  #assign(assignments: readonly Assignment[], handedOver: readonly HandedOver[]): void {
    this.#world.trace(this.name, () => `is assigned ${assignments.map(({ partition }) => partition)}`)
    for (const { partition, replicas } of assignments) {
      this.#retiring.set(partition, replicas.find(({ retiring }) => retiring)?.name)
      this.#replicas.set(
        partition,
        replicas.map(({ name }) => name),
      )
      this.#synced.set(
        partition,
        replicas.filter(({ synced }) => synced).map(({ name }) => name),
      )
    }
    this.owner.onAssign(assignments, handedOver)
  }

  #connect(end: ReplicaEnd): void {
    const way = `${this.life} ${end.name} ${++this.#connections}`
    const answers = new Channel<FromReplica | LogOffered>(this.#world, `${way} back`, this, answer =>
      this.#onAnswer(end, connection, answer),
    )
    const channel = new Channel<ToReplica>(this.#world, `${way} there`, end, message =>
      end.receive(message, answer => answers.send(answer)),
    )
    const server = end instanceof SimulatedSessionServer ? end : null
    const link = new ReplicaLink({ post: message => channel.send(message), wake: () => server?.wake() })
    const connection: Connection = { link, server, batchesInFlight: 0, sent: new Map() }
    this.#links.set(end.name, connection)
    const offered = this.#world.parameters.acks === 'all' ? null : (server?.offer(String(this.life)) ?? null)
    if (offered !== null) answers.send(offered)
  }

  #onAnswer({ name }: ReplicaEnd, connection: Connection, answer: FromReplica | LogOffered): void {
    if (this.#links.get(name) !== connection) return
    if (answer.type === 'log') {
      connection.link.onOffer(answer)
      return
    }
    connection.link.onAnswer(answer)
    this.#hear(name, connection, answer)
    this.#planFlush()
  }

  #hear(name: ActorName, connection: Connection, answer: FromReplica): void {
    this.#world.trace(this.name, () => `hears from ${name}: ${JSON.stringify(answer)}`)
    if (answer.type === 'applied') {
      connection.batchesInFlight--
      connection.sent.delete(answer.batch)
    }
    this.owner.onMessage(name, answer, this.now)
    this.#releaseIdle()
  }

  #send(replica: ActorName, message: ToReplica): void {
    const connection = this.#links.get(replica)
    this.#world.trace(this.name, () => `says to ${replica}: ${JSON.stringify(message)}`)
    this.#world.check(
      connection !== undefined,
      () => `${this.name} sent ${message.type} to ${replica}, not connected`,
    )
    if (connection === undefined) return
    if (message.type === 'apply') {
      connection.sent.set(message.batch, message.mutations)
      connection.batchesInFlight++
      this.#world.check(
        connection.batchesInFlight <= BATCHES_IN_FLIGHT_MAX,
        () => `${this.name} has ${connection.batchesInFlight} batches on their way to ${replica}`,
      )
    }
    connection.link.send(message)
  }

  #flush(): void {
    this.owner.flush()
    for (const [name, connection] of this.#links) {
      const answers = connection.link.takeAnswers()
      for (const answer of answers) {
        if (answer.type === 'applied') connection.server?.promise(connection.sent.get(answer.batch) ?? [])
        this.#hear(name, connection, answer)
      }
      if (answers.length > 0) this.#planFlush()
    }
  }

  #releaseIdle(): void {
    for (const release of this.#releases) {
      for (const partition of release.waiting) {
        if (this.#operations.isUsing(partition)) continue
        const handedOver = this.owner.release(partition)
        if (handedOver !== null) release.handedOver.push(handedOver)
        if (handedOver !== null || this.owner.epochOf(partition) === null) release.waiting.delete(partition)
      }
      if (release.waiting.size > 0 && this.#world.timeline.now < release.until) continue
      this.#releases.delete(release)
      this.#effects.released({ type: 'released', handedOver: release.handedOver })
    }
  }

  /** Everything that one moment produced goes out together. */
  #planFlush(): void {
    if (this.#flushPlanned) return
    this.#flushPlanned = true
    this.#world.timeline.after(0, () => {
      this.#flushPlanned = false
      if (!this.dead) this.#flush()
    })
  }

  #planTick(): void {
    const { timeline } = this.#world
    timeline.after(TICK_MS, () => {
      if (this.dead) return
      if (this.pausedUntil <= timeline.now) {
        this.owner.onTick(this.now)
        this.cache.sweep(this.now)
        this.#releaseIdle()
        this.#planFlush()
      }
      this.#planTick()
    })
  }
}
