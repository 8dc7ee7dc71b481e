import { setTimeout as wait } from 'node:timers/promises'
import t, { type Test } from 'tap'
import { Client } from 'undici'
import { ALL_PARTITIONS, type Epoch } from '../../lib/replication/ids.js'
import { openLmdbStore } from '../../lib/session-server/stores/lmdb.js'
import { type Command, serve } from '../cli/run.js'
import { appFile } from '../support/cluster.js'

/** `DURABLE_ROUNDS=20` for longer runs; each round costs CI some seconds. */
const ROUNDS = Number(process.env.DURABLE_ROUNDS ?? 8)
const CLIENTS = 32
/** The load of a round runs for some moment up to this before everything is killed, ms. */
const ROUND_MS_MAX = 600

/** Counts in a session of its own, and knows what was acknowledged. */
class Counter {
  acknowledged = 0
  increments = 0
  /** The highest value that the requests sent since can have led to. */
  #highest = 0
  #cookie: string | null = null

  /** Reads its counter with its old cookie. @returns what is wrong with it, or null */
  async check(client: Client): Promise<string | null> {
    if (this.#cookie === null) return null
    const { status, text, cookie } = await this.#get(client, '/read')
    const value = Number(text)
    if (status !== 200) return `its read got ${status} ${text}`
    if (cookie !== undefined) return 'it got another cookie'
    if (value >= this.acknowledged && value <= this.#highest) return null
    return `it reads ${text}, expected ${this.acknowledged} to ${this.#highest}`
  }

  /** Increments until the server is gone. @returns what was wrong, or null */
  async run(client: Client): Promise<string | null> {
    for (;;) {
      this.#highest++
      const answer = await this.#get(client, '/').catch(() => null)
      if (answer === null) return null
      const value = Number(answer.text)
      if (answer.status !== 200) return `it got ${answer.status} ${answer.text}`
      if (!(value > this.acknowledged && value <= this.#highest)) {
        return `it got ${answer.text}, expected ${this.acknowledged + 1} to ${this.#highest}`
      }
      this.#cookie ??= answer.cookie ?? null
      this.acknowledged = value
      this.#highest = value
      this.increments++
    }
  }

  async #get(client: Client, path: string) {
    const headers = this.#cookie === null ? {} : { cookie: this.#cookie }
    const response = await client.request({ method: 'GET', path, headers })
    const text = await response.body.text()
    const cookie = response.headers['set-cookie']?.toString().split(';')[0]
    return { status: response.statusCode, text, cookie }
  }
}

/** A real `troupe start` with two session servers on disk. */
function startTroupe(t: Test, cwd: string): Promise<{ command: Command; url: string }> {
  return serve(t, ['--config', 'troupe.json'], { cwd })
}

/** The epochs that a session server has on disk; nobody else may have it open. */
async function epochsOn(path: string, name: string): Promise<Epoch[]> {
  const store = await openLmdbStore(path, name)
  const epochs = ALL_PARTITIONS.map(partition => store.fence(partition))
  await store.close()
  return epochs
}

t.test(`${ROUNDS} times kill -9 of everything at a random moment: nothing acknowledged is lost`, async t => {
  const cwd = t.testdir({
    'troupe.json': JSON.stringify({
      app: appFile('counter'),
      listen: { port: 0 },
      webServers: { threads: 2 },
      sessionServers: [
        { name: 'a', store: 'lmdb', path: 'data/a' },
        { name: 'b', store: 'lmdb', path: 'data/b' },
      ],
      session: { secret: 'a secret for tests only' },
    }),
  })
  const counters = Array.from({ length: CLIENTS }, () => new Counter())
  const recoveryMs: number[] = []
  let epochs: readonly Epoch[] = ALL_PARTITIONS.map(() => 0 as Epoch)
  for (let round = 0; round < ROUNDS; round++) {
    const spawnedAt = performance.now()
    const { command, url } = await startTroupe(t, cwd)
    const clients = counters.map(() => new Client(url, { pipelining: 1 }))
    const visit = (what: (counter: Counter, client: Client) => Promise<string | null>) =>
      Promise.all(counters.map((counter, index) => what(counter, clients[index] as Client)))
    const lost = (await visit((counter, client) => counter.check(client))).filter(found => found !== null)
    t.strictSame(lost, [], `round ${round}: every session is there`)
    recoveryMs.push(performance.now() - spawnedAt)
    const running = visit((counter, client) => counter.run(client))
    await wait(Math.random() * ROUND_MS_MAX)
    command.process.kill('SIGKILL')
    await command.finished
    t.strictSame(
      (await running).filter(found => found !== null),
      [],
      `round ${round}: every answer was right`,
    )
    await Promise.all(clients.map(client => client.destroy()))
    const now = await epochsOn(`${cwd}/data/a`, 'a')
    // Not each of them rises: the process may be killed before its claims are on this disk.
    t.ok(
      now.every((epoch, index) => epoch >= (epochs[index] ?? 0)),
      `round ${round}: no epoch goes back`,
    )
    epochs = now
  }
  t.ok(
    epochs.some(epoch => epoch > 1),
    'epochs go on',
  )
  const total = counters.reduce((sum, { increments }) => sum + increments, 0)
  const [min = 0, median = 0, max = 0] = [0, 0.5, 1].map(at => quantile(recoveryMs.slice(1), at))
  t.comment(`${ROUNDS} rounds, ${CLIENTS} clients, ${total} acknowledged increments`)
  t.comment(
    `ms from the start of the process until all sessions were read: ${min} / ${median} / ${max} (min / median / max)`,
  )
})

/** @returns the value at that place of the sorted list, rounded */
function quantile(values: readonly number[], at: number): number {
  const sorted = [...values].sort((a, b) => a - b)
  return Math.round(sorted[Math.round(at * (sorted.length - 1))] ?? 0)
}
