import { readFile } from 'node:fs/promises'
import t from 'tap'
import { request } from 'undici'
import { startCluster } from '../support/cluster.js'
import { until } from '../support/until.js'
import { type Page, readExposition, type Sample } from './exposition.js'

const cluster = await startCluster(t, {
  admin: { port: 0 },
  sessionServers: [
    { name: 'a', store: 'memory' },
    { name: 'b', store: 'memory' },
  ],
})
const ROOT = new URL('../../../', import.meta.url)

async function scrape(): Promise<Page & { readonly text: string }> {
  const { headers, body } = await request(`${cluster.adminUrl}/metrics`)
  t.equal(headers['content-type'], 'text/plain; version=0.0.4; charset=utf-8')
  const text = await body.text()
  return { ...readExposition(text), text }
}

function samples({ families }: Page, name: string, labels: Record<string, string> = {}): Sample[] {
  return families
    .flatMap(family => family.samples)
    .filter(sample => sample.name === name)
    .filter(sample => Object.entries(labels).every(([key, value]) => sample.labels[key] === value))
}

/** Over all series with these labels. */
function total(page: Page, name: string, labels: Record<string, string> = {}): number {
  return samples(page, name, labels).reduce((sum, { value }) => sum + value, 0)
}

function seriesOf({ families }: Page): string[] {
  return families
    .flatMap(({ samples }) => samples.map(({ name, labels }) => `${name}${JSON.stringify(labels)}`))
    .sort()
}

/** A visitor counts up twice, and looks once at something that is not there. */
async function visit(): Promise<void> {
  const first = await request(cluster.url, { method: 'POST' })
  await first.body.dump()
  const cookie = String(first.headers['set-cookie']).split(';', 1)[0] ?? ''
  const again = await request(cluster.url, { method: 'POST', headers: { cookie } })
  await again.body.dump()
  await (await request(cluster.url, { headers: { cookie } })).body.dump()
}

await t.test('the reader of this test finds what is wrong with a page', async t => {
  const wrong = (text: string) => readExposition(text).problems.join('; ')
  const head = '# HELP x_total Counts something here.\n# TYPE x_total counter\n'
  t.equal(wrong(`${head}x_total{a="1"} 1\nx_total{a="\\"2"} 2\n`), '')
  t.match(wrong(`${head}x_total 1\nx_total 2\n`), /twice/)
  t.match(wrong(`${head}${head}x_total 1\n`), /second HELP/)
  t.match(wrong(`${head}y_total 1\n`), /not of the metric/)
  t.match(wrong(`${head}x_total{a=1} 1\n`), /no sample/)
  t.match(wrong(`${head}x_total -1\n`), /value -1/)
  t.match(wrong('# HELP x_ms Counts something here.\n# TYPE x_ms counter\nx_ms 1\n'), /_total.*base units/)
  const buckets = (rows: string) =>
    wrong(`# HELP h_seconds Takes some time here.\n# TYPE h_seconds histogram\n${rows}`)
  t.equal(
    buckets(
      'h_seconds_bucket{le="1"} 1\nh_seconds_bucket{le="+Inf"} 2\nh_seconds_sum 3\nh_seconds_count 2\n',
    ),
    '',
  )
  t.match(buckets('h_seconds_bucket{le="1"} 1\nh_seconds_sum 3\nh_seconds_count 1\n'), /no \+Inf/)
  t.match(
    buckets(
      'h_seconds_bucket{le="1"} 3\nh_seconds_bucket{le="+Inf"} 2\nh_seconds_sum 3\nh_seconds_count 2\n',
    ),
    /not cumulative/,
  )
  t.match(buckets('h_seconds_bucket{le="+Inf"} 2\nh_seconds_sum 3\nh_seconds_count 1\n'), /counts 1/)
})

await t.test('/metrics is clean, and counts what was asked', async t => {
  await cluster.whole()
  for (let visitor = 0; visitor < 5; visitor++) await visit()
  const page = await scrape()
  t.same(page.problems, [])
  t.equal(total(page, 'troupe_http_requests_total', { status: '2xx', method: 'write' }), 10)
  t.equal(total(page, 'troupe_http_requests_total', { status: '2xx', method: 'read' }), 5)
  t.equal(total(page, 'troupe_http_requests_total'), 15)
  t.equal(total(page, 'troupe_http_request_duration_seconds_count'), 15)
  t.ok(total(page, 'troupe_http_request_duration_seconds_sum') > 0)
  const mutations = total(page, 'troupe_mutations_total')
  t.ok(mutations >= 10)
  t.equal(total(page, 'troupe_mutation_ack_duration_seconds_count'), mutations, 'each was acknowledged')
  t.equal(total(page, 'troupe_session_events_total', { event: 'created' }), 5)
  t.equal(total(page, 'troupe_session_cache_hits_total'), 10)
  t.equal(total(page, 'troupe_sessions'), 5)
  t.equal(total(page, 'troupe_session_copies'), 10, 'two of each')
  t.equal(total(page, 'troupe_partitions_owned'), 1024)
  t.equal(total(page, 'troupe_partitions_under_copied'), 0)
  t.equal(total(page, 'troupe_actor_up'), 4)
  for (const actor of ['director', 'web-1', 'web-2', 'a', 'b']) {
    t.ok(total(page, 'troupe_heap_used_bytes', { actor }) > 1e6, actor)
    t.ok(total(page, 'troupe_event_loop_active_seconds_total', { actor }) > 0, actor)
  }
})

