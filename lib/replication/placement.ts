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

/**
 * Chooses another replica for a partition: the session server with the fewest partitions that is not one already.
 * Ties turn with the partition's number, so that pairs of session servers share partitions evenly.
 * @returns null when none is left
 */
export function chooseReplica(
  row: { readonly partition: Partition; readonly replicas: readonly { readonly name: ActorName }[] },
  sessionServers: ReadonlySet<ActorName>,
  loads: ReadonlyMap<ActorName, number>,
): ActorName | null {
  const names = [...sessionServers]
  const turned = names.map((_, index) => names[(index + row.partition) % names.length]).filter(isName)
  const candidates = turned.filter(name => !row.replicas.some(replica => replica.name === name))
  return leastLoaded(new Map(candidates.map(name => [name, loads.get(name) ?? 0])))
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
