/**
 * One test for each heading of docs/why.md: what goes wrong with express-session, run here where it can be, and what
 * happens instead.
 */
import { readFile } from 'node:fs/promises'
import { setTimeout as wait } from 'node:timers/promises'
import { sign } from 'cookie-signature'
import session, { MemoryStore, type SessionData } from 'express-session'
import t from 'tap'
import listener from '../support/apps/session-calls.js'
import { sessionsOf, startCluster, type TestCluster } from '../support/cluster.js'
import { NAME, SECRET } from '../support/session-contract.js'
import { expressOptions } from '../support/session-options.js'
import { startReference } from '../support/session-reference.js'
import { until } from '../support/until.js'
import { type Answer, Crowd, openGate, stopAtGate, type Visitor, visit } from '../support/visitor.js'

type Tap = Parameters<typeof visit>[0]

const APP = { app: 'session-calls', session: { name: NAME, secret: SECRET } }

/** The headings of the page, each with its test. */
const complaints: Record<string, (t: Tap, cluster: TestCluster) => Promise<void>> = {
  'Parallel requests lose what the other has written': async (t, cluster) => {
    const both = async (url: string) => {
      const visitor = visit(t, url)
      await visitor.get('/count')
      const one = await stopAtGate(visitor.tab(), '/add?item=a', 'add')
      const two = await stopAtGate(visitor.tab(), '/add?item=b', 'add')
      await openGate(visitor, 'add')
      await Promise.all([one.answer, two.answer])
      return (await tell(visitor, '/value?key=cart')) as { items: string[] }
    }
    const reference = await startReference(t, listener, expressOptions.usual)
    t.equal((await both(reference.url)).items.length, 1, 'express-session keeps one of two')
    t.same((await both(cluster.url)).items, ['a', 'b'])
  },

  'The redirect that overtakes its save': async (t, cluster) => {
    const store = new SlowStore()
    const reference = await startReference(t, listener, { ...expressOptions.usual, store })
    await visit(t, reference.url).head('/user?user=ada')
    t.equal(store.saved, 0, 'express-session: the client has the head, the store has nothing')

    const visitor = visit(t, cluster.url)
    await visitor.head('/user?user=ada')
    await cluster.lose('web-1', 'web-2')
    t.equal(await tell(visitor, '/whoami'), 'ada', 'with the head there is a copy')
    await cluster.whole()
  },

  'A logout that a running request takes back': async (t, cluster) => {
    const afterLogout = async (url: string) => {
      const visitor = visit(t, url)
      await visitor.get('/user?user=ada')
      const thief = visitor.tab()
      const { answer } = await stopAtGate(visitor.tab(), '/count', 'late')
      await visitor.get('/destroy')
      await openGate(thief.tab(), 'late')
      await answer
      return tell(thief, '/whoami')
    }
    const reference = await startReference(t, listener, expressOptions.usual)
    t.equal(await afterLogout(reference.url), 'ada', 'express-session: logged in again')
    t.equal(await afterLogout(cluster.url), null)
  },

  'A logout that leaves its cookie behind': async (t, cluster) => {
    const left = async (url: string) => {
      const visitor = visit(t, url)
      await visitor.get('/user?user=ada')
      await visitor.get('/destroy')
      return visitor.cookies.size
    }
    const reference = await startReference(t, listener, expressOptions.usual)
    t.same([await left(reference.url), await left(cluster.url)], [1, 0])
  },

  'A write to the store for every request and every static file': async (t, cluster) => {
    const store = new CountingStore()
    const reference = await startReference(t, listener, { ...expressOptions.usual, store })
    const use = async (visitor: Visitor) => {
      for (let request = 0; request < 20; request++) {
        await visitor.get('/nothing')
        await visitor.get('/read')
      }
    }
    const [theirs, ours] = [visit(t, reference.url), visit(t, cluster.url)]
    await Promise.all([theirs.get('/count'), ours.get('/count')])
    const before = await mutationsOf(cluster)
    await Promise.all([use(theirs), use(ours)])
    t.equal(store.touches, 40)
    t.equal(await mutationsOf(cluster), before)
  },

  'Cookie and store that disagree about the end of a session': async (t, cluster) => {
    const reference = await startReference(t, listener, expressOptions.usual)
    const [theirs, ours] = [reference.url, cluster.url].map(url => new Browser(visit(t, url)))
    for (const browser of [theirs, ours]) await browser?.get('/lifetime?ms=3000')
    for (let use = 0; use < 8; use++) {
      await wait(400)
      for (const browser of [theirs, ours]) await browser?.get('/read')
    }
    t.equal(theirs?.hasCookie, false, 'express-session: the browser has dropped the cookie')
    t.equal(await tell(theirs?.visitor, '/read'), 1, 'of a session that the store has kept alive')
    t.equal(ours?.hasCookie, true, 'both were renewed')
    t.equal(await tell(ours?.visitor, '/read'), 1)
  },

  'Session fixation, and data that goes on after a login': async (t, cluster) => {
    const attacker = visit(t, cluster.url)
    await attacker.get('/add?item=tea')
    await attacker.get('/user?user=mallory')
    const victim = attacker.tab()
    await victim.get('/login?user=ada')
    t.equal(await tell(victim, '/whoami'), 'ada')
    t.same(await tell(victim, '/value?key=cart'), { items: ['tea'] }, 'only what the app takes over goes on')
    t.equal(await tell(victim, '/value?key=count'), null)
    t.equal(await tell(attacker, '/whoami'), null, 'the planted cookie is worth nothing')

    const planted = visit(t, cluster.url)
    planted.cookies.set(NAME, encodeURIComponent(`s:${sign('an id of my choice', SECRET)}`))
    await planted.get('/count')
    t.not(await tell(planted, '/id'), 'an id of my choice', 'and no id is taken from outside')
  },

  'Several sessions from the parallel first requests of one visitor': async (t, cluster) => {
    const sessions = async () => sessionsOf((await cluster.status()).webServers)
    const before = await sessions()
    const paths = ['/read', '/nothing', '/look', '/nothing', '/count']
    const answers = await Promise.all(paths.map(path => visit(t, cluster.url).get(path)))
    t.same(answers.filter(hasCookie).length, 1)
    t.equal(await sessions(), before + 1, 'one that stores something: one session')
    const two = await Promise.all([0, 1].map(() => visit(t, cluster.url).get('/count')))
    t.same(two.filter(hasCookie).length, 2, 'two that store something: two, since nothing ties them together')
  },

  'No promises': async (t, cluster) => {
    const reference = await startReference(t, listener, expressOptions.usual)
    t.same(
      [await tell(visit(t, reference.url), '/promises'), await tell(visit(t, cluster.url), '/promises')],
      [false, true],
    )
  },

  'Memory that is never freed': async t => {
    const store = new session.MemoryStore()
    const reference = await startReference(t, listener, {
      ...expressOptions.usual,
      store,
      cookie: { maxAge: 100 },
    })
    const cluster = await startCluster(t, {
      ...APP,
      session: { ...APP.session, ttl: '1s' },
      cache: { maxBytes: '64kb' },
    })
    const path = `/user?user=${'x'.repeat(2000)}`
    await Promise.all([reference.url, cluster.url].map(url => new Crowd(t, url, 100).get(path)))
    const { webServers } = await cluster.status()
    t.ok(
      sessionsOf(webServers) < 100,
      `${sessionsOf(webServers)} of 100 in memory: as many as cache.maxBytes allows`,
    )
    const copies = async () => sessionsOf((await cluster.status()).sessionServers)
    await until(async () => (await copies()) < 180)
    t.pass('and of the 200 copies the expired ones go by themselves, a part at a time')
    const { sessions } = store as unknown as { sessions: object }
    t.equal(Object.keys(sessions).length, 100, 'MemoryStore has all that nobody asked for again')
  },

  'Sessions lost across workers, crashes and restarts': async (t, cluster) => {
    const visitor = visit(t, cluster.url)
    await visitor.get('/user?user=ada')
    const answers = await Promise.all(Array.from({ length: 20 }, () => visitor.tab().get('/whoami')))
    const hosts = new Set(answers.map(({ servedBy }) => servedBy))
    t.same([...new Set(answers.map(({ text }) => text))], ['"ada"'])
    t.equal(hosts.size, 1, 'wherever it comes in, a request is served where its session is')
    const [host = ''] = hosts
    await cluster.lose(host)
    t.equal(await tell(visitor, '/whoami'), 'ada', 'by another, when that one has crashed')
    await cluster.whole()
  },
}

