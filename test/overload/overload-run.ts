/** `npm run overload -- [--compute MS] [--seconds N] [--report DIR]`: what a cluster does when ten times its load comes. */
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { startCluster } from '../support/cluster.js'
import { overload } from './overload.js'
import { overloadCurve, overloadTable } from './overload-report.js'

/** Of what the peak served: what has to be served beyond it. */
const SHARE_MIN = 0.8

const { values } = parseArgs({
  options: {
    compute: { type: 'string', default: '10' },
    seconds: { type: 'string', default: '8' },
    report: { type: 'string' },
  },
})
const ends: (() => unknown)[] = []
try {
  const cluster = await startCluster({ teardown: end => void ends.unshift(end) })
  await cluster.whole()
  const report = await overload(cluster, {
    computeMs: Number(values.compute),
    phaseMs: Number(values.seconds) * 1000,
    factors: [0.25, 0.5, 0.75, 1, 1.5, 2, 5, 10],
    onPhase: line => console.log(line),
  })
  const table = overloadTable(report).join('\n')
  console.log(table)
  if (values.report !== undefined) {
    await mkdir(values.report, { recursive: true })
    await writeFile(join(values.report, 'overload.md'), `${table}\n`)
    await writeFile(join(values.report, 'overload.svg'), overloadCurve(report))
  }
  const collapsed = report.phases.some(
    phase => phase.servedPerSecond < SHARE_MIN * Math.min(1, phase.factor) * report.peakPerSecond,
  )
  if (collapsed || report.violations.length > 0) process.exitCode = 1
} finally {
  for (const end of ends) await end()
}
