/**
 * Moves partitions between web servers that live: their share to those that own too little, and everything away from
 * those that are about to end. A slice at a time, whose new requests wait at the front meanwhile; the old owner gives up
 * what no request uses, and passes its cached sessions to the new owner directly.
 */
import { MessageChannel } from 'node:worker_threads'
import type { ActorName, Partition } from '../replication/ids.js'
import type { Assignments, Move, PartitionTable } from '../replication/partition-table.js'
import type { Released } from '../transport/actor-control.js'
import type { ActorHandle } from './actors/actor-handle.js'
import type { Observations } from './observations.js'
import type { Owner, Routes } from './routes.js'

/** Partitions handed over at once: their new requests wait meanwhile. */
const HANDOVER_SLICE = 32
/** How long the requests of one slice may wait for those that use its partitions to finish, ms. */
const HANDOVER_WAIT_MS = 250
/** Time until partitions that were in use are tried again, ms: doubled while nothing moves, as tunnels stay for long. */
const REBALANCE_RETRY_MS = 5_000
/** And no longer than this. */
const REBALANCE_RETRY_MAX_MS = 60_000
/** Passes in a row that move nothing before what is left counts as in use for long. */
const FRUITLESS_PASSES_MAX = 3

/** What handovers need of ownership. */
export interface HandoversOptions {
  readonly table: PartitionTable
  readonly routes: Routes
  /** What a release may take beyond the time that it waits by its nature, ms. */
  readonly controlDeadlineMs: number
  readonly observations: Observations
  /** Waits for a control call: undefined when it failed. */
  readonly call: <T>(actor: ActorHandle<unknown>, call: Promise<T>) => Promise<T | undefined>
  /** Tells owners what they own. @param handover under which sessions came with it */
  readonly send: (assignments: Assignments, handover: number | null) => Promise<void>
}

/** What came of one slice. */
interface MovedSlice {
  readonly count: number
  /** Partitions of it to go on with. */
  readonly postponed: readonly Partition[]
}

const NOTHING_MOVED: MovedSlice = { count: 0, postponed: [] }

export class Handovers {
  readonly #options: HandoversOptions
  #lastNumber = 0
  /** The pass that is under way. */
  #pass: Promise<number> | null = null
  #retry: NodeJS.Timeout | undefined = undefined
  #retryMs = REBALANCE_RETRY_MS
  #stopped = false

  constructor(options: HandoversOptions) {
    this.#options = options
  }

