/** The director: the real partition table, and the procedure around it that the real director follows. */
import type { HandedOver } from '../../lib/replication/handed-over.js'
import { type ActorName, type Partition, partitionOf } from '../../lib/replication/ids.js'
import { type Assignments, type Move, PartitionTable } from '../../lib/replication/partition-table.js'
import { Channel, type Receiver } from './channel.js'
import type { Answer, Control, Operation, Released, Report } from './conversation.js'
import type { SimulatedSessionServer } from './session-server.js'
import { SimulatedWebServer } from './web-server.js'
import type { World } from './world.js'
import type { WriterCheck } from './writer-check.js'

/** How long an operation may wait for an owner before it is refused, virtual ms. */
const PARK_MS = 3_000
/** How often the parked operations are looked at, virtual ms. */
const TICK_MS = 100
/** How often an operation may be sent on because its owner had changed. */
const REROUTES_MAX = 20
/** How long an owner may take to give partitions up, virtual ms. */
const RELEASE_WITHIN_MS = 1_000

/** One web server as the director knows it, until it declares it dead. */
interface Connection {
  readonly server: SimulatedWebServer
  readonly control: Channel<Control>
  readonly exchange: Channel<Operation>
}

interface Pending {
  readonly operation: Operation
  readonly answer: (answer: Answer) => void
  readonly since: number
  reroutes: number
  at: Connection | null
}

export class SimulatedDirector implements Receiver {
  readonly dead = false
  readonly pausedUntil = 0
  readonly table: PartitionTable
  /** Called whenever web servers are told of a change: the moment at which a fault is most unwelcome. */
  onChange: () => void = () => {}
  readonly #world: World
  readonly #claims: WriterCheck
  readonly #connections = new Map<ActorName, Connection>()
  readonly #sessionServers = new Map<ActorName, SimulatedSessionServer>()
  readonly #pending = new Map<number, Pending>()
  readonly #moves = new Map<Connection, Move>()
  #lives = 0

  constructor(world: World, partitions: readonly Partition[], claims: WriterCheck) {
    const { copies, sessionServers } = world.parameters
    this.#world = world
    this.#claims = claims
    this.table = new PartitionTable(copies, sessionServers, partitions)
    this.#planTick()
  }

  /** Operations without an answer. */
  get pendingCount(): number {
    return this.#pending.size
  }

