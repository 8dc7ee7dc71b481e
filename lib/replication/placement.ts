/** Where partitions go: evenly over web servers, and evenly over session servers. Pure. */
import type { ActorName, Partition } from './ids.js'

/** Pairs each given row with the receiver that owns the fewest; none when there is no receiver. */
export function spreadEvenly<Row extends { readonly owner: ActorName | null }>(
  rows: readonly Row[],
  receivers: readonly ActorName[],
  allRows: readonly Row[],
): [Row, ActorName][] {
  const loads = new Map<ActorName, number>(receivers.map(name => [name, 0]))
  for (const { owner } of allRows) {
    const load = owner === null ? undefined : loads.get(owner)
    if (owner !== null && load !== undefined) loads.set(owner, load + 1)
  }
  const pairs: [Row, ActorName][] = []
  for (const row of rows) {
    const receiver = leastLoaded(loads)
    if (receiver === null) break
    loads.set(receiver, (loads.get(receiver) ?? 0) + 1)
    pairs.push([row, receiver])
  }
  return pairs
}

/** What stands for the machine of a session server: those with the same one are lost together. */
export type MachineOf = (sessionServer: ActorName) => string

/** The replicas of one partition. */
interface Replicated {
  readonly partition: Partition
  readonly replicas: readonly { readonly name: ActorName }[]
}

/**
 * Chooses another replica for a partition: the session server with the fewest partitions that is not one already, on a
 * machine where none is when there is a choice. Ties turn with the partition's number, so that pairs of session servers
 * share partitions evenly.
 * @returns null when none is left
 */
export function chooseReplica(
  row: Replicated,
  sessionServers: ReadonlySet<ActorName>,
  loads: ReadonlyMap<ActorName, number>,
  machineOf: MachineOf,
): ActorName | null {
  const names = [...sessionServers]
  const turned = names.map((_, index) => names[(index + row.partition) % names.length]).filter(isName)
  const candidates = turned.filter(name => !row.replicas.some(replica => replica.name === name))
  const used = new Set(row.replicas.map(({ name }) => machineOf(name)))
  const elsewhere = candidates.filter(name => !used.has(machineOf(name)))
  const best = elsewhere.length > 0 ? elsewhere : candidates
  return leastLoaded(new Map(best.map(name => [name, loads.get(name) ?? 0])))
}

/**
 * Chooses which replica of a partition a session server relieves that has just come: one whose copies then are on more
 * machines, or else one that holds more than its share while the new one holds less.
 * @param share partitions that each session server would hold if all held the same number
 * @returns null when the partition is as well off as it is
 */
export function chooseRelieved(
  row: Replicated,
  joined: ActorName,
  loads: ReadonlyMap<ActorName, number>,
  share: number,
  machineOf: MachineOf,
): ActorName | null {
  const names = fullestFirst(row, loads)
  const before = machinesOf(names, machineOf)
  const gain = (leaving: ActorName) =>
    machinesOf([...names.filter(name => name !== leaving), joined], machineOf) - before
  const joinedIsLow = (loads.get(joined) ?? 0) < share
  const isEvened = (leaving: ActorName) => joinedIsLow && (loads.get(leaving) ?? 0) > share
  return names.find(name => gain(name) > 0) ?? names.find(name => gain(name) === 0 && isEvened(name)) ?? null
}

/**
 * Chooses which replica a partition that has one too many can do without: one that shares its machine with another,
 * or else the fullest.
 * @returns null when it has none
 */
export function chooseSurplus(
  row: Replicated,
  loads: ReadonlyMap<ActorName, number>,
  machineOf: MachineOf,
): ActorName | null {
  const names = fullestFirst(row, loads)
  const shares = (name: ActorName) =>
    names.some(other => other !== name && machineOf(other) === machineOf(name))
  return names.find(shares) ?? names[0] ?? null
}

function fullestFirst({ replicas }: Replicated, loads: ReadonlyMap<ActorName, number>): ActorName[] {
  const loadOf = (name: ActorName) => loads.get(name) ?? 0
  return replicas.map(({ name }) => name).sort((a, b) => loadOf(b) - loadOf(a))
}

function machinesOf(names: readonly ActorName[], machineOf: MachineOf): number {
  return new Set(names.map(machineOf)).size
}

function leastLoaded(loads: ReadonlyMap<ActorName, number>): ActorName | null {
  let best: ActorName | null = null
  let bestLoad = Number.POSITIVE_INFINITY
  for (const [name, load] of loads) {
    if (load >= bestLoad) continue
    best = name
    bestLoad = load
  }
  return best
}

function isName(name: ActorName | undefined): name is ActorName {
  return name !== undefined
}
