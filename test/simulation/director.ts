/** The director: the real partition table, and the procedure around it that the real director follows. */
import type { Assignment } from '../../lib/replication/assignment.js'
import type { HandedOver } from '../../lib/replication/handed-over.js'
import type { ActorName, Epoch, Partition } from '../../lib/replication/ids.js'
import type { Claim } from '../../lib/replication/messages.js'
import { type Assignments, type Move, PartitionTable } from '../../lib/replication/partition-table.js'
import { Channel, type Receiver } from './channel.js'
import type { Control, Operation, Released, Report } from './conversation.js'
import { type Destination, Requests } from './requests.js'
import type { ReplicaEnd } from './session-server.js'
import { SimulatedWebServer } from './web-server.js'
import type { World } from './world.js'
import type { WriterCheck } from './writer-check.js'

/** How often the parked operations are looked at, virtual ms. */
const TICK_MS = 100
/** How long an owner may take to give partitions up, virtual ms. */
const RELEASE_WITHIN_MS = 1_000

/** One web server as the director knows it, until it declares it dead. */
interface Connection extends Destination {
  readonly server: SimulatedWebServer
  readonly control: Channel<Control>
}

export class SimulatedDirector implements Receiver {
  readonly dead = false
  readonly pausedUntil = 0
  readonly requests: Requests
  /** Called whenever web servers are told of a change: the moment at which a fault is most unwelcome. */
  onChange: () => void = () => {}
  readonly #world: World
  readonly #partitions: readonly Partition[]
  readonly #claims: WriterCheck
  readonly #connections = new Map<ActorName, Connection>()
  /** Every web server of this process, those declared dead among them, which may run on. */
  readonly #threads = new Set<SimulatedWebServer>()
  readonly #ends = new Map<ActorName, ReplicaEnd>()
  readonly #moves = new Map<Connection, Move>()
  /** Replicas that are about to leave each partition, as its owner was told last. */
  readonly #retiring = new Map<Partition, ActorName | null>()
  #table: PartitionTable
  #isOpen = false
  #lives = 0

