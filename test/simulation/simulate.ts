/** `npm run simulate -- [--profile covered|storm] [--seed N [--trace]] [--from N] [--schedules N]` */
import { parseArgs } from 'node:util'
import type { Profile } from './parameters.js'
import { replayCommand, summaryOf, Totals } from './report.js'
import { runSchedule } from './simulation.js'

const { values } = parseArgs({
  options: {
    profile: { type: 'string' },
    seed: { type: 'string' },
    from: { type: 'string', default: '1' },
    schedules: { type: 'string', default: '1000' },
    trace: { type: 'boolean', default: false },
  },
})

const profiles = profilesOf(values.profile)
const totals = new Totals()
const first = Number(values.seed ?? values.from)
const last = values.seed === undefined ? first + Number(values.schedules) - 1 : first
for (let seed = first; seed <= last; seed++) {
  for (const profile of profiles) {
    const result = runSchedule({
      seed,
      profile,
      ...(values.trace ? { trace: line => console.log(line) } : {}),
    })
    if (values.seed !== undefined) console.log(result.parameters)
    totals.add(result)
    if (result.violation === null) continue
    process.exitCode = 1
    console.error(`${replayCommand(seed, profile)}\n  ${result.violation}`)
  }
}
console.log(summaryOf(totals))

function profilesOf(name: string | undefined): readonly Profile[] {
  if (name === undefined) return ['covered', 'storm']
  if (name === 'covered' || name === 'storm') return [name]
  throw new RangeError(`--profile is ${name}: expected covered or storm`)
}