  get webServers(): readonly SimulatedWebServer[] {
    return [...this.#connections.values()].map(({ server }) => server)
  }

  get sessionServers(): readonly SimulatedSessionServer[] {
    return [...this.#sessionServers.values()]
  }

  startWebServer(name: ActorName): SimulatedWebServer {
    const reports = new Channel<Report>(this.#world, this, report => this.#onReport(connection, report))
    const released = new Channel<Released>(this.#world, this, message =>
      this.#onReleased(connection, message),
    )
    const server = new SimulatedWebServer(this.#world, name, ++this.#lives, this.#claims, {
      report: report => reports.send(report),
      released: message => released.send(message),
    })
    const connection: Connection = {
      server,
      control: new Channel<Control>(this.#world, server, message => server.onControl(message)),
      exchange: new Channel<Operation>(this.#world, server, operation => server.onOperation(operation)),
    }
    this.#connections.set(name, connection)
    for (const sessionServer of this.#sessionServers.values()) {
      connection.control.send({ type: 'connect', server: sessionServer })
    }
    this.table.onWebServerUp(name)
    this.#assign(this.table.assignUnowned())
    this.#planShare(name)
    this.#unpark()
    return server
  }

  /** The director has noticed, rightly or not, that a web server is gone. */
  onWebServerDead(server: SimulatedWebServer): void {
    const connection = this.#connections.get(server.name)
    if (connection?.server !== server) return
    this.#world.trace('director', `declares ${server.name} dead`)
    this.#connections.delete(server.name)
    this.#moves.delete(connection)
    this.table.onWebServerLost(server.name)
    for (const pending of this.#pending.values()) {
      if (pending.at !== connection) continue
      // As over HTTP: what may be repeated goes to the new owner, the rest is refused.
      if (pending.operation.kind === 'read') pending.at = null
      else this.#finish(pending, { type: 'error', code: 'WEB_SERVER_LOST' })
    }
    this.#assign(this.table.assignUnowned())
    this.#unpark()
  }

  onSessionServerUp(server: SimulatedSessionServer): void {
    this.#sessionServers.set(server.name, server)
    for (const { control } of this.#connections.values()) control.send({ type: 'connect', server })
    this.#assign(this.table.onSessionServerUp(server.name))
  }

  /** @returns whether the last up-to-date copy of some partition is lost with it */
  onSessionServerDead(server: SimulatedSessionServer): boolean {
    this.#world.trace('director', `declares ${server.name} dead`)
    this.#sessionServers.delete(server.name)
    for (const { control } of this.#connections.values()) {
      control.send({ type: 'disconnect', replica: server.name })
    }
    const { assignments, lastCopyLost } = this.table.onSessionServerLost(server.name)
    this.#assign(assignments)
    return lastCopyLost.length > 0
  }

  /** Moves everything away from a web server, as a rolling restart does before it. */
  handOver(server: SimulatedWebServer): void {
    if (this.#moves.size > 0) return
    const [move] = this.table.planDrain(server.name)
    if (move !== undefined) this.#move(move)
  }

  submit(operation: Operation, answer: (answer: Answer) => void): void {
    const pending: Pending = { operation, answer, since: this.#world.timeline.now, reroutes: 0, at: null }
    this.#pending.set(operation.number, pending)
    this.#dispatch(pending)
  }

  #dispatch(pending: Pending): void {
    const partition = partitionOf(pending.operation.id)
    const owner = this.table.ownerOf(partition)
    const connection = owner === null ? undefined : this.#connections.get(owner)
    if (connection === undefined || this.#isMoving(partition)) {
      pending.at = null
      return
    }
    pending.at = connection
    connection.exchange.send(pending.operation)
  }

  #onReport(connection: Connection, report: Report): void {
    if (this.#connections.get(connection.server.name) !== connection) return
    switch (report.type) {
      case 'answer':
        this.#onAnswer(connection, report.number, report.answer)
        break
      case 'reroute':
        this.#onReroute(connection, report.number)
        break
      case 'settled':
        this.#world.trace('director', `hears that ${JSON.stringify(report.settled)} is settled`)
        this.#assign(this.table.onSettled(connection.server.name, report.settled))
        break
      case 'fenced':
        // Whoever is not declared dead gives up what it owns before another gets it.
        this.#world.check(
          false,
          () => `${connection.server.name} was fenced from ${report.partition}, though it lives`,
        )
        break
      default:
        report satisfies never
    }
  }

  #onAnswer(connection: Connection, number: number, answer: Answer): void {
    const pending = this.#pending.get(number)
    if (pending?.at === connection) this.#finish(pending, answer)
  }

  #onReroute(connection: Connection, number: number): void {
    const pending = this.#pending.get(number)
    if (pending?.at !== connection) return
    if (pending.reroutes++ < REROUTES_MAX) this.#dispatch(pending)
    else this.#finish(pending, { type: 'error', code: 'REROUTED_TOO_OFTEN' })
  }

  /** Gives a web server its share, one move after the other. */
  #planShare(to: ActorName): void {
    const move = this.table.planShare(to).find(({ from }) => !this.#isReleasing(from))
    if (move !== undefined) this.#move(move)
  }

  #move(move: Move): void {
    const from = this.#connections.get(move.from)
    if (from === undefined) return
    this.#world.trace('director', `moves ${move.partitions.join(' ')} from ${move.from} to ${move.to}`)
    this.#moves.set(from, move)
    from.control.send({ type: 'release', partitions: move.partitions, withinMs: RELEASE_WITHIN_MS })
  }

  #onReleased(connection: Connection, { handedOver }: Released): void {
    const move = this.#moves.get(connection)
    if (move === undefined) return
    this.#moves.delete(connection)
    const partitions = handedOver.map(({ partition }) => partition)
    this.#world.trace('director', `hears that ${move.from} released ${partitions.join(' ')}`)
    this.#assign(this.table.onReleased({ ...move, partitions }), handedOver)
    this.#assign(this.table.assignUnowned())
    this.#unpark()
  }

  #assign(assignments: Assignments, handedOver: readonly HandedOver[] = []): void {
    if (assignments.size > 0) this.onChange()
    for (const [name, list] of assignments) {
      for (const assignment of list)
        this.#world.trace('director', `assigns to ${name}: ${JSON.stringify(assignment)}`)
      this.#connections.get(name)?.control.send({ type: 'assign', assignments: list, handedOver })
    }
  }

  #isMoving(partition: Partition): boolean {
    return [...this.#moves.values()].some(({ partitions }) => partitions.includes(partition))
  }

  #isReleasing(name: ActorName): boolean {
    return [...this.#moves.values()].some(({ from }) => from === name)
  }

  #unpark(): void {
    for (const pending of this.#pending.values()) {
      if (pending.at === null) this.#dispatch(pending)
    }
  }

  #finish(pending: Pending, answer: Answer): void {
    this.#pending.delete(pending.operation.number)
    pending.answer(answer)
  }

  #planTick(): void {
    const { timeline } = this.#world
    timeline.after(TICK_MS, () => {
      for (const pending of this.#pending.values()) {
        if (pending.at !== null || timeline.now - pending.since < PARK_MS) continue
        this.#finish(pending, { type: 'error', code: 'PARKED_TOO_LONG' })
      }
      this.#planTick()
    })
  }
}