  constructor(world: World, partitions: readonly Partition[], claims: WriterCheck) {
    this.#world = world
    this.#partitions = partitions
    this.#claims = claims
    this.#table = this.#newTable()
    this.requests = new Requests(world.timeline, partition => this.#destinationOf(partition))
    this.#planTick()
  }

  get table(): PartitionTable {
    return this.#table
  }

  get webServers(): readonly SimulatedWebServer[] {
    return [...this.#connections.values()].map(({ server }) => server)
  }

  /** The session servers that it counts as up. */
  get ends(): ReadonlyMap<ActorName, ReplicaEnd> {
    return this.#ends
  }

  /** The replicas of a partition that are up to date, and whose acknowledgements count. */
  countedReplicasOf(partition: Partition): ActorName[] {
    const retiring = this.#retiring.get(partition)
    return this.#table.syncedReplicasOf(partition).filter(name => name !== retiring)
  }

  /** The first session servers are there: from here on partitions are assigned. */
  open(): void {
    this.#isOpen = true
    this.#assign(this.#table.assignUnowned())
    this.requests.unpark()
  }

  /** It ends with every web server, and knows nothing any more. */
  end(): void {
    this.#world.tell('director', () => 'ends with everything on its host')
    for (const server of this.#threads) server.dead = true
    this.#threads.clear()
    this.#connections.clear()
    this.#ends.clear()
    this.#moves.clear()
    this.#table = this.#newTable()
    this.#isOpen = false
    // Beyond what the guarantee covers, nothing may be left that knows of the epochs before.
    if (this.#world.parameters.profile === 'storm') this.#claims.forget()
    this.requests.onDirectorLost()
  }

  startWebServer(name: ActorName): SimulatedWebServer {
    const life = ++this.#lives
    const reports = new Channel<Report>(this.#world, `${life} reports`, this, report =>
      this.#onReport(connection, report),
    )
    const released = new Channel<Released>(this.#world, `${life} released`, this, message =>
      this.#onReleased(connection, message),
    )
    const server = new SimulatedWebServer(this.#world, name, life, this.#claims, {
      report: report => reports.send(report),
      released: message => released.send(message),
    })
    const connection: Connection = {
      server,
      control: new Channel<Control>(this.#world, `${life} control`, server, message =>
        server.onControl(message),
      ),
      exchange: new Channel<Operation>(this.#world, `${life} exchange`, server, operation =>
        server.onOperation(operation),
      ),
    }
    this.#world.tell('director', () => `starts ${name}`)
    this.#connections.set(name, connection)
    this.#threads.add(server)
    for (const end of this.#ends.values()) connection.control.send({ type: 'connect', end })
    this.#table.onWebServerUp(name)
    if (!this.#isOpen) return server
    this.#assign(this.#table.assignUnowned())
    this.#planShare(name)
    this.requests.unpark()
    return server
  }

  /** The director has noticed, rightly or not, that a web server is gone. */
  onWebServerDead(server: SimulatedWebServer): void {
    const connection = this.#connections.get(server.name)
    if (connection?.server !== server) return
    this.#world.tell('director', () => `declares ${server.name} dead`)
    this.#connections.delete(server.name)
    this.#moves.delete(connection)
    this.#table.onWebServerLost(server.name)
    this.requests.onLost(connection)
    if (this.#isOpen) this.#assign(this.#table.assignUnowned())
    this.requests.unpark()
  }

  onSessionServerUp(end: ReplicaEnd, fences: readonly Epoch[]): void {
    this.#world.tell('director', () => `hears that ${end.name} is up`)
    this.#ends.set(end.name, end)
    for (const { control } of this.#connections.values()) control.send({ type: 'connect', end })
    this.#assign(this.#table.onSessionServerUp(end.name, fences))
  }

  onSessionServerDead(end: ReplicaEnd): void {
    if (this.#ends.get(end.name) !== end) return
    this.#world.tell('director', () => `declares ${end.name} dead`)
    this.#ends.delete(end.name)
    for (const { control } of this.#connections.values()) {
      control.send({ type: 'disconnect', replica: end.name })
    }
    const { assignments, lastCopyLost } = this.#table.onSessionServerLost(end.name)
    if (lastCopyLost.length > 0) {
      this.#world.tell('director', () => `knows no up-to-date copy of partitions ${lastCopyLost.join(' ')}`)
    }
    this.#assign(assignments)
  }

  /** Moves everything away from a web server, as a rolling restart does before it. */
  handOver(server: SimulatedWebServer): void {
    if (this.#moves.size > 0) return
    const [move] = this.#table.planDrain(server.name)
    if (move !== undefined) this.#move(move)
  }

  #newTable(): PartitionTable {
    const { copies, sessionServers } = this.#world.parameters
    return new PartitionTable(copies, sessionServers.length, this.#partitions)
  }

  #destinationOf(partition: Partition): Destination | null {
    const owner = this.#table.ownerOf(partition)
    if (owner === null || this.#isMoving(partition)) return null
    return this.#connections.get(owner) ?? null
  }

  #onReport(connection: Connection, report: Report): void {
    const { name } = connection.server
    if (this.#connections.get(name) !== connection) return
    switch (report.type) {
      case 'answer':
        this.requests.onAnswer(connection, report.number, report.answer)
        break
      case 'reroute':
        this.requests.onReroute(connection, report.number)
        break
      case 'settled':
        this.#world.tell('director', () => `hears from ${name} that ${report.settled.partition} is settled`)
        this.onChange()
        this.#assign(this.#table.onSettled(name, report.settled))
        break
      case 'fenced':
        this.#onFenced(name, report.claim)
        break
      default:
        report satisfies never
    }
  }

  #onFenced(name: ActorName, claim: Claim): void {
    this.#world.tell('director', () => `hears that ${name} was fenced: ${JSON.stringify(claim)}`)
    // Whoever is not declared dead gives up what it owns before another gets it.
    const isStorm = this.#world.parameters.profile === 'storm'
    this.#world.check(isStorm, () => `${name} was fenced from ${claim.partition}, though it lives`)
    if (!this.#table.onFenced(name, claim)) return
    this.#assign(this.#table.assignUnowned())
    this.requests.unpark()
  }

  /** Gives a web server its share, one move after the other. */
  #planShare(to: ActorName): void {
    const move = this.#table.planShare(to).find(({ from }) => !this.#isReleasing(from))
    if (move !== undefined) this.#move(move)
  }

  #move(move: Move): void {
    const from = this.#connections.get(move.from)
    if (from === undefined) return
    this.#world.tell('director', () => `moves ${move.partitions.join(' ')} from ${move.from} to ${move.to}`)
    this.#moves.set(from, move)
    from.control.send({ type: 'release', partitions: move.partitions, withinMs: RELEASE_WITHIN_MS })
  }

  #onReleased(connection: Connection, { handedOver }: Released): void {
    const move = this.#moves.get(connection)
    if (move === undefined) return
    this.#moves.delete(connection)
    const partitions = handedOver.map(({ partition }) => partition)
    this.#world.tell('director', () => `hears that ${move.from} released ${partitions.join(' ')}`)
    this.#assign(this.#table.onReleased({ ...move, partitions }), handedOver)
    this.#assign(this.#table.assignUnowned())
    this.requests.unpark()
  }

  #assign(assignments: Assignments, handedOver: readonly HandedOver[] = []): void {
    if (assignments.size > 0) this.onChange()
    for (const [name, list] of assignments) {
      for (const { partition, replicas } of list) {
        this.#retiring.set(partition, replicas.find(({ retiring }) => retiring)?.name ?? null)
      }
      this.#world.tell('director', () => `assigns to ${name}: ${toldOf(list)}`)
      this.#connections.get(name)?.control.send({ type: 'assign', assignments: list, handedOver })
    }
  }

  #isMoving(partition: Partition): boolean {
    for (const { partitions } of this.#moves.values()) if (partitions.includes(partition)) return true
    return false
  }

  #isReleasing(name: ActorName): boolean {
    return [...this.#moves.values()].some(({ from }) => from === name)
  }

  #planTick(): void {
    this.#world.timeline.after(TICK_MS, () => {
      this.requests.refuseLate()
      this.#planTick()
    })
  }
}

/** Partitions of which the same is said are named together. */
function toldOf(assignments: readonly Assignment[]): string {
  const partitions = new Map<string, Partition[]>()
  for (const { partition, epoch, revision, replicas, settled, continues } of assignments) {
    const names = replicas.map(
      ({ name, synced, retiring }) =>
        `${name}${synced ? '' : ' (not synced)'}${retiring ? ' (leaving)' : ''}`,
    )
    const said =
      `epoch ${epoch}${continues ? ' (goes on)' : ''}, revision ${revision}, ` +
      `${settled ? 'settled' : 'not settled'}, at ${names.join(', ') || 'none'}`
    partitions.set(said, [...(partitions.get(said) ?? []), partition])
  }
  return [...partitions].map(([said, of]) => `${of.join(' ')}: ${said}`).join('; ')
}
