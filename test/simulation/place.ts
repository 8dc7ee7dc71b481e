/**
 * The place of one session server: its lives, one after the other, and, when it is on another host, the gateways through
 * which the main host reaches it. What ends is started again, as a supervisor would.
 */
import type { ActorName, Epoch, Partition } from '../../lib/replication/ids.js'
import { MAIN_HOST } from './clocks.js'
import { type DiskImage, EMPTY_IMAGE } from './disk.js'
import { SimulatedGateway, Wire } from './gateway.js'
import { SimulatedStream } from './message-stream.js'
import type { SessionServerParameters } from './parameters.js'
import type { PlannedFault } from './schedule.js'
import { type ReplicaEnd, SimulatedSessionServer } from './session-server.js'
import type { World } from './world.js'

/** Time until a failed gateway is missed, and between two tries to open a stream, virtual ms. */
const NOTICE_MS = 10
const REOPEN_MS = 150

/** What places tell the director. */
export interface PlaceEvents {
  up(end: ReplicaEnd, fences: readonly Epoch[]): void
  lost(end: ReplicaEnd): void
}

export class Place {
  readonly name: ActorName
  readonly host: string
  readonly parameters: SessionServerParameters
  readonly wire = new Wire()
  readonly #world: World
  readonly #partitions: readonly Partition[]
  readonly #events: PlaceEvents
  #server: SimulatedSessionServer | null = null
  #stream: SimulatedStream | null = null
  /** The process that opened it. */
  #streamOf = 0
  #end: ReplicaEnd | null = null
  #disk: DiskImage = EMPTY_IMAGE
  #backup: DiskImage | null = null
  #lives = 0
  /** Rises when the process that gateways belong to is another. */
  #mainHostLife = 1

  constructor(
    world: World,
    name: ActorName,
    parameters: SessionServerParameters,
    partitions: readonly Partition[],
    events: PlaceEvents,
  ) {
    this.#world = world
    this.name = name
    this.host = parameters.isRemote ? name : MAIN_HOST
    this.parameters = parameters
    this.#partitions = partitions
    this.#events = events
  }

  /** Its life at this moment. */
  get server(): SimulatedSessionServer | null {
    return this.#server
  }

  /** What web servers are connected with, as long as nothing has happened to it. */
  get end(): ReplicaEnd | null {
    const { timeline } = this.#world
    const isCut = Math.max(this.wire.thereCutUntil, this.wire.backCutUntil) > timeline.now
    const isUp = this.#server !== null && !this.#server.dead && this.#end !== null && !this.#end.dead
    // A gateway may not have noticed yet that the session server behind it is another.
    const isItsEnd = !this.parameters.isRemote || this.#stream?.server === this.#server
    return isUp && isItsEnd && !isCut ? this.#end : null
  }

  /** What it holds outlives everything that ends on the main host. */
  get isDurable(): boolean {
    return this.parameters.isRemote || this.parameters.hasDisk
  }

  start(): void {
    const { isRemote, hasDisk } = this.parameters
    const options = { name: this.name, host: this.host, partitions: this.#partitions }
    const life = ++this.#lives
    const server = new SimulatedSessionServer(
      this.#world,
      { ...options, disk: hasDisk ? this.#disk : null },
      life,
    )
    this.#server = server
    this.#world.tell(this.name, () => `starts with ${server.store.stats().sessions} sessions`)
    if (isRemote) this.#open(this.#mainHostLife)
    else this.#connect(server)
  }

  /** Its session server ends, and starts again in time. */
  lose({ disk, transaction, detectMs, restartMs }: PlannedFault): void {
    const server = this.#server
    if (server === null || server.dead) return
    this.#endLife(server, disk, transaction)
    const { timeline } = this.#world
    if (!this.parameters.isRemote) {
      timeline.after(detectMs, () => {
        server.closeGate()
        this.#lost(server)
      })
    }
    // The gateway notices by itself.
    timeline.after(detectMs + restartMs, () => {
      if (this.#server === server) this.start()
    })
  }

  /** Puts aside what its disk holds. */
  backUp(): void {
    this.#backup = this.#server?.disk?.image() ?? null
  }

  /** Everything on the main host ends at once. */
  onMainHostLost(transaction: PlannedFault['transaction']): void {
    this.#mainHostLife++
    const gateway = this.#end
    this.#end = null
    if (gateway instanceof SimulatedGateway) gateway.dead = true
    if (this.parameters.isRemote || this.#server === null) return
    if (!this.#server.dead) this.#endLife(this.#server, 'last', transaction)
    this.#server = null
  }

  /** The main host starts again. */
  onMainHostStarts(): void {
    if (this.#lives === 0) return
    if (!this.parameters.isRemote) this.start()
    else if (this.#server !== null) this.#open(this.#mainHostLife)
  }

  #endLife(
    server: SimulatedSessionServer,
    disk: PlannedFault['disk'],
    transaction: PlannedFault['transaction'],
  ): void {
    server.dead = true
    const last = server.disk?.crash(transaction) ?? EMPTY_IMAGE
    const images = { last, earlier: this.#backup ?? last, none: EMPTY_IMAGE }
    this.#disk = images[disk]
  }

  /** Tries until the far host answers. Opening a stream ends the earlier one of the same process. */
  #open(mainHostLife: number): void {
    const { timeline } = this.#world
    // The director hears of the loss of one gateway before another begins.
    if (this.#mainHostLife !== mainHostLife || this.#end !== null) return
    const server = this.#server
    const { thereCutUntil, backCutUntil } = this.wire
    if (server === null || server.dead || Math.max(thereCutUntil, backCutUntil) > timeline.now) {
      timeline.after(REOPEN_MS, () => this.#open(mainHostLife))
      return
    }
    if (this.#streamOf === mainHostLife) this.#stream?.end()
    this.#streamOf = mainHostLife
    const stream = new SimulatedStream(server)
    this.#stream = stream
    const gateway = new SimulatedGateway(this.#world, {
      ...{ name: this.name, life: ++this.#lives, wire: this.wire, stream },
      onFailed: why => this.#onGatewayFailed(gateway, why),
    })
    this.#connect(gateway)
  }

  #onGatewayFailed(gateway: SimulatedGateway, why: string): void {
    this.#world.tell(this.name, () => `its gateway ends: ${why}`)
    const life = this.#mainHostLife
    this.#world.timeline.after(NOTICE_MS, () => this.#lost(gateway))
    this.#world.timeline.after(NOTICE_MS + REOPEN_MS, () => this.#open(life))
  }

  #connect(end: ReplicaEnd): void {
    this.#end = end
    this.#events.up(end, this.#server?.fences() ?? [])
  }

  #lost(end: ReplicaEnd): void {
    if (this.#end !== end) return
    this.#end = null
    this.#events.lost(end)
  }
}
