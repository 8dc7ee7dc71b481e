/** `npm run churn -- [--minutes N] [--seed S] [--variant NAME]`: a long churn, with each fault as it happens. */
import { parseArgs } from 'node:util'
import { churn, describeChurn } from './churn.js'
import { VARIANTS } from './churn-variants.js'

const { values } = parseArgs({
  options: {
    minutes: { type: 'string', default: '5' },
    seed: { type: 'string', default: String(Date.now() % 100_000) },
    variant: { type: 'string', default: 'plain' },
  },
})
const variant = VARIANTS[values.variant]
if (variant === undefined) {
  throw new RangeError(`--variant is ${values.variant}: expected one of ${Object.keys(VARIANTS).join(', ')}`)
}

console.log(`churn of ${values.minutes} minutes, variant ${values.variant}, seed ${values.seed}`)
const ends: (() => unknown)[] = []
try {
  const scope = { teardown: (end: () => unknown) => ends.unshift(end) }
  const { seed, minutes } = { seed: Number(values.seed), minutes: Number(values.minutes) }
  const report = await churn(scope, { ...variant, seed, minutes, onFault: line => console.log(line) })
  console.log(describeChurn(report).join('\n'))
  if (report.tally.violations.length > 0) process.exitCode = 1
} finally {
  for (const end of ends) await end()
}
