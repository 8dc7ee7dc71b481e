/**
 * Carries out what the partition table decides: tells web servers what they own, connects them with session servers,
 * moves partitions by takeover and by handover, and tells the front where each partition is at this moment.
 */
import { MessageChannel } from 'node:worker_threads'
import type { Logger } from 'pino'
import type { Assignment, Settled } from '../replication/assignment.js'
import { type ActorName, type Epoch, PARTITION_COUNT, type Partition } from '../replication/ids.js'
import type { Claim } from '../replication/messages.js'
import type { Assignments, Move, PartitionTable } from '../replication/partition-table.js'
import type { SessionServerControl, WebServerControl } from '../transport/actor-control.js'
import type { ActorHandle } from './actors/actor-handle.js'
import type { Router, WebServerLink } from './front/router.js'
import { Observations } from './observations.js'

/** Partitions handed over at once: their new requests wait meanwhile. */
const HANDOVER_SLICE = 32
/** How long the requests of one slice may wait for those that use its partitions to finish, ms. */
const HANDOVER_WAIT_MS = 250
/** Time until partitions that were in use are tried again, ms: doubled while nothing moves, as tunnels stay for long. */
const REBALANCE_RETRY_MS = 5_000
/** And no longer than this. */
const REBALANCE_RETRY_MAX_MS = 60_000

/** A web server that runs, as far as ownership is concerned. */
export interface WebServerPeer {
  readonly name: ActorName
  readonly link: WebServerLink
  readonly actor: ActorHandle<WebServerControl>
}

/** A peer with what ownership keeps of it. */
interface Owner extends WebServerPeer {
  /** Partitions that the front may send it. */
  routed: number
  /** It is about to end: new visitors go elsewhere. */
  leaving: boolean
}

/** What ownership tells the front. */
export interface OwnershipEvents {
  /** This web server is gone; the router does not name it any more. */
  ownerLost(link: WebServerLink): void
  /** These partitions have an owner again. */
  ownerChanged(partitions: ReadonlySet<Partition>): void
}

export class Ownership implements Router {
  readonly #table: PartitionTable
  readonly #log: Logger
  readonly #controlDeadlineMs: number
  readonly #events: OwnershipEvents
  readonly #observations: Observations
  readonly #webServers = new Map<ActorName, Owner>()
  readonly #sessionServers = new Map<ActorName, ActorHandle<SessionServerControl>>()
  /** Where the front sends each partition's requests now; null lets them wait. Derived: see `#route`. */
  readonly #routes: (WebServerLink | null)[] = new Array(PARTITION_COUNT).fill(null)
  /** The epoch of each partition that its owner has confirmed. */
  readonly #confirmed = new Float64Array(PARTITION_COUNT)
  /** Partitions in the middle of a handover. */
  readonly #moving = new Set<Partition>()
  /** Until every first start is done nothing is assigned, so that nobody begins with everything. */
  #open = false
  #rebalancing = false
  #retry: NodeJS.Timeout | undefined = undefined
  #retryMs = REBALANCE_RETRY_MS
  #stopped = false
  /** Turns with each visitor without a session, so that ties do not all go to the first web server. */
  #turn = 0

  /** @param controlDeadlineMs what a release may take beyond the time that it waits by its nature */
  constructor(
    table: PartitionTable,
    log: Logger,
    controlDeadlineMs: number,
    events: OwnershipEvents,
    observations = new Observations(() => table.underCopied()),
  ) {
    this.#table = table
    this.#log = log
    this.#controlDeadlineMs = controlDeadlineMs
    this.#events = events
    this.#observations = observations
  }

  ownerOf(partition: Partition): WebServerLink | null {
    return this.#routes[partition] ?? null
  }

