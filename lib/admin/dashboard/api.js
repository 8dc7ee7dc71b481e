/** Asks the admin listener: figures, partitions, events, and what the buttons do. */

/** @import { ClusterMeasures, PartitionMap } from '../../director/measured.js' */

/** Longest wait for an answer, ms: it asks every actor, and one that hangs takes half a second. */
const TIMEOUT_MS = 4_000
/** Longest wait for something to be done, ms: a drain lets requests in flight finish first. */
const ACT_TIMEOUT_MS = 120_000

/** The events that the page hears of. */
export const EVENT_TYPES = [
  'actor:started',
  'actor:ended',
  'takeover',
  'handover',
  'under-copied',
  'resynced',
  'missed',
]

/** @returns {Promise<ClusterMeasures>} */
export function readMeasures() {
  return ask('api/measures')
}

/** @returns {Promise<PartitionMap>} */
export function readPartitions() {
  return ask('api/partitions')
}

/** @param {string} actor @param {'kill' | 'drain'} what */
export async function act(actor, what) {
  await ask(`api/actors/${encodeURIComponent(actor)}/${what}`, 'POST', ACT_TIMEOUT_MS)
}

/**
 * Hears of events for ever; the browser comes again by itself when the connection is lost.
 * @param {(type: string, details: Record<string, unknown>) => void} onEvent
 */
export function hearEvents(onEvent) {
  const source = new EventSource('api/events')
  for (const type of EVENT_TYPES) {
    source.addEventListener(type, event => onEvent(type, JSON.parse(event.data)))
  }
  // The browser gives up for good when the answer is no stream, such as while the listener has too many readers.
  source.addEventListener('error', () => {
    if (source.readyState === EventSource.CLOSED) setTimeout(() => hearEvents(onEvent), TIMEOUT_MS)
  })
}

/**
 * @param {string} path @param {'GET' | 'POST'} method @param {number} timeoutMs
 * @returns {Promise<any>} whatever that path answers
 */
async function ask(path, method = 'GET', timeoutMs = TIMEOUT_MS) {
  const response = await fetch(path, { method, signal: AbortSignal.timeout(timeoutMs) })
  // The login is over: the page itself asks for another.
  if (response.status === 401) location.reload()
  const body = await response.json()
  if (!response.ok) throw new Error(body?.error?.message ?? `${path} answered ${response.status}`)
  return body
}
