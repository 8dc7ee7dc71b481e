/** One schedule from its beginning to its verdict: clients work, faults happen, then everything must settle. */
import type { SessionCopy } from '../../lib/replication/copy.js'
import { Clients, PARTITIONS } from './clients.js'
import { Clocks } from './clocks.js'
import { Cluster } from './cluster.js'
import { Faults } from './faults.js'
import { History } from './history.js'
import { Holders } from './holders.js'
import { CACHED_SESSION_BYTES } from './parameters.js'
import { Random } from './random.js'
import type { Schedule } from './schedule.js'
import { Timeline } from './timeline.js'
import { InvariantViolation, type World } from './world.js'

/** How long everything may take to settle once nothing fails any more, virtual ms. */
const SETTLE_MAX_MS = 40_000
/** Between two looks whether it has, virtual ms. */
const LOOK_MS = 500
/** What may be queued beyond the bound: what is in use already, and the cached sessions of a replica that is brought up. */
const OVERSHOOT_BYTES = 100 * 160 * 2
/** Sessions that may be cached beyond both bounds: those of requests under way. */
const OVERSHOOT_SESSIONS = 40

/** What a schedule tells while it runs. */
export interface Trace {
  /** Virtual ms, who, what. */
  tell?(now: number, who: string, what: string): void
  trace?(now: number, who: string, what: string): void
}

export interface ScheduleResult {
  /** What did not hold, or null when everything did. */
  readonly violation: string | null
  /** When that was, virtual ms. */
  readonly endedAt: number
  readonly steps: number
  readonly faults: number
  readonly operations: number
  /** Operations answered by an error. */
  readonly refused: number
}

export function runSchedule(schedule: Schedule, trace: Trace = {}): ScheduleResult {
  const timeline = new Timeline()
  const world: World = {
    timeline,
    clocks: new Clocks(timeline),
    parameters: schedule.parameters,
    holders: new Holders(),
    chanceOf: whose => Random.of(schedule.seed, whose),
    tell: (who, what) => trace.tell?.(timeline.now, who, what()),
    trace: (who, what) => trace.trace?.(timeline.now, who, what()),
    check: (holds, what) => {
      if (!holds) throw new InvariantViolation(what())
    },
  }
  const cluster = new Cluster(world)
  const faults = new Faults(world, cluster, schedule.faults)
  const history = new History(world)
  const clients = new Clients(world, history, schedule.scripts, (operation, answer) =>
    cluster.director.requests.submit(operation, answer),
  )
  const violation = violationOf(() => run(world, cluster, faults, clients, history))
  return {
    ...{ violation, endedAt: timeline.now, steps: timeline.steps, faults: faults.count },
    ...{ operations: clients.operations, refused: clients.refused },
  }
}

function run(world: World, cluster: Cluster, faults: Faults, clients: Clients, history: History): void {
  const { timeline, parameters } = world
  while (timeline.step(parameters.durationMs)) checkEachStep(world, cluster)
  faults.stop()
  world.tell('run', () => 'nothing fails any more')
  settle(world, cluster)
  checkSettled(world, cluster, history)
  const { failed } = clients.readAll()
  settle(world, cluster)
  world.check(failed.length === 0, () => `after everything settled, reads failed: ${failed.join(', ')}`)
}

/** What must hold after each step and is cheap to see. Other checks are where the things happen. */
function checkEachStep({ parameters, check }: World, { director }: Cluster): void {
  const queuedMax = parameters.outboxMaxBytes + OVERSHOOT_BYTES
  const cachedMax =
    parameters.cacheMaxBytes + parameters.heldMaxBytes + OVERSHOOT_SESSIONS * CACHED_SESSION_BYTES
  for (const { name, owner, cache } of director.webServers) {
    const queued = owner.outboxBytesMax
    check(queued <= queuedMax, () => `${name} queues ${queued} bytes, of ${queuedMax}`)
    check(cache.bytes <= cachedMax, () => `${name} caches ${cache.bytes} bytes, of ${cachedMax}`)
  }
}

function settle(world: World, cluster: Cluster): void {
  const until = world.timeline.now + SETTLE_MAX_MS
  while (world.timeline.now < until) {
    const next = world.timeline.now + LOOK_MS
    while (world.timeline.step(next)) checkEachStep(world, cluster)
    if (unsettledOf(world, cluster).length === 0) return
  }
  world.check(false, () => `not settled after ${SETTLE_MAX_MS} ms: ${unsettledOf(world, cluster).join('; ')}`)
}

/** What is left to do, or has leaked. */
function unsettledOf({ parameters }: World, cluster: Cluster): string[] {
  const left = cluster.missing()
  const { table, requests, webServers } = cluster.director
  const attainable = parameters.copies === 'all' || parameters.copies <= parameters.sessionServers.length
  if (attainable && table.underCopied() > 0) left.push(`${table.underCopied()} partitions are under-copied`)
  if (!table.isServing()) left.push('some partition has no owner or no copy')
  if (requests.size > 0) left.push(`${requests.size} operations have no answer`)
  for (const partition of PARTITIONS) {
    const name = table.ownerOf(partition)
    const owner = webServers.find(server => server.name === name)?.owner
    if (owner?.epochOf(partition) !== table.epochOf(partition)) {
      left.push(`${name} does not know that it owns partition ${partition}`)
    }
  }
  for (const { name, owner } of webServers) {
    for (const [what, count] of Object.entries(owner.pending)) {
      if (count > 0) left.push(`${name} has ${count} ${what}`)
    }
    for (const partition of PARTITIONS) {
      const isOwned = owner.epochOf(partition) !== null
      if (isOwned && table.ownerOf(partition) !== name)
        left.push(`${name} believes that it owns partition ${partition}`)
    }
  }
  return left
}

/**
 * All replicas of a partition hold the same copies. Not of sessions whose lifetime was shortened: one that came to its
 * end may come back with an old disk, from before it was shortened, for as long as it would have lived then.
 */
function checkSettled({ check }: World, { director, places }: Cluster, { sessions }: History): void {
  const shortened = new Set(sessions.filter(({ mayBeShortened }) => mayBeShortened).map(({ id }) => id))
  const stateOf = (copies: readonly SessionCopy[]) =>
    JSON.stringify(copies.filter(({ id }) => !shortened.has(id)))
  for (const partition of PARTITIONS) {
    const names = director.table.syncedReplicasOf(partition)
    const states = new Map<string, string>()
    for (const { name, server } of places) {
      server?.takeLogs()
      if (names.includes(name)) states.set(name, stateOf(server?.store.alive(partition) ?? []))
    }
    const told = () => [...states].map(([name, state]) => `${name}: ${state}`).join(', ')
    check(new Set(states.values()).size <= 1, () => `replicas of partition ${partition} differ: ${told()}`)
  }
}

function violationOf(work: () => void): string | null {
  try {
    work()
    return null
  } catch (error) {
    if (error instanceof InvariantViolation) return error.message
    throw error
  }
}