  /** Nothing is moved any more. */
  close(): void {
    this.#stopped = true
    clearTimeout(this.#retry)
  }

  /** Gives web servers that own too little their share, soon; what is in use follows when it is not. */
  rebalance(): void {
    this.#retryMs = REBALANCE_RETRY_MS
    void this.#rebalance()
  }

  /**
   * The same, at once.
   * @param signal ends it early
   * @returns partitions that could not be moved, since requests use them for long: they follow later
   */
  async spread(signal: AbortSignal): Promise<number> {
    for (let fruitless = 0; fruitless < FRUITLESS_PASSES_MAX; ) {
      if (this.#stopped || signal.aborted || this.#missing() === 0) break
      const moved = await this.#rebalance()
      fruitless = moved > 0 ? 0 : fruitless + 1
    }
    return this.#missing()
  }

  /** Hands over what a web server owns, as far as no request uses it. @returns partitions that it still owns */
  async empty(name: ActorName): Promise<number> {
    const { table } = this.#options
    await this.#handOver(table.planDrain(name))
    return table.ownedBy(name).length
  }

  /** How many partitions web servers lack of their shares. */
  #missing(): number {
    const { table, routes } = this.#options
    const plans = [...routes.owners.keys()].flatMap(name => table.planShare(name))
    return plans.reduce((sum, { partitions }) => sum + partitions.length, 0)
  }

  #rebalance(): Promise<number> {
    this.#pass ??= this.#rebalanceOnce().finally(() => {
      this.#pass = null
    })
    return this.#pass
  }

  async #rebalanceOnce(): Promise<number> {
    clearTimeout(this.#retry)
    const { table, routes } = this.#options
    let moved = 0
    for (const name of [...routes.owners.keys()]) moved += await this.#handOver(table.planShare(name))
    if (this.#missing() === 0 || this.#stopped) return moved
    if (moved > 0) this.#retryMs = REBALANCE_RETRY_MS
    this.#retry = setTimeout(() => void this.#rebalance(), moved > 0 ? 0 : this.#retryMs).unref()
    if (moved === 0) this.#retryMs = Math.min(2 * this.#retryMs, REBALANCE_RETRY_MAX_MS)
    return moved
  }

  /** @returns how many partitions were handed over; those in use for long stay where they are */
  async #handOver(moves: readonly Move[]): Promise<number> {
    let moved = 0
    for (const move of moves) {
      const begunAt = performance.now()
      const ofMove = await this.#move(move)
      this.#options.observations.handedOver(move.from, move.to, ofMove, performance.now() - begunAt)
      moved += ofMove
    }
    return moved
  }

  async #move({ from, to, partitions }: Move): Promise<number> {
    let moved = 0
    for (let rest = partitions; rest.length > 0; ) {
      const slice = rest.slice(0, HANDOVER_SLICE)
      const { count, postponed } = await this.#moveSlice({ from, to, partitions: slice })
      moved += count
      rest = [...postponed, ...rest.slice(HANDOVER_SLICE)]
    }
    return moved
  }

  /** New requests of the partitions wait at the front meanwhile. */
  async #moveSlice({ from, to, partitions: planned }: Move): Promise<MovedSlice> {
    const { table, routes, send } = this.#options
    const source = routes.owners.get(from)
    const target = this.#receiver(to)
    // Plans are made for many slices: meanwhile others may have moved, or are just moving, some of these.
    const partitions = planned.filter(
      partition => table.ownerOf(partition) === from && !routes.isMoving(partition),
    )
    if (this.#stopped || source === undefined || target === null || partitions.length === 0)
      return NOTHING_MOVED
    routes.beginMove(partitions)
    const handover = ++this.#lastNumber
    const answer = await this.#release(source, target, partitions, handover)
    const released = answer?.released
    // First who owns them now, then the routes: or what waited would be sent to the source, which has let them go.
    const receiver = this.#receiver(to) === target ? to : from
    const assignments = table.onReleased({ from, to: receiver, partitions: released ?? [] })
    routes.endMove(partitions)
    // A source that died keeps no route: what waited goes on once the takeover has found other owners.
    if (released !== undefined || routes.owners.get(from) !== source) routes.update(partitions)
    if (released === undefined || this.#stopped) {
      this.#forget(target, handover)
      return NOTHING_MOVED
    }
    if (!assignments.has(to)) this.#forget(target, handover)
    await send(assignments, handover)
    void send(table.assignUnowned(), null)
    // To another receiver, or of one that gave nothing up, nothing more: so each slice makes the rest smaller.
    if (receiver !== to || released.length === 0) return NOTHING_MOVED
    return { count: released.length, postponed: answer?.postponed ?? [] }
  }

  /** @returns what the source gave up, undefined when it did not answer */
  async #release(
    source: Owner,
    target: Owner,
    partitions: readonly Partition[],
    handover: number,
  ): Promise<Released | undefined> {
    const { call, controlDeadlineMs } = this.#options
    const { port1, port2 } = new MessageChannel()
    // The target's end first: it holds what is sent before it is assigned anything.
    const roomBytes = await call(target.actor, target.actor.control.receive(handover, port2))
    if (roomBytes === undefined) {
      port1.close()
      return { released: [], postponed: [] }
    }
    const release = source.actor.control
      .within(HANDOVER_WAIT_MS + controlDeadlineMs)
      .release(partitions, HANDOVER_WAIT_MS, { port: port1, roomBytes })
    return await call(source.actor, release)
  }

  #forget(target: Owner, handover: number): void {
    const { routes, call } = this.#options
    if (routes.owners.get(target.name) !== target) return
    void call(target.actor, target.actor.control.receive(handover, null))
  }

  /** One that runs and is in service. */
  #receiver(name: ActorName): Owner | null {
    const owner = this.#options.routes.owners.get(name)
    return owner === undefined || owner.aside ? null : owner
  }
}
