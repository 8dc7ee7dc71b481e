/**
 * A real cluster that is attacked, with a canary: an honest client with a session that must never notice, and all that
 * the director parsed and the apps saw.
 */
import { randomUUID } from 'node:crypto'
import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import { fileURLToPath } from 'node:url'
import { BroadcastChannel } from 'node:worker_threads'
import type { Test } from 'tap'
import type { RequestMessage } from '../../lib/director/diagnostics.js'
import { startCluster, type TestCluster } from '../support/cluster.js'
import { until } from '../support/until.js'
import { Visitor } from '../support/visitor.js'
import { SIGHTINGS, type Sighting } from './echo-app.js'

/** The secrets of the cluster: a new one, and an old one that is still listed. */
export const SECRETS = ['the new secret of the hostile tests', 'the old secret of the hostile tests'] as const

/** Pause between two requests of the canary, ms: it is to notice, not to load. */
const CANARY_PAUSE_MS = 10

/** A cluster under attack. */
export interface Attacked {
  readonly cluster: TestCluster
  readonly port: number
  readonly url: string
  readonly canary: Canary
  /** Requests that the director's parser made out, since the last look. */
  readonly parsed: { method: string; url: string; rawHeaders: readonly string[] }[]
  /** Requests that an app has read to their end, since the last look. */
  readonly seen: Sighting[]
  /** Forgets what was parsed and seen, once everything has arrived. */
  settle(): Promise<void>
}

/** Starts one. Its canary sings until the test ends, and is then asked whether it was harmed. */
export async function underAttack(
  t: Pick<Test, 'teardown'>,
  raw: Record<string, unknown> = {},
): Promise<Attacked> {
  const { listen, session, ...rest } = raw
  const cluster = await startCluster(t, {
    app: fileURLToPath(new URL('echo-app.js', import.meta.url)),
    listen: { headersTimeout: '1s', requestTimeout: '2s', ...(listen as object) },
    session: { secret: [...SECRETS], ...(session as object) },
    ...rest,
  })
  await cluster.whole()
  const parsed: Attacked['parsed'] = []
  const seen: Sighting[] = []
  const onRequest = (message: unknown) => {
    const { method = '', url = '', rawHeaders } = (message as RequestMessage).request
    if (!isCanary(url)) parsed.push({ method, url, rawHeaders })
  }
  subscribe('troupe:request:start', onRequest)
  const channel = new BroadcastChannel(SIGHTINGS)
  channel.onmessage = event => {
    const sighting = (event as { data: unknown }).data as Sighting
    if (!isCanary(sighting.url)) seen.push(sighting)
  }
  t.teardown(() => {
    unsubscribe('troupe:request:start', onRequest)
    channel.close()
  })
  const url = cluster.urls[0] ?? ''
  const canary = new Canary(url)
  t.teardown(() => canary.leave())
  await canary.sing()
  const settle = async () => {
    await until(async () => (await cluster.status()).director.requestsInFlight <= 1)
    parsed.length = 0
    seen.length = 0
  }
  return { cluster, port: Number(new URL(url).port), url, canary, parsed, seen, settle }
}

function isCanary(url: string): boolean {
  return url.startsWith('/canary')
}

/** An honest client with a session. */
export class Canary {
  readonly visitor: Visitor
  readonly secret = randomUUID()
  /** What went wrong, in words. */
  readonly harm: string[] = []
  #isForgiven = false
  #turns = 0
  #slowestMs = 0
  #isSinging = false
  #song: Promise<void> = Promise.resolve()

  constructor(url: string) {
    this.visitor = new Visitor(url)
  }

  /** Requests so far. */
  get turns(): number {
    return this.#turns
  }

  /** The longest wait for an answer, ms. */
  get slowestMs(): number {
    return Math.round(this.#slowestMs)
  }

  /** Asks once, then again and again. */
  async sing(): Promise<void> {
    await this.#turn()
    this.#isSinging = true
    this.#song = this.#go()
  }

  /** Two more turns from now on: whatever was done before would be noticed. */
  async turn(): Promise<void> {
    const turns = this.#turns + 2
    await until(() => this.#turns >= turns || this.harm.length > 0)
  }

  /** What happened so far was to be expected: a request that met the loss of its web server may have counted twice. */
  forgive(): void {
    this.harm.length = 0
    this.#isForgiven = true
  }

  async leave(): Promise<void> {
    this.#isSinging = false
    await this.#song
    await this.visitor.leave()
  }

  async #go(): Promise<void> {
    while (this.#isSinging) {
      await this.#turn()
      await new Promise(resolve => setTimeout(resolve, CANARY_PAUSE_MS))
    }
  }

  async #turn(): Promise<void> {
    const nonce = randomUUID()
    const began = performance.now()
    try {
      const { status, text } = await this.visitor.get(`/canary?nonce=${nonce}&secret=${this.secret}`)
      this.#turns++
      if (this.#isForgiven && status === 200) {
        this.#isForgiven = false
        this.#turns = Number(JSON.parse(text).turns)
      }
      this.#slowestMs = Math.max(this.#slowestMs, performance.now() - began)
      const expected = JSON.stringify({ nonce, secret: this.secret, turns: this.#turns })
      if (status !== 200 || text !== expected)
        this.harm.push(`expected 200 ${expected}, got ${status} ${text}`)
    } catch (error) {
      this.harm.push(String(error))
    }
  }
}
