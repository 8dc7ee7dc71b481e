/**
 * Carries out what the partition table decides: tells web servers what they own, connects them with session servers,
 * and lets others take over what a lost one owned. Planned moves are `handovers.ts`, where requests go is `routes.ts`.
 */
import { MessageChannel } from 'node:worker_threads'
import type { Logger } from 'pino'
import type { Assignment, Settled } from '../replication/assignment.js'
import type { ActorName, Epoch, Partition } from '../replication/ids.js'
import type { Claim } from '../replication/messages.js'
import type { Assignments, PartitionTable } from '../replication/partition-table.js'
import type { SessionServerControl } from '../transport/actor-control.js'
import type { ActorHandle } from './actors/actor-handle.js'
import type { Router, WebServerLink } from './front/router.js'
import { Handovers } from './handovers.js'
import { Observations } from './observations.js'
import { Routes, type WebServerPeer } from './routes.js'

export type { WebServerPeer } from './routes.js'

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
  readonly #events: OwnershipEvents
  readonly #observations: Observations
  readonly #routes: Routes
  readonly #handovers: Handovers
  readonly #sessionServers = new Map<ActorName, ActorHandle<SessionServerControl>>()
  /** Until every first start is done nothing is assigned, so that nobody begins with everything. */
  #open = false
  #stopped = false

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
    this.#events = events
    this.#observations = observations
    this.#routes = new Routes(table, partitions => {
      events.ownerChanged(partitions)
      observations.routed(partitions)
    })
    this.#handovers = new Handovers({
      ...{ table, routes: this.#routes, controlDeadlineMs, observations },
      call: (actor, call) => this.#call(actor, call),
      send: (assignments, handover) => this.#send(assignments, handover),
    })
  }

  ownerOf(partition: Partition): WebServerLink | null {
    return this.#routes.ownerOf(partition)
  }

  leastBusy(): WebServerLink | null {
    return this.#routes.leastBusy()
  }

  /** The first actors are there: spreads the partitions over them. Resolves when every owner has confirmed. */
  async open(): Promise<void> {
    this.#open = true
    await this.#send(this.#table.assignUnowned())
  }

  /** Nothing is moved or assigned any more. */
  close(): void {
    this.#stopped = true
    this.#handovers.close()
  }

  /**
   * A session server runs: every web server is connected with it, and it becomes a replica.
   * @param fences the highest epoch that it knows of each partition
   */
  onSessionServerUp(actor: ActorHandle<SessionServerControl>, fences: readonly Epoch[]): void {
    const name = actor.name as ActorName
    this.#sessionServers.set(name, actor)
    for (const webServer of this.#routes.owners.values()) this.#connect(webServer, actor)
    this.#sendLater(this.#table.onSessionServerUp(name, fences))
    this.#observations.copiesMayHaveChanged()
  }

  /** A session server is gone: its partitions get another where one is left. */
  onSessionServerLost(name: ActorName): void {
    if (!this.#sessionServers.delete(name) || this.#stopped) return
    for (const { actor } of this.#routes.owners.values())
      void this.#call(actor, actor.control.disconnect(name))
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

  /**
   * A web server runs: it gets what nobody owns, and then its share of the rest.
   * @param aside it gets nothing before it is told to {@link serve}, as long as there are others
   */
  onWebServerUp(peer: WebServerPeer, aside = false): void {
    this.#routes.add(peer, aside)
    for (const sessionServer of this.#sessionServers.values()) this.#connect(peer, sessionServer)
    this.#table.onWebServerUp(peer.name)
    if (aside) this.#table.onWebServerAside(peer.name)
    if (!this.#open) return
    this.#sendLater(this.#table.assignUnowned())
    if (!aside) this.#handovers.rebalance()
  }

  /** A web server is gone: the others take its partitions over. */
  onWebServerLost(name: ActorName): void {
    const partitions = this.#table.ownedBy(name)
    const owner = this.#routes.remove(name)
    if (owner === undefined) return
    this.#table.onWebServerLost(name)
    this.#routes.update(partitions)
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
    if (!this.#routes.owners.has(name) || this.#stopped) return
    for (const settled of reports) this.#sendLater(this.#table.onSettled(name, settled))
    this.#observations.copiesMayHaveChanged()
  }

  /** A web server dropped a partition of which a session server knows a later epoch: it is assigned beyond that. */
  onFenced(name: ActorName, claim: Claim): void {
    if (this.#stopped || !this.#table.onFenced(name, claim)) return
    this.#routes.update([claim.partition])
    this.#sendLater(this.#table.assignUnowned())
  }

  /** A web server gets nothing more, neither partitions nor new visitors, as long as there are others. */
  standAside(name: ActorName): void {
    const owner = this.#routes.owners.get(name)
    if (owner === undefined) return
    owner.aside = true
    this.#table.onWebServerAside(name)
  }

  /** A web server gets partitions and visitors again. Call {@link spread}, {@link empty} or {@link rebalance} then. */
  serve(name: ActorName): void {
    const owner = this.#routes.owners.get(name)
    if (owner === undefined) return
    owner.aside = false
    this.#table.onWebServerBack(name)
    this.#sendLater(this.#table.assignUnowned())
  }

  /** Partitions that a web server owns. */
  countOf(name: ActorName): number {
    return this.#table.ownedBy(name).length
  }

  /**
   * Requests of what a web server still owns wait from here on: it is about to end.
   * @returns lets them go on, to whoever has taken over
   */
  holdBack(name: ActorName): () => void {
    const partitions = this.#table.ownedBy(name).filter(partition => !this.#routes.isMoving(partition))
    this.#routes.beginMove(partitions)
    return () => {
      this.#routes.endMove(partitions)
      this.#routes.update(partitions)
    }
  }

  /** See {@link Handovers.empty}. */
  empty(name: ActorName): Promise<number> {
    return this.#handovers.empty(name)
  }

  /** See {@link Handovers.spread}. */
  spread(signal: AbortSignal): Promise<number> {
    return this.#handovers.spread(signal)
  }

  /** See {@link Handovers.rebalance}. */
  rebalance(): void {
    this.#handovers.rebalance()
  }

  #sendLater(assignments: Assignments): void {
    void this.#send(assignments)
  }

  /** Tells owners what they own; the front sends them requests once they have confirmed. */
  async #send(assignments: Assignments, handover: number | null = null): Promise<void> {
    await Promise.all([...assignments].map(([name, ofOwner]) => this.#assign(name, ofOwner, handover)))
  }

  async #assign(name: ActorName, assignments: readonly Assignment[], handover: number | null): Promise<void> {
    const owner = this.#routes.owners.get(name)
    if (owner === undefined) return
    const confirmation = owner.actor.control.assign(assignments, handover).then(() => true)
    const confirmed = await this.#call(owner.actor, confirmation)
    if (confirmed === undefined || this.#routes.owners.get(name) !== owner) return
    for (const { partition, epoch } of assignments) this.#routes.confirm(partition, epoch)
    this.#routes.update(assignments.map(({ partition }) => partition))
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
