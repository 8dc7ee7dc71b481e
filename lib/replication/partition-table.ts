/**
 * The director's partition table: who owns each partition in which epoch, which session servers hold it, and what to
 * change when an actor comes or goes. Pure: inputs in, the assignments to send out.
 */
import type { AssignedReplica, Assignment, Settled } from './assignment.js'
import { type ActorName, ALL_PARTITIONS, type Epoch, type Partition } from './ids.js'
import type { Claim } from './messages.js'
import { emptyRow, type PartitionRow } from './partition-row.js'
import { type MachineOf, spreadEvenly } from './placement.js'
import { ReplicaPlacement } from './replica-placement.js'

/** Assignments to be sent, by web server. */
export type Assignments = ReadonlyMap<ActorName, readonly Assignment[]>

/** What followed from the loss of a session server. */
export interface ReplicaLoss {
  readonly assignments: Assignments
  /** Partitions of which no up-to-date copy is left: what no cache holds is gone. */
  readonly lastCopyLost: readonly Partition[]
}

/** Partitions to be handed over, from one web server to another. */
export interface Move {
  readonly from: ActorName
  readonly to: ActorName
  readonly partitions: readonly Partition[]
}

export class PartitionTable {
  readonly #copies: number | 'all'
  readonly #configuredSessionServers: number
  readonly #placement: ReplicaPlacement
  readonly #rows: readonly PartitionRow[]
  readonly #byPartition = new Map<Partition, PartitionRow>()
  readonly #webServers = new Set<ActorName>()
  /** Web servers that get no partitions as long as there are others: about to end, or not in service yet. */
  readonly #aside = new Set<ActorName>()
  #version = 0

