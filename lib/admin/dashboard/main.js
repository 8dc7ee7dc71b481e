/** The dashboard: asks once a second how the cluster is, hears of every event, and shows both. */

import { showActors } from './actors.js'
import { act, hearEvents, readMeasures, readPartitions } from './api.js'
import { Charts } from './charts.js'
import { confirm } from './confirm.js'
import { say, showEvent } from './event-list.js'
import { durationText, Figures, short } from './figures.js'
import { PartitionTiles, showPartitionTable } from './partitions.js'

/** @import { ClusterMeasures, PartitionMap } from '../../director/measured.js' */
/** @import { Point } from './figures.js' */

const LOOK_INTERVAL_MS = 1_000
/** After an event the next look is not waited for. */
const SOON_MS = 60

const figures = new Figures()
const charts = new Charts()
const tiles = new PartitionTiles()
const clock = new Intl.DateTimeFormat(undefined, { timeStyle: 'medium' })
/** @type {PartitionMap | null} */
let map = null
let lastSeen = 0
let isLost = false
/** @type {Promise<void> | null} */
let looking = null
/** @type {ReturnType<typeof setTimeout> | undefined} */
let soon

/** Looks at the cluster; two looks are never under way at once. */
function look() {
  looking ??= lookNow().finally(() => {
    looking = null
  })
  return looking
}

async function lookNow() {
  try {
    const measures = /** @type {ClusterMeasures & { actions: string[] }} */ (await readMeasures())
    if (map === null || map.version !== measures.tableVersion) map = await readPartitions()
    show(measures, map)
  } catch (error) {
    lost(error)
  }
}

/** @param {ClusterMeasures & { actions: string[] }} measures @param {PartitionMap} partitions */
function show(measures, partitions) {
  const now = Date.now()
  if (isLost) say('Connected again')
  isLost = false
  lastSeen = now
  byId('lost').hidden = true
  document.body.dataset.lost = 'false'
  const point = figures.add(measures, now)
  // First the cards: the tiles are drawn where these are.
  showActors(measures, {
    busy: actor => figures.busy(actor, measures),
    actions: measures.actions,
    onAction: (actor, role, action) => void ask(actor, role, action),
  })
  tiles.show(partitions)
  showPartitionTable(partitions)
  showFigures(measures, point)
  charts.add(point)
  showHealth(measures)
}

/** @param {ClusterMeasures} measures @param {Point} point */
function showFigures({ director, partitions }, point) {
  const values = {
    'f-rate': short(point.rate),
    'f-p50': short(point.p50),
    'f-p99': short(point.p99),
    'f-ack': short(point.ackP99),
    'f-sessions': short(point.sessions),
    'f-flight': short(director.requestsInFlight),
    'f-parked': short(director.parked),
    'f-under': short(partitions.underCopied),
    uptime: durationText(director.uptimeMs),
  }
  for (const [id, text] of Object.entries(values)) byId(id).textContent = text
  byId('f-under').dataset.tone = partitions.underCopied > 0 ? 'bad' : 'plain'
  byId('f-parked').dataset.tone = director.parked > 0 ? 'bad' : 'plain'
}

/** @param {ClusterMeasures} measures */
function showHealth({ webServers, sessionServers, partitions, director }) {
  const down = [...webServers, ...sessionServers].filter(({ state }) => state !== 'running')
  if (director.state === 'stopping') setHealth('bad', 'Stopping')
  else if (partitions.unowned > 0) setHealth('bad', `${partitions.unowned} partitions without owner`)
  else if (down.length > 0) setHealth('warn', down.map(({ name, state }) => `${name} ${state}`).join(', '))
  else if (partitions.underCopied > 0) setHealth('warn', `${partitions.underCopied} partitions under-copied`)
  else setHealth('good', 'All partitions owned and copied')
}

/** @param {string} state @param {string} text */
function setHealth(state, text) {
  byId('health').dataset.state = state
  byId('health-text').textContent = text
}

/** @param {unknown} error */
function lost(error) {
  const why = error instanceof Error && error.name !== 'TypeError' ? ` (${error.message})` : ''
  const since = lastSeen === 0 ? '' : ` What you see is from ${clock.format(lastSeen)}.`
  const text = `The admin listener does not answer${why}.${since} Trying again.`
  const element = byId('lost')
  // An alert is read out when it changes: once is enough.
  if (element.hidden || element.textContent !== text) element.textContent = text
  element.hidden = false
  document.body.dataset.lost = 'true'
  setHealth('bad', 'Connection lost')
  isLost = true
}

/** @param {string} actor @param {string} role @param {string} action */
async function ask(actor, role, action) {
  const isKill = action === 'kill'
  const others =
    role === 'web server'
      ? 'The other web servers take its partitions over'
      : 'Other session servers hold its copies'
  const isSure = await confirm({
    title: isKill ? `Kill ${actor}?` : `Drain ${actor}?`,
    text: isKill
      ? `Its thread ends at once. ${others}, and it is started again. Requests it was working on may fail.`
      : 'Its partitions are handed over to the other web servers, its requests in flight finish, and it ends. None replaces it.',
    yes: isKill ? `Kill ${actor}` : `Drain ${actor}`,
  })
  if (!isSure) return
  try {
    await act(actor, isKill ? 'kill' : 'drain')
    say(isKill ? `${actor} was killed` : `${actor} was drained`)
  } catch (error) {
    showEvent('failed', { at: Date.now(), text: error instanceof Error ? error.message : String(error) })
  }
}

/** @param {string} id */
function byId(id) {
  return /** @type {HTMLElement} */ (document.getElementById(id))
}

// What scrolls must be reachable by keyboard.
for (const scrolling of document.querySelectorAll('.event-list, .scroll'))
  scrolling.setAttribute('tabindex', '0')

hearEvents((type, event) => {
  showEvent(type, event)
  clearTimeout(soon)
  soon = setTimeout(look, SOON_MS)
})
await look()
setInterval(() => {
  // A page that nobody sees asks nothing.
  if (!document.hidden) void look()
}, LOOK_INTERVAL_MS)
document.addEventListener('visibilitychange', () => void look())
