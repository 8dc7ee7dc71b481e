/** What the bench makes of measurements: ratios, targets, the page and its pictures. */
import { readFile } from 'node:fs/promises'
import t from 'tap'
import { NO_TIME } from '../../bench/cpu.js'
import { PAGE, withFigures } from '../../bench/document.js'
import type { PeerName } from '../../bench/peers/peers.js'
import { BLOCK_NAMES, type BlockName, fullPlan } from '../../bench/plan.js'
import { plotsOf } from '../../bench/plots/plots.js'
import { reportOf, resultLines } from '../../bench/report.js'
import type { Sample } from '../../bench/run.js'

const LATENCY = { p50: 1, p99: 2, p999: 3 }
const MACHINE = { cores: 2, model: 'a CPU', memoryGib: 4, system: 'Linux', node: 'v20.0.0', load: [0, 0, 0] }
const OPTIONS = { rounds: 2, seconds: 1, firstWarmUpSeconds: 0, warmUpSeconds: 0 }

function sample(peer: PeerName, round: number, figures: Partial<Sample> = {}): Sample {
  const block: BlockName = figures.block ?? 'sticky'
  return {
    ...{ block, load: 'sticky', webServers: 2, connections: 64, ratePart: null, rate: null, round, peer },
    ...{ requestsPerSecond: 1_000, latency: LATENCY, dueLatency: null, wrkCpuUs: 10, othersCores: 0 },
    cpuUs: { ...NO_TIME, 'web servers': 20 },
    ...figures,
  }
}

function report(samples: readonly Sample[]) {
  const parts = { date: '2026-11-24T12:00:00.000Z', machine: MACHINE, versions: { wrk: '4.1.0' } }
  return reportOf({ ...parts, loadAfter: [0, 0, 0], options: OPTIONS, skipped: [], samples })
}

t.test('a ratio is of two servers in the same round, not of their best rounds', async t => {
  const { rows, targets } = report([
    sample('bare', 1, { requestsPerSecond: 1_000 }),
    sample('troupe', 1, { requestsPerSecond: 900 }),
    sample('troupe', 2, { requestsPerSecond: 400 }),
    sample('bare', 2, { requestsPerSecond: 500 }),
  ])
  const troupe = rows.find(({ peer }) => peer === 'troupe')
  t.same(troupe?.requestsPerSecond, { median: 650, min: 400, max: 900 })
  t.ok(Math.abs((troupe?.ofBare?.median ?? 0) - 0.85) < 1e-9)
  t.match(targets[0], { what: /^sticky/, reached: { min: 0.8, max: 0.9 }, passed: true })
})

t.test('a target says pass, below, or that it was not measured', async t => {
  const all = report([
    sample('bare', 1, { requestsPerSecond: 1_000 }),
    sample('troupe', 1, { requestsPerSecond: 790, cpuUs: { ...NO_TIME, director: 22 } }),
  ])
  t.strictSame(
    all.targets.map(({ passed }) => passed),
    [false, null, null, null, null, null, true, null],
  )
  const printed = resultLines(all).join('\n')
  t.match(printed, /^sticky, change each request, against bare.* 0\.79 \(0\.79-0\.79\) +below$/m)
  t.match(printed, /^pooled.* not measured$/m)
  t.match(printed, /^director's CPU.* 1\.10 \(1\.10-1\.10\) +pass$/m)
  t.match(printed, /^troupe .* 45,455\/s/m, 'when the director is full: 1e6 µs by 22 µs')
})

t.test('at a constant rate the latency is the one from when each request was due', async t => {
  const rate = { block: 'rate', ratePart: 0.6, rate: 600 } as const
  const due = (p99: number) => ({ ...rate, dueLatency: { p50: 1, p99, p999: 99 } })
  const { rows, targets } = report([sample('bare', 1, due(4)), sample('troupe', 1, due(10))])
  t.strictSame(
    rows.map(({ latency }) => latency.p99),
    [4, 10],
  )
  t.match(targets.at(-1), { reached: { median: 2.5 }, passed: false })
})

t.test('pictures show every server at every load, and there are none of a single load', async t => {
  const at = (peer: PeerName, connections: number) => sample(peer, 1, { block: 'connections', connections })
  const plots = plotsOf(report([at('bare', 1), at('bare', 64), at('troupe', 1), at('troupe', 64)]).rows)
  t.strictSame(
    plots.map(({ file }) => file),
    ['bench-throughput.svg', 'bench-latency-connections.svg'],
  )
  for (const { svg } of plots) {
    t.match(svg, />bare</)
    t.match(svg, />troupe</)
    t.notMatch(svg, /NaN|Infinity|undefined/)
    const panels = svg.match(/<g /g)?.length ?? 0
    t.equal(svg.match(/<circle /g)?.length, 4 * panels)
  }
  t.strictSame(plotsOf(report([at('bare', 64), at('troupe', 64)]).rows), [])
})

t.test('the page has a place for the figures of one run, which replace those of an earlier one', async t => {
  const page = await readFile(PAGE, 'utf8')
  const first = withFigures(page, report([sample('bare', 1, { requestsPerSecond: 111_111 })]), [])
  const second = withFigures(first, report([sample('bare', 1, { requestsPerSecond: 222_222 })]), [])
  t.match(first, '111,111')
  t.notMatch(second, '111,111')
  t.match(second, '222,222')
  t.equal(second.length, first.length)
  t.throws(() => withFigures('no marks', report([]), []), /expected the lines/)
})

t.test('nothing is measured at rates that are parts of what nobody has measured', async t => {
  const blocksOf = (peers: readonly PeerName[], blocks: readonly BlockName[]) =>
    fullPlan({ peers, blocks, connections: 64, webServers: 2 }).map(({ name }) => name)
  t.strictSame(blocksOf(['bare', 'troupe'], BLOCK_NAMES), BLOCK_NAMES)
  t.strictSame(blocksOf(['troupe'], ['sticky', 'rate']), ['sticky'])
  t.strictSame(blocksOf(['bare', 'troupe'], ['read', 'rate']), ['read'])
})