  leastBusy(): WebServerLink | null {
    const owners = [...this.#webServers.values()].filter(owner => owner.routed > 0)
    const staying = owners.filter(owner => !owner.leaving)
    const candidates = staying.length > 0 ? staying : owners
    let best: WebServerLink | null = null
    this.#turn++
    for (let index = 0; index < candidates.length; index++) {
      const link = candidates[(index + this.#turn) % candidates.length]?.link
      if (link !== undefined && (best === null || link.inFlight < best.inFlight)) best = link
    }
    return best
  }

  /** The first actors are there: spreads the partitions over them. Resolves when every owner has confirmed. */
  async open(): Promise<void> {
    this.#open = true
    await this.#send(this.#table.assignUnowned())
  }

  /** Nothing is moved or assigned any more. */
  close(): void {
    this.#stopped = true
    clearTimeout(this.#retry)
  }

  /**
   * A session server runs: every web server is connected with it, and it becomes a replica.
   * @param fences the highest epoch that it knows of each partition
   */
  onSessionServerUp(actor: ActorHandle<SessionServerControl>, fences: readonly Epoch[]): void {
    const name = actor.name as ActorName
    this.#sessionServers.set(name, actor)
    for (const webServer of this.#webServers.values()) this.#connect(webServer, actor)
    this.#sendLater(this.#table.onSessionServerUp(name, fences))
    this.#observations.copiesMayHaveChanged()
  }

  /** A session server is gone: its partitions get another where one is left. */
  onSessionServerLost(name: ActorName): void {
    if (!this.#sessionServers.delete(name) || this.#stopped) return
    for (const { actor } of this.#webServers.values()) void this.#call(actor, actor.control.disconnect(name))
    const { assignments, lastCopyLost } = this.#table.onSessionServerLost(name)
    this.#observations.copiesMayHaveChanged()
    if (lastCopyLost.length > 0) {
      this.#log.error(
        { actor: name, partitions: lastCopyLost.length },
        'the last copy of some partitions is lost: only sessions in caches are left of them',
      )
    }
    this.#sendLater(assignments)
  }

  /** A web server runs: it gets what nobody owns, and then its share of the rest. */
  onWebServerUp(peer: WebServerPeer): void {
    this.#webServers.set(peer.name, { ...peer, routed: 0, leaving: false })
    for (const sessionServer of this.#sessionServers.values()) this.#connect(peer, sessionServer)
    this.#table.onWebServerUp(peer.name)
    if (!this.#open) return
    this.#sendLater(this.#table.assignUnowned())
    this.rebalance()
  }

  /** A web server is gone: the others take its partitions over. */
  onWebServerLost(name: ActorName): void {
    const owner = this.#webServers.get(name)
    if (owner === undefined) return
    const partitions = this.#table.ownedBy(name)
    this.#webServers.delete(name)
    this.#table.onWebServerLost(name)
    this.#route(partitions)
    if (this.#stopped) return
    for (const actor of this.#sessionServers.values()) void this.#call(actor, actor.control.disconnect(name))
    if (partitions.length > 0) this.#log.warn({ actor: name, partitions: partitions.length }, 'takeover')
    this.#observations.takeoverBegan(name, partitions)
    this.#observations.copiesMayHaveChanged()
    this.#sendLater(this.#table.assignUnowned())
    this.#events.ownerLost(owner.link)
  }

  /** An owner has brought the replicas of partitions to the same state. */
  onSettled(name: ActorName, reports: readonly Settled[]): void {
    if (!this.#webServers.has(name) || this.#stopped) return
    for (const settled of reports) this.#sendLater(this.#table.onSettled(name, settled))
    this.#observations.copiesMayHaveChanged()
  }

  /** A web server dropped a partition of which a session server knows a later epoch: it is assigned beyond that. */
  onFenced(name: ActorName, claim: Claim): void {
    if (this.#stopped || !this.#table.onFenced(name, claim)) return
    this.#route([claim.partition])
    this.#sendLater(this.#table.assignUnowned())
  }

  /** A web server is about to end: it gets nothing more, and hands over what no request uses. */
  async drain(name: ActorName): Promise<void> {
    const owner = this.#webServers.get(name)
    if (owner === undefined) return
    owner.leaving = true
    this.#table.onWebServerDraining(name)
    await this.#handOver(this.#table.planDrain(name))
  }

  /** Gives web servers that own too little their share, by handover. */
  rebalance(): void {
    this.#retryMs = REBALANCE_RETRY_MS
    this.#rebalanceNow()
  }

  #rebalanceNow(): void {
    if (this.#rebalancing || this.#stopped) return
    this.#rebalancing = true
    clearTimeout(this.#retry)
    void this.#rebalance().finally(() => {
      this.#rebalancing = false
    })
  }

  async #rebalance(): Promise<void> {
    let moved = 0
    for (const name of [...this.#webServers.keys()])
      moved += await this.#handOver(this.#table.planShare(name))
    if (moved > 0) this.#log.info({ partitions: moved }, 'handover')
    const unbalanced = [...this.#webServers.keys()].some(name => this.#table.planShare(name).length > 0)
    if (unbalanced && !this.#stopped) {
      if (moved > 0) this.#retryMs = REBALANCE_RETRY_MS
      this.#retry = setTimeout(() => this.#rebalanceNow(), moved > 0 ? 0 : this.#retryMs).unref()
      if (moved === 0) this.#retryMs = Math.min(2 * this.#retryMs, REBALANCE_RETRY_MAX_MS)
    }
  }

  /** @returns how many partitions were handed over; those in use for long stay where they are */
  async #handOver(moves: readonly Move[]): Promise<number> {
    let moved = 0
    for (const move of moves) {
      const begunAt = performance.now()
      const ofMove = await this.#move(move)
      this.#observations.handedOver(move.from, move.to, ofMove, performance.now() - begunAt)
      moved += ofMove
    }
    return moved
  }

  async #move({ from, to, partitions }: Move): Promise<number> {
    let moved = 0
    for (let start = 0; start < partitions.length; start += HANDOVER_SLICE) {
      if (this.#stopped || !this.#mayReceive(to)) return moved
      moved += await this.#moveSlice({
        from,
        to,
        partitions: partitions.slice(start, start + HANDOVER_SLICE),
      })
    }
    return moved
  }

  /** Whether it runs and is not about to end. */
  #mayReceive(name: ActorName): boolean {
    return this.#webServers.get(name)?.leaving === false
  }

  /** New requests of the partitions wait at the front meanwhile. */
  async #moveSlice({ from, to, partitions: planned }: Move): Promise<number> {
    const source = this.#webServers.get(from)
    // Plans are made for many slices: meanwhile others may have moved, or are just moving, some of these.
    const partitions = planned.filter(
      partition => this.#table.ownerOf(partition) === from && !this.#moving.has(partition),
    )
    if (source === undefined || partitions.length === 0) return 0
    for (const partition of partitions) this.#moving.add(partition)
    this.#route(partitions)
    const release = source.actor.control
      .within(HANDOVER_WAIT_MS + this.#controlDeadlineMs)
      .release(partitions, HANDOVER_WAIT_MS)
    const released = await this.#call(source.actor, release)
    // First who owns them now, then the routes: or what waited would be sent to the source, which has let them go.
    const receiver = this.#mayReceive(to) ? to : from
    const assignments = this.#table.onReleased({ from, to: receiver, partitions: released ?? [] })
    for (const partition of partitions) this.#moving.delete(partition)
    // A source that died keeps no route: what waited goes on once the takeover has found other owners.
    if (released !== undefined || this.#webServers.get(from) !== source) this.#route(partitions)
    if (released === undefined) return 0
    if (this.#stopped) return 0
    await this.#send(assignments)
    this.#sendLater(this.#table.assignUnowned())
    return receiver === to ? released.length : 0
  }

  #sendLater(assignments: Assignments): void {
    void this.#send(assignments)
  }

  /** Tells owners what they own; the front sends them requests once they have confirmed. */
  async #send(assignments: Assignments): Promise<void> {
    await Promise.all([...assignments].map(([name, ofOwner]) => this.#assign(name, ofOwner)))
  }

  async #assign(name: ActorName, assignments: readonly Assignment[]): Promise<void> {
    const owner = this.#webServers.get(name)
    if (owner === undefined) return
    const confirmation = owner.actor.control.assign(assignments).then(() => true)
    const confirmed = await this.#call(owner.actor, confirmation)
    if (confirmed === undefined || this.#webServers.get(name) !== owner) return
    for (const { partition, epoch } of assignments) {
      if (epoch > (this.#confirmed[partition] ?? 0)) this.#confirmed[partition] = epoch
    }
    this.#route(assignments.map(({ partition }) => partition))
  }

  /** Brings the routes of these partitions up to date: an owner that has confirmed its epoch, or null. */
  #route(partitions: readonly Partition[]): void {
    const found = new Set<Partition>()
    for (const partition of partitions) {
      const before = this.#routes[partition] ?? null
      const after = this.#routeOf(partition)
      if (before === after) continue
      this.#routes[partition] = after
      this.#countRoute(before, -1)
      this.#countRoute(after, 1)
      if (after !== null) found.add(partition)
    }
    if (found.size === 0) return
    this.#events.ownerChanged(found)
    this.#observations.routed(found)
  }

  #routeOf(partition: Partition): WebServerLink | null {
    const name = this.#table.ownerOf(partition)
    if (name === null || this.#moving.has(partition)) return null
    if (this.#confirmed[partition] !== this.#table.epochOf(partition)) return null
    return this.#webServers.get(name)?.link ?? null
  }

  #countRoute(link: WebServerLink | null, change: number): void {
    for (const owner of this.#webServers.values()) if (owner.link === link) owner.routed += change
  }

  #connect(webServer: WebServerPeer, sessionServer: ActorHandle<SessionServerControl>): void {
    const { port1, port2 } = new MessageChannel()
    void this.#call(sessionServer, sessionServer.control.connect(webServer.name, port1))
    void this.#call(webServer.actor, webServer.actor.control.connect(sessionServer.name as ActorName, port2))
  }

  /**
   * Waits for a control call. An actor that ended is dealt with where its end is noticed; one that lives and does not
   * answer, or refuses, can't be relied on and is killed.
   * @returns undefined when the call failed
   */
  async #call<T>(actor: ActorHandle<unknown>, call: Promise<T>): Promise<T | undefined> {
    try {
      return await call
    } catch (error) {
      this.#log.debug({ err: error, actor: actor.name }, 'control call failed')
      actor.kill(`a control call failed: ${error instanceof Error ? error.message : String(error)}`)
      return undefined
    }
  }
}
