/** The bench, run for a moment: every server and every load, so that it still works when somebody wants figures. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import { LOAD_NAMES } from '../../bench/loads.js'
import { PEER_NAMES } from '../../bench/peers/peers.js'
import { BLOCK_NAMES } from '../../bench/plan.js'
import type { Report } from '../../bench/report.js'
import { needs } from '../support/needs.js'

needs('wrk')
needs('redis-server')

/** The suite ends a file after 180 s. */
const TIME_MAX_MS = 170_000
const BENCH = fileURLToPath(new URL('../../bench/bench.js', import.meta.url))

t.setTimeout(TIME_MAX_MS)

t.test(
  'every server answers rightly under sticky, Troupe under every load, and each has its row',
  async t => {
    const folder = t.testdir()
    const file = join(folder, 'report.json')
    const args = ['--smoke', '--folder', folder, '--json', file]
    const child = spawn(process.execPath, ['--enable-source-maps', BENCH, ...args], {
      env: { PATH: process.env.PATH, TMPDIR: folder },
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    t.teardown(() => child.kill('SIGTERM'))
    const [[code], printed, complaints] = await Promise.all([
      once(child, 'close'),
      text(child.stdout),
      text(child.stderr),
    ])
    t.equal(complaints, '')
    t.equal(code, 0)
    t.strictSame(await readdir(folder), ['report.json'], 'nothing temporary is left')

    const { rows, skipped, targets }: Report = JSON.parse(await readFile(file, 'utf8'))
    t.strictSame(skipped, [])
    const inBlock = (name: string) => rows.filter(({ block }) => block === name)
    t.strictSame(
      inBlock('sticky').map(({ peer }) => peer),
      PEER_NAMES,
    )
    t.strictSame(
      BLOCK_NAMES.filter(name => inBlock(name).some(({ peer }) => peer === 'troupe')),
      BLOCK_NAMES,
    )
    t.strictSame(
      LOAD_NAMES.filter(load => rows.some(row => row.peer === 'troupe' && row.load === load)),
      LOAD_NAMES,
    )
    for (const { peer, block, requestsPerSecond, latency, wrkCpuUs, cpuUs } of rows) {
      const isTroupe = peer.startsWith('troupe')
      t.ok(requestsPerSecond.median > 0 && latency.p50 > 0 && latency.p999 >= latency.p99, `${block} ${peer}`)
      t.ok(wrkCpuUs > 0 && cpuUs['web servers'] > 0, `${block} ${peer}: CPU time of wrk and web servers`)
      t.equal(cpuUs.director > 0 && cpuUs['session servers'] > 0, isTroupe, `${block} ${peer}: other actors`)
      t.equal(cpuUs.redis > 0, peer.endsWith('-redis'), `${block} ${peer}: Redis`)
      t.match(
        printed,
        new RegExp(`^${peer}\\b.* ${Math.round(requestsPerSecond.median).toLocaleString('en')} `, 'm'),
      )
    }
    t.equal(targets.length, 8)
    for (const { what, against } of targets) t.match(printed, `${what}, against ${against}`)
  },
)

t.test('a signal ends it with all that it had started', async t => {
  const folder = t.testdir()
  const child = spawn(
    process.execPath,
    ['--enable-source-maps', BENCH, '--loads', 'sticky', '--peers', 'bare,troupe'],
    {
      env: { PATH: process.env.PATH, TMPDIR: folder },
      stdio: ['ignore', 'pipe', 'pipe'],
    },
  )
  child.stdout.setEncoding('utf8').on('data', (printed: string) => {
    if (printed.includes('takes about')) child.kill('SIGTERM')
  })
  const [[code], complaints] = await Promise.all([once(child, 'close'), text(child.stderr)])
  t.equal(code, 1)
  t.equal(complaints, 'ended by SIGTERM\n')
  t.strictSame(await readdir(folder), [])
})
