/** What every simulated actor is given: time, chance, parameters, a trace, and the place where violations are told. */
import type { Clocks } from './clocks.js'
import type { Holders } from './holders.js'
import type { Parameters } from './parameters.js'
import type { Random } from './random.js'
import type { Timeline } from './timeline.js'

/** What must hold did not: the schedule ends here. */
export class InvariantViolation extends Error {
  constructor(what: string) {
    super(what)
    this.name = 'InvariantViolation'
  }
}

export interface World {
  readonly timeline: Timeline
  readonly clocks: Clocks
  readonly parameters: Parameters
  readonly holders: Holders
  /** A stream of chance of one's own, so that what happens to one actor does not depend on how often others drew. */
  chanceOf(whose: string): Random
  /** For the story of a schedule: what a reader must know to understand how it ended. */
  tell(who: string, what: () => string): void
  /** For its trace: everything else. */
  trace(who: string, what: () => string): void
  /** @throws InvariantViolation when it does not hold */
  check(holds: boolean, what: () => string): void
}
