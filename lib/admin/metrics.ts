/**
 * GET /metrics: every figure of the cluster for Prometheus. Names, units and labels are a contract with dashboards and
 * alerts: docs/operations.md lists them. Labels are names of actors, which stay the same over restarts, and words from
 * fixed lists: so the number of series is bounded by the configuration.
 */

import { METHOD_CLASSES, OUTCOMES } from '../director/front/traffic.js'
import type { ClusterMeasures, SessionServerMeasures, WebServerMeasures } from '../director/measured.js'
import type { ThreadStats } from '../transport/thread-stats.js'
import { Exposition, type Series } from './exposition.js'

/** The label of requests that reached no web server. */
const NO_WEB_SERVER = 'none'
const DIRECTOR = 'director'
const MS_PER_SECOND = 1000
const MICROSECONDS_PER_SECOND = 1_000_000

/** The page of metrics; it remembers the one before, for ratios over the time in between. */
export class MetricsPage {
  readonly #loops = new Map<string, ThreadStats>()

  /** @returns the text for these figures, and its content type */
  async write(measures: ClusterMeasures): Promise<{ readonly type: string; readonly text: string }> {
    const page = new Exposition()
    writeRequests(page, measures)
    writeSessions(page, measures.webServers)
    writeCopies(page, measures.sessionServers)
    writePartitions(page, measures)
    writeActors(page, measures)
    this.#writeThreads(page, measures)
    writeProcess(page, measures)
    return { type: page.contentType, text: await page.text() }
  }