/** A store that takes its time, as one across a network does. */
class SlowStore extends MemoryStore {
  saved = 0

  override set(id: string, data: SessionData, done?: (error?: unknown) => void): void {
    setTimeout(() => {
      this.saved++
      super.set(id, data, done)
    }, 200)
  }
}

class CountingStore extends MemoryStore {
  touches = 0

  override touch(id: string, data: SessionData, done?: () => void): void {
    this.touches++
    super.touch(id, data, done)
  }
}

/** Knows when a real browser would have dropped the cookie; dates of cookies are in whole seconds. */
class Browser {
  readonly visitor: Visitor
  #expires = 0

  constructor(visitor: Visitor) {
    this.visitor = visitor
  }

  get hasCookie(): boolean {
    return this.#expires > Date.now()
  }

  async get(path: string): Promise<void> {
    const { headers } = await this.visitor.get(path)
    const date = /Expires=([^;]+)/.exec(String(headers['set-cookie'] ?? ''))?.[1]
    if (date !== undefined) this.#expires = Date.parse(date)
  }
}

async function tell(visitor: Visitor | undefined, path: string): Promise<unknown> {
  return JSON.parse((await visitor?.get(path))?.text ?? 'null')
}

function hasCookie({ headers }: Answer): boolean {
  return headers['set-cookie'] !== undefined
}

async function mutationsOf(cluster: TestCluster): Promise<number> {
  const { webServers } = await cluster.status()
  return webServers.reduce((sum, { mutations }) => sum + mutations, 0)
}

t.test('what docs/why.md tells', async t => {
  const cluster = await startCluster(t, APP)
  for (const [heading, test] of Object.entries(complaints)) t.test(heading, t => test(t, cluster))
})

t.test('docs/why.md has a heading for each of these tests, and none besides', async t => {
  const page = await readFile(new URL('../../../docs/why.md', import.meta.url), 'utf8')
  t.same(
    Array.from(page.matchAll(/^## (.+)$/gm), ([, heading]) => heading).sort(),
    Object.keys(complaints).sort(),
  )
})
