/** `npm run soak -- [--minutes N] [--pause MS]`: does anything grow? Exit code 1 when it does. */
import { parseArgs } from 'node:util'
import { describeSoak, soak } from './soak.js'

const { values } = parseArgs({
  options: { minutes: { type: 'string', default: '30' }, pause: { type: 'string', default: '60' } },
})
console.log(`soak of ${values.minutes} minutes, clients rest ${values.pause} ms between two requests`)
const report = await soak({
  minutes: Number(values.minutes),
  pauseMs: Number(values.pause),
  onSample: line => console.log(line),
})
console.log(describeSoak(report).join('\n'))
const rises = [...report.trends.values()].some(({ isFlat }) => !isFlat)
if (rises || report.tally.violations.length > 0) process.exitCode = 1