  /**
   * @param copies session servers that hold each partition
   * @param configuredSessionServers how many there are when all live
   * @param partitions fewer than all in simulations, where only a few are in play
   * @param machineOf copies of a partition are on different machines where there is a choice
   */
  constructor(
    copies: number | 'all',
    configuredSessionServers: number,
    partitions: readonly Partition[] = ALL_PARTITIONS,
    machineOf: MachineOf = name => name,
  ) {
    this.#placement = new ReplicaPlacement(copies, machineOf)
    this.#copies = copies
    this.#configuredSessionServers = configuredSessionServers
    this.#rows = partitions.map(emptyRow)
    for (const row of this.#rows) this.#byPartition.set(row.partition, row)
  }

  /** Rises with each change. */
  get version(): number {
    return this.#version
  }

  ownerOf(partition: Partition): ActorName | null {
    return this.#row(partition).owner
  }

  epochOf(partition: Partition): Epoch {
    return this.#row(partition).epoch
  }

  /** The session servers that hold, or are to hold, a partition. */
  replicasOf(partition: Partition): ActorName[] {
    return this.#row(partition).replicas.map(({ name }) => name)
  }

  /** The session servers that hold a partition up to date. */
  syncedReplicasOf(partition: Partition): ActorName[] {
    return this.#row(partition)
      .replicas.filter(({ synced }) => synced)
      .map(({ name }) => name)
  }

  /** Partitions of one web server. */
  ownedBy(webServer: ActorName): Partition[] {
    return this.#rows.filter(row => row.owner === webServer).map(row => row.partition)
  }

  unowned(): Partition[] {
    return this.#rows.filter(row => row.owner === null).map(row => row.partition)
  }

  /** How many partitions a session server holds up to date. */
  syncedAt(sessionServer: ActorName): number {
    return this.#rows.filter(row => row.replicas.some(({ name, synced }) => synced && name === sessionServer))
      .length
  }

  /** Partitions with fewer up-to-date copies than configured, or whose copies may differ after a takeover. */
  underCopied(): number {
    const wanted = this.#copies === 'all' ? this.#configuredSessionServers : this.#copies
    return this.#rows.filter(row => !row.settled || row.replicas.filter(r => r.synced).length < wanted).length
  }

  /** Whether every partition has an owner and a copy that is up to date. */
  isServing(): boolean {
    return this.#rows.every(row => row.owner !== null && row.replicas.some(({ synced }) => synced))
  }

  /** A web server runs: it gets what nobody owns by {@link assignUnowned}, and its share by {@link planShare}. */
  onWebServerUp(name: ActorName): void {
    this.#webServers.add(name)
    this.#aside.delete(name)
    this.#version++
  }

  /** A web server gets no more partitions: it is about to end, or not in service yet. */
  onWebServerAside(name: ActorName): void {
    if (this.#webServers.has(name)) this.#aside.add(name)
  }

  /** A web server gets partitions again. */
  onWebServerBack(name: ActorName): void {
    this.#aside.delete(name)
  }

  /** A web server died: its partitions have no owner until {@link assignUnowned}. */
  onWebServerLost(name: ActorName): void {
    this.#webServers.delete(name)
    this.#aside.delete(name)
    for (const row of this.#rows) {
      if (row.owner === name) row.owner = null
    }
    this.#version++
  }

  /**
   * Spreads the partitions without owner evenly over the web servers, each in its next epoch (takeover). Those that
   * stand aside get some only when there is nobody else.
   */
  assignUnowned(): Assignments {
    const changed = new Set<PartitionRow>()
    const loads = this.#placement.loadsOf(this.#rows)
    const unowned = this.#rows.filter(row => row.owner === null)
    let isFirst = false
    const inService = this.#receivers()
    const receivers = inService.length > 0 ? inService : [...this.#webServers]
    for (const [row, owner] of spreadEvenly(unowned, receivers, this.#rows)) {
      if (!row.isAssigned) this.#placement.place(row, loads)
      isFirst ||= !row.isAssigned
      row.isAssigned = true
      this.#give(row, owner)
      row.settled = false
      changed.add(row)
    }
    // Session servers that are new since the director before hold nothing yet.
    for (const name of isFirst ? this.#placement.sessionServers : []) {
      for (const row of this.#placement.relieveBy(name, this.#rows, loads)) changed.add(row)
    }
    return this.#assignmentsFor([...changed])
  }

  /** What must move so that a web server has as many partitions as the others: nothing when it has. */
  planShare(to: ActorName): Move[] {
    if (!this.#receivers().includes(to)) return []
    const share = Math.floor(this.#rows.length / this.#receivers().length)
    const moves: Move[] = []
    let wanted = share - this.ownedBy(to).length
    for (const from of this.#receivers()) {
      if (from === to || wanted <= 0) continue
      const owned = this.ownedBy(from)
      const partitions = owned.slice(0, Math.min(wanted, Math.max(0, owned.length - share)))
      if (partitions.length > 0) moves.push({ from, to, partitions })
      wanted -= partitions.length
    }
    return moves
  }

  /** What must move so that a web server owns nothing. */
  planDrain(from: ActorName): Move[] {
    const receivers = this.#receivers().filter(name => name !== from)
    const byReceiver = new Map<ActorName, Partition[]>()
    const rows = this.#rows.filter(row => row.owner === from)
    for (const [row, to] of spreadEvenly(rows, receivers, this.#rows)) {
      const partitions = byReceiver.get(to)
      if (partitions === undefined) byReceiver.set(to, [row.partition])
      else partitions.push(row.partition)
    }
    return [...byReceiver].map(([to, partitions]) => ({ from, to, partitions }))
  }

  /**
   * The old owner gave these partitions up, every replica holding the newest state: the new one owns them in the next
   * epoch. When it is gone meanwhile they have no owner.
   */
  onReleased({ from, to, partitions }: Move): Assignments {
    const rows = partitions.map(partition => this.#row(partition)).filter(row => row.owner === from)
    const receives = this.#webServers.has(to)
    for (const row of rows) {
      if (receives) this.#give(row, to)
      else row.owner = null
    }
    this.#version++
    return this.#assignmentsFor(receives ? rows : [])
  }

  /**
   * An owner dropped a partition since a replica knows a later epoch, or could not go on in the epoch it was told: the
   * next epoch follows that one.
   * @returns false when it was not the owner any more, or the epoch is over
   */
  onFenced(owner: ActorName, { partition, epoch }: Claim): boolean {
    const row = this.#row(partition)
    if (row.owner !== owner || epoch < row.epoch) return false
    row.owner = null
    row.epoch = epoch
    this.#version++
    return true
  }

  /**
   * A session server runs, empty or with old copies: it is brought up to date before it counts.
   * @param fences the highest epoch that it knows of each partition, by number; the next owners go on from there
   */
  onSessionServerUp(name: ActorName, fences: readonly Epoch[] = []): Assignments {
    this.#placement.onUp(name, fences)
    this.#version++
    for (const row of this.#rows) {
      const fence = this.#placement.fenceOf(name, row.partition)
      // An owner that is behind learns of it by a refusal: see onFenced.
      if (row.owner === null && fence > row.epoch) row.epoch = fence
    }
    const changed = new Set<PartitionRow>()
    const loads = this.#placement.loadsOf(this.#rows)
    for (const row of this.#rows) {
      if (row.isAssigned && this.#placement.fill(row, false, loads)) changed.add(row)
    }
    for (const row of this.#placement.relieveBy(name, this.#rows, loads)) changed.add(row)
    return this.#assignmentsFor([...changed])
  }

  /** A session server is gone: its partitions get another, if one is left. */
  onSessionServerLost(name: ActorName): ReplicaLoss {
    this.#placement.onLost(name)
    this.#version++
    const affected = this.#rows.filter(row => row.replicas.some(replica => replica.name === name))
    const lostRows = affected.filter(row => this.#placement.remove(row, name))
    for (const row of lostRows) if (row.owner !== null) this.#beginEpoch(row, true)
    const lastCopyLost = lostRows.map(({ partition }) => partition)
    const loads = this.#placement.loadsOf(this.#rows)
    for (const row of affected) this.#placement.fill(row, false, loads)
    return { assignments: this.#assignmentsFor(affected), lastCopyLost }
  }

  /** An owner has brought all replicas of a partition to the same state. Reports of earlier revisions mean nothing. */
  onSettled(owner: ActorName, { partition, epoch, revision }: Settled): Assignments {
    const row = this.#row(partition)
    if (row.owner !== owner || row.epoch !== epoch || row.revision !== revision) return new Map()
    row.settled = true
    for (const replica of row.replicas) replica.synced = true
    row.former = row.former.filter(former => former.epoch === epoch)
    this.#version++
    const hasLost = this.#placement.retire(row)
    const hasSurplus = this.#placement.hasSurplus(row)
    if (hasSurplus) this.#placement.nameSurplus(row, this.#placement.loadsOf(this.#rows))
    return this.#assignmentsFor(hasLost || hasSurplus ? [row] : [])
  }

  #give(row: PartitionRow, owner: ActorName): void {
    row.owner = owner
    this.#beginEpoch(row, false)
    this.#version++
  }

  #beginEpoch(row: PartitionRow, continues: boolean): void {
    row.epoch = (row.epoch + 1) as Epoch
    row.continues = continues
    row.revision = 0
  }

  #receivers(): ActorName[] {
    return [...this.#webServers].filter(name => !this.#aside.has(name))
  }

  #assignmentsFor(rows: readonly PartitionRow[]): Assignments {
    const assignments = new Map<ActorName, Assignment[]>()
    for (const row of rows) {
      if (row.owner === null) continue
      const { partition, epoch, revision, settled } = row
      const replicas = row.replicas.map(
        ({ name, synced }): AssignedReplica =>
          name === row.retiring ? { name, synced, retiring: true } : { name, synced },
      )
      const former = row.former.length > 0 ? { former: [...row.former] } : {}
      const continues = row.continues ? ({ continues: true } as const) : {}
      const assignment: Assignment = {
        partition,
        epoch,
        revision,
        replicas,
        settled,
        ...continues,
        ...former,
      }
      const ofOwner = assignments.get(row.owner)
      if (ofOwner === undefined) assignments.set(row.owner, [assignment])
      else ofOwner.push(assignment)
    }
    return assignments
  }

  #row(partition: Partition): PartitionRow {
    const row = this.#byPartition.get(partition)
    if (row === undefined) throw new RangeError(`partition ${partition} does not exist`)
    return row
  }
}
