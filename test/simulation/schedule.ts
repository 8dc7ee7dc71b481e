/**
 * A schedule as data: what the cluster is like, what each client does when, and what goes wrong when. Drawn from a seed,
 * and still a schedule when something is left out: so a long one that fails can be made a short one that fails.
 */
import { drawParameters, type Parameters, type Profile } from './parameters.js'
import { Random } from './random.js'

/** Longest time until a death is noticed, virtual ms. */
const DETECTION_MAX_MS = 300
/** Longest time until a dead actor is started again, virtual ms; now and then much longer. */
const RESTART_MAX_MS = 2_000
const LONG_RESTART_MAX_MS = 8_000
/** Longest time that a web server runs on after it was declared dead, virtual ms. */
const ZOMBIE_MAX_MS = 1_500
/** Longest time that anything hangs, is slow or is cut off, virtual ms. */
const LASTS_MAX_MS = 2_500
/** Furthest that a clock jumps: far less than most lifetimes where nothing may be lost by it, virtual ms. */
const JUMP_MAX_MS = { covered: 400, storm: 5_000 } satisfies Record<Profile, number>
/** Chance that another fault follows a change of the partition table, and how soon at most, virtual ms. */
const FOLLOWING_FAULT = 0.06
const FOLLOWING_MAX_MS = 100
/** Changes of the partition table that a fault may follow. */
const CHANGES_MAX = 150

/** What a client does next. It begins a session instead when its own has ended. */
export type Action =
  | 'increment'
  | 'increment-twice'
  | 'read'
  | 'shorten'
  | 'destroy'
  | 'destroy-and-increment'
  | 'list'

export interface Step {
  /** Not before, virtual ms. */
  readonly at: number
  readonly action: Action
  /** Which of all sessions, from 0 to 1, when it is not the client's own. */
  readonly other: number | null
}

export type FaultKind =
  /** A web server ends at once. */
  | 'crash'
  /** A web server hangs, is declared dead, and may run on for a while. */
  | 'hang'
  /** A web server hangs for a moment, and nobody notices. */
  | 'pause'
  /** Everything that a web server owns is moved away from it. */
  | 'hand-over'
  /** A session server, or the gateway to one, handles nothing for a while. */
  | 'slow'
  /** What a session server's disk holds is put aside. */
  | 'back-up'
  /** A session server ends. */
  | 'lose'
  /** Nothing passes between a gateway and its host: requests, answers, or neither. */
  | 'cut'
  /** The network brings a part of a stream twice. */
  | 'duplicate'
  /** A session server and a web server end while the other session servers of that host are slow. */
  | 'strike'
  /** A clock jumps. */
  | 'clock'
  /** The director ends with everything on its host, and starts again. */
  | 'restart-all'

/** One thing that goes wrong. Each kind looks at the fields that it needs. */
export interface PlannedFault {
  readonly kind: FaultKind
  /** Virtual ms, or so long after so many changes of the partition table. */
  readonly at: number | { readonly change: number; readonly afterMs: number }
  /** Which of those that it can happen to, from 0 to 1. */
  readonly target: number
  readonly detectMs: number
  readonly lastsMs: number
  readonly runsOnMs: number
  readonly restartMs: number
  /** What a session server comes back with, where it has a disk. */
  readonly disk: 'none' | 'last' | 'earlier'
  /** What became of the transaction that was being written. */
  readonly transaction: 'lost' | 'torn' | 'written'
  readonly direction: 'there' | 'back' | 'both'
  readonly jumpMs: number
}

export interface Schedule {
  readonly seed: number
  readonly parameters: Parameters
  /** What each client does, in order. */
  readonly scripts: readonly (readonly Step[])[]
  readonly faults: readonly PlannedFault[]
}

/** @returns the schedule that a seed and a profile stand for */
export function drawSchedule(seed: number, profile: Profile): Schedule {
  const parameters = drawParameters(Random.of(seed, 'parameters'), profile)
  const random = Random.of(seed, 'faults')
  const faults: PlannedFault[] = []
  const { durationMs, calmMaxMs } = parameters
  for (let at = 0; ; ) {
    at += random.between(50, calmMaxMs)
    if (at >= durationMs) break
    faults.push(drawFault(random, at, profile))
  }
  for (let change = 1; change <= CHANGES_MAX; change++) {
    if (!random.chance(FOLLOWING_FAULT)) continue
    faults.push(drawFault(random, { change, afterMs: random.between(0, FOLLOWING_MAX_MS) }, profile))
  }
  const scripts = Array.from({ length: parameters.clients }, (_, client) =>
    drawScript(Random.of(seed, `client ${client}`), parameters),
  )
  return { seed, parameters, scripts, faults }
}

function drawFault(random: Random, at: PlannedFault['at'], profile: Profile): PlannedFault {
  const jumpMax = JUMP_MAX_MS[profile]
  return {
    kind: drawKind(random),
    at,
    target: random.next(),
    detectMs: random.between(1, DETECTION_MAX_MS),
    lastsMs: random.oneOf(random.between(1, DETECTION_MAX_MS * 2), random.between(10, LASTS_MAX_MS)),
    runsOnMs: random.between(0, ZOMBIE_MAX_MS),
    restartMs: random.between(1, random.chance(0.1) ? LONG_RESTART_MAX_MS : RESTART_MAX_MS),
    disk: random.oneOf('none', 'last', 'last', 'earlier'),
    transaction: random.oneOf('lost', 'torn', 'written'),
    direction: random.oneOf('there', 'back', 'both'),
    jumpMs: random.between(-jumpMax, jumpMax),
  }
}

function drawKind(random: Random): FaultKind {
  const choice = random.next()
  if (choice < 0.14) return 'crash'
  if (choice < 0.2) return 'strike'
  if (choice < 0.33) return 'hang'
  if (choice < 0.36) return 'pause'
  if (choice < 0.46) return 'hand-over'
  if (choice < 0.52) return 'slow'
  if (choice < 0.58) return 'back-up'
  if (choice < 0.8) return 'lose'
  if (choice < 0.89) return 'cut'
  if (choice < 0.91) return 'duplicate'
  if (choice < 0.95) return 'clock'
  return 'restart-all'
}

function drawScript(random: Random, { durationMs, pauseMaxMs }: Parameters): Step[] {
  const steps: Step[] = []
  for (let at = 0; ; ) {
    at += random.between(1, pauseMaxMs)
    if (at >= durationMs) return steps
    steps.push({
      at,
      other: random.chance(0.15) ? random.next() : null,
      action: drawAction(random),
    })
  }
}

function drawAction(random: Random): Action {
  const choice = random.next()
  if (choice < 0.47) return 'increment'
  if (choice < 0.64) return 'read'
  if (choice < 0.83) return 'increment-twice'
  if (choice < 0.86) return 'list'
  if (choice < 0.89) return 'shorten'
  if (choice < 0.96) return 'destroy'
  return 'destroy-and-increment'
}