await t.test(
  'takeovers and ends are counted, and restarts add no series beyond the first of their kind',
  async t => {
    await cluster.lose('web-1')
    await cluster.whole()
    // In every way that a series can begin: of no web server's, and of the second one's end.
    await cluster.lose('web-2')
    await cluster.whole()
    const first = await scrape()
    t.same(first.problems, [])
    t.equal(total(first, 'troupe_takeover_duration_seconds_count'), 2)
    t.ok(total(first, 'troupe_takeover_partitions_total') >= 1024)
    t.equal(total(first, 'troupe_actor_ends_total', { how: 'killed' }), 2)
    t.equal(total(first, 'troupe_actor_restarts_total', { actor: 'web-1' }), 1)
    t.ok(total(first, 'troupe_handover_partitions_total') > 0, 'they got their shares back')
    const names = seriesOf(first)
    for (let round = 0; round < 2; round++) {
      await cluster.lose('web-1', 'web-2')
      await cluster.whole()
    }
    await visit()
    const last = await scrape()
    t.same(last.problems, [])
    const news = seriesOf(last).filter(series => !names.includes(series))
    t.same(news, [], 'after six more ends')
    t.ok(total(last, 'troupe_actor_restarts_total') >= 6)
    t.equal(
      total(last, 'troupe_http_requests_total', { status: '2xx' }),
      18,
      'nothing that the director counts is lost',
    )
  },
)

await t.test('the Grafana dashboard asks for metrics that exist, with labels that they have', async t => {
  const board = JSON.parse(await readFile(new URL('examples/grafana/troupe.json', ROOT), 'utf8'))
  const page = await scrape()
  const labelsOf = new Map<string, Set<string>>()
  for (const { name, labels } of page.families.flatMap(({ samples }) => samples)) {
    labelsOf.set(name, new Set([...(labelsOf.get(name) ?? []), ...Object.keys(labels)]))
  }
  const targets: { expr: string }[] = board.panels.flatMap(
    (panel: { targets?: unknown[] }) => panel.targets ?? [],
  )
  t.ok(targets.length > 10)
  for (const { expr } of targets) {
    const names = expr.match(/\b(?:troupe|process)_[a-z_]+/g) ?? []
    t.ok(names.length > 0, expr)
    for (const name of names) t.ok(labelsOf.has(name), `${name} exists`)
    const known = new Set(['job', 'instance', ...names.flatMap(name => [...(labelsOf.get(name) ?? [])])])
    const used = [...expr.matchAll(/\b(?:by|without) ?\(([^)]+)\)/g)].flatMap(([, list = '']) =>
      list.split(/, */),
    )
    const matched = [...expr.matchAll(/[{,] ?([a-z_]+)=~?"/g)].map(([, label = '']) => label)
    for (const label of [...used, ...matched]) t.ok(known.has(label), `${label} is a label in ${expr}`)
  }
  const ids = board.panels.map(({ id }: { id: number }) => id)
  t.equal(new Set(ids).size, ids.length, 'panels have ids of their own')
})

await t.test('docs/operations.md tells of every metric, and of no other', async t => {
  const page = await scrape()
  const text = await readFile(new URL('docs/operations.md', ROOT), 'utf8')
  const told = [...text.matchAll(/^\| `((?:troupe|process)_\w+)`/gm)].map(([, name]) => name).sort()
  t.same(told, page.families.map(({ name }) => name).sort())
})

await t.test(
  '/events of a real cluster tells a kill, its takeover and the handover that follows',
  async t => {
    const response = await fetch(`${cluster.adminUrl}/events`)
    let text = ''
    const reading = (async () => {
      for await (const chunk of response.body ?? []) text += Buffer.from(chunk).toString()
    })().catch(() => {})
    await until(() => text.includes('event: actor:started'))
    text = ''
    await cluster.kill('web-1')
    await until(() => /event: actor:ended\ndata: .*"actor":"web-1".*"how":"killed"/.test(text))
    await until(() => /event: takeover\ndata: .*"from":"web-1"/.test(text))
    await until(() => /event: handover\ndata: .*"to":"web-1"/.test(text))
    await cluster.stop()
    await reading
    t.match(text, /"how":"stopped"/, 'to the very end')
  },
)
