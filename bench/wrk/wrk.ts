/** Runs wrk, the load generator, with the script beside this file. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'
import type { Load, Shape } from '../loads.js'

/** Not compiled, so it is where its source is. */
const SCRIPT = fileURLToPath(new URL('../../../bench/wrk/load.lua', import.meta.url))
/** An answer that takes longer is an error, s. */
const TIMEOUT_SECONDS = 10
const MS_PER_SECOND = 1_000
const US_PER_MS = 1_000
const US_PER_SECOND = 1e6

/** Latencies, ms. */
export interface Latency {
  readonly p50: number
  readonly p99: number
  readonly p999: number
}

/** What one run of wrk found. */
export interface WrkResult {
  readonly requests: number
  readonly requestsPerSecond: number
  /** As wrk tells it, filled up for requests that slow ones kept from being sent. */
  readonly latency: Latency
  /** At a constant rate: from the moment each request was due. Null otherwise. */
  readonly dueLatency: Latency | null
  /** CPU time of wrk itself for each request, µs. */
  readonly cpuUs: number
}

/** What to run. */
export interface WrkRun {
  /** Such as `http://127.0.0.1:8080`. */
  readonly url: string
  readonly load: Load
  readonly shape: Shape
  /** Cookie headers, one a session. */
  readonly cookies: readonly string[]
  readonly seconds: number
  /** Requests a second of all connections together, or null for as many as they can. */
  readonly rate: number | null
  /** For temporary files. */
  readonly folder: string
  readonly signal: AbortSignal
}

/** What the script writes: see `done` there. Times in µs. */
interface ScriptResult {
  readonly requests: number
  readonly duration: number
  readonly cpu: number
  readonly latency: Latency
  readonly paced: Latency | null
  readonly errors: Readonly<Record<string, number>>
}

/** @throws Error when wrk can't be run, or saw errors or answers with a status of 400 or more */
export async function runWrk(run: WrkRun): Promise<WrkResult> {
  const { url, load, shape, cookies, seconds, rate, folder, signal } = run
  const file = join(folder, 'cookies')
  await writeFile(file, cookies.join('\n'))
  const paced = rate === null ? 0 : rate / shape.threads
  const child = spawn(
    'wrk',
    [
      ...['-t', String(shape.threads), '-c', String(shape.connections), '-d', `${Math.ceil(seconds + 1)}s`],
      ...['--timeout', `${TIMEOUT_SECONDS}s`, '-s', SCRIPT, `${url}${load.path}`, '--'],
      ...[cookies.length === 0 ? 'none' : file, String(shape.threads), String(paced)],
      load.closes ? 'close' : 'keep',
    ],
    { stdio: ['ignore', 'pipe', 'pipe'], signal },
  )
  // wrk counts whole seconds, but ends in order when it is interrupted.
  const interrupt = setTimeout(() => child.kill('SIGINT'), seconds * MS_PER_SECOND)
  const [[code], printed, complaints] = await Promise.all([
    once(child, 'close'),
    text(child.stdout),
    text(child.stderr),
  ])
  clearTimeout(interrupt)
  const line = /^RESULT (.*)$/m.exec(printed)?.[1]
  if (code !== 0 || line === undefined) throw new Error(`wrk ended with ${code}: ${complaints}${printed}`)
  return resultOf(JSON.parse(line), `${url}${load.path}`)
}

function resultOf({ requests, duration, cpu, latency, paced, errors }: ScriptResult, url: string): WrkResult {
  const wrong = Object.entries(errors).filter(([, count]) => count > 0)
  if (wrong.length > 0 || requests === 0) {
    const found = wrong.map(([kind, count]) => `${count} errors of ${kind}`).join(', ') || 'no answer'
    throw new Error(
      `${url}: expected answers with a status below 400, found ${found} beside ${requests} answers`,
    )
  }
  return {
    requests,
    requestsPerSecond: requests / (duration / US_PER_SECOND),
    latency: inMs(latency),
    dueLatency: paced === null ? null : inMs(paced),
    cpuUs: cpu / requests,
  }
}

function inMs({ p50, p99, p999 }: Latency): Latency {
  return { p50: p50 / US_PER_MS, p99: p99 / US_PER_MS, p999: p999 / US_PER_MS }
}