  #writeThreads(page: Exposition, measures: ClusterMeasures): void {
    const threads = threadsOf(measures)
    const of = (pick: (stats: ThreadStats) => number) =>
      threads.map(({ actor, stats }) => ({ labels: { actor }, value: pick(stats) }))
    page.gauge(
      'troupe_heap_used_bytes',
      "Memory in use in the heap of the actor's thread.",
      of(t => t.heapUsedBytes),
    )
    page.gauge(
      'troupe_heap_size_bytes',
      "Memory that the heap of the actor's thread takes.",
      of(t => t.heapTotalBytes),
    )
    page.gauge(
      'troupe_heap_limit_bytes',
      'What that heap may grow to.',
      of(t => t.heapLimitBytes),
    )
    page.counter(
      'troupe_event_loop_active_seconds_total',
      "Time in which the actor's event loop worked.",
      of(t => t.loopActiveMs / MS_PER_SECOND),
    )
    page.counter(
      'troupe_event_loop_idle_seconds_total',
      "Time in which the actor's event loop waited.",
      of(t => t.loopIdleMs / MS_PER_SECOND),
    )
    const ratios = threads.map(({ actor, stats }) => ({ labels: { actor }, value: this.#busy(actor, stats) }))
    page.gauge(
      'troupe_event_loop_utilization_ratio',
      "Share of the time since the scrape before in which the actor's event loop worked.",
      ratios,
    )
  }

  #busy(actor: string, stats: ThreadStats): number {
    const before = this.#loops.get(actor)
    this.#loops.set(actor, stats)
    // A thread that began meanwhile counts from its beginning.
    const since = before !== undefined && before.loopActiveMs <= stats.loopActiveMs ? before : null
    const active = stats.loopActiveMs - (since?.loopActiveMs ?? 0)
    const all = active + stats.loopIdleMs - (since?.loopIdleMs ?? 0)
    return all > 0 ? Math.min(1, active / all) : 0
  }
}

function writeRequests(page: Exposition, { traffic, director, webServers }: ClusterMeasures): void {
  const perServer = traffic.map(({ webServer, ...counts }) => ({
    ...counts,
    webServer: webServer ?? NO_WEB_SERVER,
  }))
  page.counter(
    'troupe_http_requests_total',
    'Requests that are over, by who answered them, whether they only read, and the class of their status (cut: begun and not ended; aborted: the client left).',
    perServer.flatMap(({ webServer, requests }) =>
      METHOD_CLASSES.flatMap((method, row) =>
        OUTCOMES.map((status, column) => ({
          labels: { web_server: webServer, method, status },
          value: requests[row]?.[column] ?? 0,
        })),
      ),
    ),
  )
  page.histogram(
    'troupe_http_request_duration_seconds',
    'From the head of a request to the end of its answer, acknowledgement of its session changes included; without tunnels.',
    perServer.flatMap(({ webServer, durations }) =>
      durations.map((value, row) => ({
        labels: { web_server: webServer, method: METHOD_CLASSES[row] ?? '' },
        value,
      })),
    ),
  )
  page.gauge(
    'troupe_http_requests_in_flight',
    'Requests that a web server works on, tunnels included.',
    webServers.map(({ name, requestsInFlight }) => ({
      labels: { web_server: name },
      value: requestsInFlight,
    })),
  )
  page.gauge('troupe_http_requests_parked', 'Requests that wait for an owner.', one(director.parked))
  page.gauge('troupe_http_connections', "Clients' open connections.", one(director.connections))
  page.gauge('troupe_http_tunnels', 'Open tunnels, such as WebSockets.', one(director.tunnels))
}

function writeSessions(page: Exposition, webServers: readonly WebServerMeasures[]): void {
  const running = webServers.flatMap(({ name, stats }) => (stats === null ? [] : [{ name, stats }]))
  const of = (pick: (stats: NonNullable<WebServerMeasures['stats']>) => number): Series<number>[] =>
    running.map(({ name, stats }) => ({ labels: { web_server: name }, value: pick(stats) }))
  page.gauge(
    'troupe_sessions',
    "Sessions in the web server's cache.",
    of(s => s.sessions),
  )
  page.gauge(
    'troupe_session_cache_bytes',
    'Estimated size of that cache.',
    of(s => s.cacheBytes),
  )
  page.counter(
    'troupe_session_cache_hits_total',
    'Requests whose session was in the cache.',
    of(s => s.cacheHits),
  )
  page.counter(
    'troupe_session_cache_misses_total',
    'Requests whose session was asked for at session servers.',
    of(s => s.cacheMisses),
  )
  page.counter(
    'troupe_session_events_total',
    'What happened to sessions.',
    running.flatMap(({ name, stats }) =>
      Object.entries(stats.sessionEvents).map(([event, value]) => ({
        labels: { web_server: name, event },
        value,
      })),
    ),
  )
  page.counter(
    'troupe_mutations_total',
    'Changes of sessions, touches among them.',
    of(s => s.mutations),
  )
  page.gauge(
    'troupe_outbox_mutations',
    'Changes that some session server has not acknowledged yet.',
    of(s => s.outboxDepth),
  )
  page.histogram(
    'troupe_mutation_ack_duration_seconds',
    'From a change to its acknowledgement by as many session servers as replication.acks asks for.',
    running.map(({ name, stats }) => ({ labels: { web_server: name }, value: stats.acks })),
  )
  page.counter(
    'troupe_mutation_ack_failures_total',
    'Changes that were not acknowledged in time, or whose partition moved away.',
    of(s => s.acksFailed),
  )
}

function writeCopies(page: Exposition, sessionServers: readonly SessionServerMeasures[]): void {
  const of = (pick: (stats: NonNullable<SessionServerMeasures['stats']>) => number): Series<number>[] =>
    sessionServers.flatMap(({ name, stats }) =>
      stats === null ? [] : [{ labels: { session_server: name }, value: pick(stats) }],
    )
  page.gauge(
    'troupe_session_copies',
    'Sessions of which the session server holds a copy.',
    of(s => s.sessions),
  )
  page.gauge(
    'troupe_session_copy_bytes',
    'Size of those copies.',
    of(s => s.bytes),
  )
  page.gauge(
    'troupe_session_tombstones',
    'Ended sessions that the session server remembers.',
    of(s => s.tombstones),
  )
}

function writePartitions(page: Exposition, measures: ClusterMeasures): void {
  const { partitions, observed, webServers, sessionServers } = measures
  page.gauge(
    'troupe_partitions_owned',
    'Partitions that the web server owns.',
    webServers.map(({ name, partitions: owned }) => ({ labels: { web_server: name }, value: owned })),
  )
  page.gauge(
    'troupe_partitions_synced',
    'Partitions of which the session server holds an up-to-date copy.',
    sessionServers.map(({ name, partitions: held }) => ({ labels: { session_server: name }, value: held })),
  )
  page.gauge('troupe_partitions_unowned', 'Partitions without an owner.', one(partitions.unowned))
  page.gauge(
    'troupe_partitions_under_copied',
    'Partitions with fewer up-to-date copies than configured, or not settled after a takeover.',
    one(partitions.underCopied),
  )
  page.histogram(
    'troupe_takeover_duration_seconds',
    'From the loss of a web server until all its partitions have confirmed owners.',
    [{ value: observed.takeovers }],
  )
  page.counter(
    'troupe_takeover_partitions_total',
    'Partitions that were taken over.',
    one(observed.takeoverPartitions),
  )
  page.histogram('troupe_handover_duration_seconds', 'Planned moves from one web server to another.', [
    { value: observed.handovers },
  ])
  page.counter(
    'troupe_handover_partitions_total',
    'Partitions that were handed over.',
    one(observed.handoverPartitions),
  )
}

function writeActors(page: Exposition, { webServers, sessionServers, observed }: ClusterMeasures): void {
  const actors = [
    ...webServers.map(({ name, state, restarts }) => ({ name, role: 'web-server', state, restarts })),
    ...sessionServers.map(({ name, state, restarts }) => ({ name, role: 'session-server', state, restarts })),
  ]
  page.gauge(
    'troupe_actor_up',
    'Whether the actor runs.',
    actors.map(({ name, role, state }) => ({
      labels: { actor: name, role },
      value: state === 'running' || state === 'draining' ? 1 : 0,
    })),
  )
  page.counter(
    'troupe_actor_restarts_total',
    'How often the actor was started again.',
    actors.map(({ name, role, restarts }) => ({ labels: { actor: name, role }, value: restarts })),
  )
  page.counter(
    'troupe_actor_ends_total',
    'How often the actor ended, by how.',
    observed.ends.map(({ actor, how, count }) => ({ labels: { actor, how }, value: count })),
  )
}

function writeProcess(page: Exposition, { director }: ClusterMeasures): void {
  const { user, system } = process.cpuUsage()
  page.gauge('troupe_uptime_seconds', 'Since the director started.', one(director.uptimeMs / MS_PER_SECOND))
  page.counter(
    'process_cpu_seconds_total',
    'User and system CPU time of the whole process, all its threads included.',
    one((user + system) / MICROSECONDS_PER_SECOND),
  )
  page.gauge(
    'process_resident_memory_bytes',
    'Resident memory of the whole process.',
    one(director.residentBytes),
  )
}

function threadsOf({ director, webServers, sessionServers }: ClusterMeasures) {
  const actors = [{ name: DIRECTOR, stats: director }, ...webServers, ...sessionServers]
  return actors.flatMap(({ name, stats }) => (stats === null ? [] : [{ actor: name, stats }]))
}

function one(value: number): Series<number>[] {
  return [{ value }]
}
