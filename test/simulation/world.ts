/** What every simulated actor is given: time, chance, parameters, a trace, and the place where violations are told. */
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
  readonly random: Random
  readonly parameters: Parameters
  /** Tells a reader of one schedule what happens. */
  trace(who: string, what: string): void
  /** @throws InvariantViolation when it does not hold */
  check(holds: boolean, what: () => string): void
}
