/** One schedule from its seed to its verdict: clients work, faults happen, then everything must settle. */
import { Clients, PARTITIONS } from './clients.js'
import { SimulatedDirector } from './director.js'
import { Faults } from './faults.js'
import { type DeliberateFault, drawParameters, type Parameters, type Profile } from './parameters.js'
import { Random } from './random.js'
import { Timeline } from './timeline.js'
import { InvariantViolation, type World } from './world.js'
import { WriterCheck } from './writer-check.js'

/** How long everything may take to settle once nothing fails any more, virtual ms. */
const SETTLE_MAX_MS = 30_000

export interface ScheduleOptions {
  readonly seed: number
  readonly profile: Profile
  readonly deliberateFault?: DeliberateFault
  /** Gets each line of the trace. */
  readonly trace?: (line: string) => void
}

export interface ScheduleResult {
  readonly parameters: Parameters
  /** What did not hold, or null when everything did. */
  readonly violation: string | null
  readonly steps: number
  readonly faults: number
  readonly operations: number
  /** Operations answered by an error. */
  readonly refused: number
}

export function runSchedule({ seed, profile, deliberateFault, trace }: ScheduleOptions): ScheduleResult {
  const random = new Random(seed)
  const timeline = new Timeline()
  const parameters = drawParameters(random, seed, profile, deliberateFault ?? null)
  const world: World = {
    timeline,
    random,
    parameters,
    trace: (who, what) => trace?.(`${String(timeline.now).padStart(6)} ms  ${who.padEnd(8)}  ${what}`),
    check: (holds, what) => {
      if (!holds) throw new InvariantViolation(what())
    },
  }
  const director = new SimulatedDirector(world, PARTITIONS, new WriterCheck(world))
  const faults = new Faults(world, director)
  const clients = new Clients(world, (operation, answer) => director.submit(operation, answer))
  const violation = violationOf(() => run(world, director, faults, clients))
  trace?.(violation === null ? 'everything held' : `violated: ${violation}`)
  const { count } = faults
  return {
    ...{ parameters, violation, steps: timeline.steps, faults: count },
    ...{ operations: clients.operations, refused: clients.refused },
  }
}

function run(world: World, director: SimulatedDirector, faults: Faults, clients: Clients): void {
  const { timeline, parameters } = world
  while (timeline.step(parameters.durationMs)) checkEachStep(world, director)
  faults.stop()
  clients.stop()
  world.trace('run', 'nothing fails any more')
  settle(world, director, faults)
  checkSettled(world, director)
  const { failed } = clients.readAll()
  settle(world, director, faults)
  world.check(failed.length === 0, () => `after everything settled, reads failed: ${failed.join(', ')}`)
}

/** What must hold after each step and is cheap to see. Other checks are where the things happen. */
function checkEachStep({ parameters, check }: World, director: SimulatedDirector): void {
  // Beyond the bound come at most: what is in use already, and the cached sessions of a replica that is brought up.
  const bytesMax = parameters.outboxMaxBytes + OVERSHOOT_BYTES
  for (const { name, owner } of director.webServers) {
    check(
      owner.outboxBytesMax <= bytesMax,
      () => `${name} queues ${owner.outboxBytesMax} bytes, of ${bytesMax}`,
    )
  }
}

/** All sessions of a schedule, each weighing little more than an entry's overhead, twice. */
const OVERSHOOT_BYTES = 100 * 160 * 2

function settle(world: World, director: SimulatedDirector, faults: Faults): void {
  const until = world.timeline.now + SETTLE_MAX_MS
  while (world.timeline.now < until) {
    const next = world.timeline.now + 500
    while (world.timeline.step(next)) checkEachStep(world, director)
    if (faults.isOver && unsettledOf(world, director).length === 0) return
  }
  world.check(
    false,
    () => `not settled after ${SETTLE_MAX_MS} ms: ${unsettledOf(world, director).join('; ')}`,
  )
}

/** What is left to do, or has leaked. */
function unsettledOf({ parameters }: World, director: SimulatedDirector): string[] {
  const left: string[] = []
  const { table } = director
  const attainable = parameters.copies === 'all' || parameters.copies <= parameters.sessionServers
  if (attainable && table.underCopied() > 0) left.push(`${table.underCopied()} partitions are under-copied`)
  if (!table.isServing()) left.push('some partition has no owner or no copy')
  if (director.pendingCount > 0) left.push(`${director.pendingCount} operations have no answer`)
  for (const partition of PARTITIONS) {
    const name = table.ownerOf(partition)
    const owner = director.webServers.find(server => server.name === name)?.owner
    if (owner?.epochOf(partition) !== table.epochOf(partition)) {
      left.push(`${name} does not know that it owns partition ${partition}`)
    }
  }
  for (const { name, owner } of director.webServers) {
    const { pending } = owner
    for (const [what, count] of Object.entries(pending)) {
      if (count > 0) left.push(`${name} has ${count} ${what}`)
    }
  }
  return left
}

/** All replicas of a partition hold the same copies. */
function checkSettled({ check }: World, director: SimulatedDirector): void {
  const { table } = director
  for (const partition of PARTITIONS) {
    const replicas = director.sessionServers.filter(({ name }) => table.replicasOf(partition).includes(name))
    const copies = replicas.map(({ name, store }) => `${name}: ${JSON.stringify(store.alive(partition))}`)
    const states = new Set(replicas.map(({ store }) => JSON.stringify(store.alive(partition))))
    check(states.size <= 1, () => `replicas of partition ${partition} differ: ${copies.join(', ')}`)
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
