/** Runs one framework's app under bare node:http and under Troupe, asks both the same, and lists what differs. */
import { fork } from 'node:child_process'
import { once } from 'node:events'
import { setTimeout as wait } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { isDeepStrictEqual } from 'node:util'
import type { Test } from 'tap'
import { startCluster } from '../support/cluster.js'
import { around } from '../support/http-shapes.js'
import { FOLDER_VARIABLE, SECRET, SESSION_COOKIE, UPSTREAM_VARIABLE } from './apps/place.js'
import { answerCases } from './cases/answers.js'
import { bodyCases } from './cases/bodies.js'
import type { Case } from './cases/case.js'
import { eventCases } from './cases/events.js'
import { protocolCases } from './cases/protocol.js'
import { sessionCases } from './cases/sessions.js'
import { streamCases } from './cases/streams.js'
import { Target } from './client.js'
import { type Difference, DOCUMENTED } from './differences.js'
import { type Feature, FRAMEWORKS, type Framework } from './frameworks.js'
import { startUpstream } from './upstream.js'

const CASES = [...protocolCases, ...eventCases, ...bodyCases, ...answerCases, ...sessionCases, ...streamCases]

/** On both sides, ms; short, since a case waits for it. */
const KEEP_ALIVE_MS = 2000

/** Longest time for one case, ms: far longer than any takes, on a busy machine too. */
const CASE_MS_MAX = 10_000

/** Cases at once: they wait more than they work. */
const AT_ONCE = 8

/** Sets up what the apps of this process and its children read: files, views, and an upstream for their proxies. */
export async function prepareApps(t: Test): Promise<void> {
  const folder = t.testdir({
    files: {
      'page.html': '<!doctype html><p>a page\n',
      'digits.txt': '0123456789',
      'large.bin': Buffer.alloc(300_000, 'large '),
      sub: { 'index.html': '<p>sub\n' },
    },
    views: { 'page.ejs': '<!doctype html>\n<p>Grüße, <%= name %></p>\n' },
  })
  process.env.NODE_ENV = 'production'
  process.env[FOLDER_VARIABLE] = folder
  process.env[UPSTREAM_VARIABLE] = await startUpstream(t)
}

/** Lists every difference; one that is not documented fails the test, and so does a case that shows nothing. */
export async function comparesWithBare(t: Test, framework: Framework): Promise<void> {
  const { features, title } = FRAMEWORKS[framework]
  const [bare, troupe] = await Promise.all([startBare(t, framework), startTroupe(t, framework)])
  const cases = CASES.filter(({ feature, only }) => {
    return (features as readonly Feature[]).includes(feature) && (only?.includes(framework) ?? true)
  })
  const shownNothing: string[] = []
  const differences: Difference[] = []
  const waiting = [...cases]
  const work = async (): Promise<void> => {
    for (let each = waiting.shift(); each !== undefined; each = waiting.shift()) {
      const [expected, found] = await Promise.all([observe(each, bare), observe(each, troupe)])
      if (!each.shows.test(JSON.stringify(expected))) {
        shownNothing.push(`${each.name}: ${each.shows} is not in ${JSON.stringify(expected)}`)
      }
      for (const difference of differencesOf(expected, found)) {
        differences.push({ framework, case: each, ...difference })
      }
    }
  }
  await Promise.all(Array.from({ length: AT_ONCE }, work))
  t.same(shownNothing, [], `${title}: ${cases.length} cases show what they are about`)
  const undocumented = differences.filter(each => !DOCUMENTED.some(({ covers }) => covers(each)))
  t.same(undocumented.map(listed), [], `${title}: no difference but the documented ones`)
  for (const { title: what, covers } of DOCUMENTED) {
    const count = differences.filter(covers).length
    if (count > 0) t.comment(`${title}: ${what}: ${count} times`)
  }
}

/** A case that fails on one side only is a difference like any other. */
async function observe(each: Case, target: Target): Promise<unknown> {
  const deadline = new AbortController()
  try {
    return await Promise.race([
      each.ask(target),
      wait(CASE_MS_MAX, { failed: 'no end' }, { signal: deadline.signal }),
    ])
  } catch (error) {
    return { failed: error instanceof Error ? error.message : String(error) }
  } finally {
    deadline.abort()
  }
}

function listed({ case: each, path, bare, troupe }: Difference): string {
  const [expected, found] = [JSON.stringify(bare) ?? 'nothing', JSON.stringify(troupe) ?? 'nothing']
  return `${each.feature}: ${each.name}, ${path}: bare ${around(expected, found)}; Troupe ${around(found, expected)}`
}

function differencesOf(
  bare: unknown,
  troupe: unknown,
  path: readonly string[] = [],
): Pick<Difference, 'path' | 'bare' | 'troupe'>[] {
  if (isTree(bare) && isTree(troupe)) {
    const keys = new Set([...Object.keys(bare), ...Object.keys(troupe)])
    return [...keys].flatMap(key => differencesOf(bare[key], troupe[key], [...path, key]))
  }
  return isDeepStrictEqual(bare, troupe) ? [] : [{ path: path.join('.'), bare, troupe }]
}

/** Lists are compared whole: one line more or less shifts all that follow. */
function isTree(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

async function startBare(t: Test, framework: Framework): Promise<Target> {
  const program = fileURLToPath(new URL('bare.js', import.meta.url))
  const child = fork(program, [framework, String(KEEP_ALIVE_MS)], { execArgv: ['--enable-source-maps'] })
  t.teardown(() => child.kill())
  const [port] = (await once(child, 'message')) as [number]
  return target(t, port)
}

/** One web server, since an app's notes are in its memory. */
async function startTroupe(t: Test, framework: Framework): Promise<Target> {
  const cluster = await startCluster(t, {
    app: fileURLToPath(new URL(`apps/${framework}.js`, import.meta.url)),
    listen: { servedBy: false, keepAliveTimeout: `${KEEP_ALIVE_MS}ms` },
    webServers: { threads: 1 },
    sessionServers: [{ name: 'a' }],
    session: { secret: SECRET, name: SESSION_COOKIE },
  })
  return target(t, Number(new URL(cluster.url).port))
}

function target(t: Test, port: number): Target {
  const made = new Target(port)
  t.teardown(() => made.close())
  return made
}
